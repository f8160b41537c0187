"""The verbs we need of one API server, over its transport and discovery."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import msgspec

from clusters.client.discovery import Discovery, Resource
from clusters.client.transport import Transport
from clusters.client.wire import Metadata, decode_head, decode_object
from clusters.errors import Forbidden, NotFound
from clusters.model import FIELD_MANAGER, Manifest, ObjectRef

_APPLY = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
_JSON_PATCH = {"Content-Type": "application/json-patch+json", "Accept": "application/json"}
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
STREAMED_LISTS_SINCE = (1, 27)
"""Older servers ignore what they do not know, and such a watch would never say that it is whole."""
PROBE_TIMEOUT_S = 10.0
"""A server that says nothing for so long is not there."""
_VERSION = re.compile(r"v(\d+)\.(\d+)")
_IDENTITY = "/api/v1/namespaces/kube-system"
_METADATA_ONLY = {
    "Accept": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
}


@dataclass(frozen=True, slots=True)
class Live:
    """An object as the server returned it: its metadata decoded, all of it as bytes."""

    metadata: Metadata = field(repr=False)
    body: bytes = field(repr=False)

    def content(self) -> dict[str, Any]:
        """Parse the whole object."""
        return decode_object(self.body)


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server says of itself, and how long it took."""

    version: str
    latency_ms: float

    @property
    def streams_lists(self) -> bool:
        """Whether it knows of watches that begin with a list (KEP-3157); it may still refuse."""
        found = _VERSION.match(self.version)
        return found is not None and (int(found[1]), int(found[2])) >= STREAMED_LISTS_SINCE


class ClusterApi:
    """What the engine asks of a cluster.

    Args:
        transport: the connection.
        may_write: asked right before each write is sent, not before it waits for its turn; raises
            `Fenced` when another server writes here.
    """

    def __init__(
        self, transport: Transport, *, may_write: Callable[[], None] = lambda: None
    ) -> None:
        self.transport = transport
        self.discovery = Discovery(transport)
        self._may_write = may_write

    async def info(self) -> ServerInfo:
        """Ask for the version: the cheapest question that only an API server answers."""
        start = monotonic()
        reply = await self.transport.send("GET", "/version", timeout_s=PROBE_TIMEOUT_S)
        version = str(decode_object(reply.body).get("gitVersion", ""))
        return ServerInfo(version, (monotonic() - start) * 1000.0)

    async def identity(self) -> str | None:
        """What tells this cluster from any other, or None where we may not see it.

        The uid of kube-system: it lives as long as the cluster's data.
        """
        try:
            reply = await self.transport.send("GET", _IDENTITY, headers=_METADATA_ONLY)
        except (NotFound, Forbidden):
            return None
        return decode_head(reply.body).metadata.uid or None

    async def get(self, resource: Resource, ref: ObjectRef) -> Live | None:
        """Read one object whole; None when there is none."""
        try:
            reply = await self.transport.send("GET", resource.path(ref), ref=ref)
        except NotFound:
            return None
        return Live(decode_head(reply.body).metadata, reply.body)

    async def apply(
        self,
        resource: Resource,
        manifest: Manifest,
        *,
        force: bool = False,
        dry_run: bool = False,
        timeout_s: float = 30.0,
    ) -> Live:
        """Server-side apply: one PATCH, no GET before it.

        Raises:
            FieldConflict: another manager holds a field, and `force` is False.
            ClusterError: anything else.
        """
        params = {"fieldManager": FIELD_MANAGER, "force": "true" if force else "false"}
        if dry_run:
            params["dryRun"] = "All"
        reply = await self.transport.send(
            "PATCH",
            resource.path(manifest.ref),
            params=params,
            body=manifest.body,
            headers=_APPLY,
            ref=manifest.ref,
            timeout_s=timeout_s,
            check=None if dry_run else self._may_write,
        )
        return Live(decode_head(reply.body).metadata, reply.body)

    async def try_create(self, resource: Resource, manifest: Manifest) -> None:
        """Ask whether the server would create this object, by a dry run of a POST.

        Raises:
            Conflict: there is one of this name already; all else about it is fine.
            ClusterError: it would not, or cannot be asked.
        """
        await self.transport.send(
            "POST",
            resource.collection_path(manifest.ref.namespace),
            params={"fieldManager": FIELD_MANAGER, "dryRun": "All"},
            body=manifest.body,
            headers=_JSON,
            ref=manifest.ref,
        )

    async def patch(
        self, resource: Resource, ref: ObjectRef, operations: Sequence[Mapping[str, Any]]
    ) -> Live:
        """Change one object by a JSON patch (RFC 6902).

        Raises:
            Conflict: it has another version than the patch sets.
            ClusterError: anything else.
        """
        reply = await self.transport.send(
            "PATCH",
            resource.path(ref),
            params={"fieldManager": FIELD_MANAGER},
            body=msgspec.json.encode(operations),
            headers=_JSON_PATCH,
            ref=ref,
            check=self._may_write,
        )
        return Live(decode_head(reply.body).metadata, reply.body)

    async def delete(
        self, resource: Resource, ref: ObjectRef, *, uid: str, resource_version: str = ""
    ) -> bool:
        """Delete one object if it still is what was seen; False when it is already gone.

        Without `resource_version` it may have changed, as long as it is the same object.

        Raises:
            Conflict: it was changed meanwhile, or another object has its name now.
        """
        self._may_write()
        version = {"resourceVersion": resource_version} if resource_version else {}
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid, **version},
            "propagationPolicy": "Background",
        }
        try:
            await self.transport.send(
                "DELETE",
                resource.path(ref),
                body=msgspec.json.encode(options),
                headers=_JSON,
                ref=ref,
                check=self._may_write,
            )
        except NotFound:
            return False
        return True

    async def discard(self, resource: Resource, ref: ObjectRef) -> None:
        """Delete an object that nobody but us has a use for, whatever it is by now."""
        try:
            await self.transport.send("DELETE", resource.path(ref), ref=ref, check=self._may_write)
        except NotFound:
            return
