"""What an API server serves: kind to path, refreshed when a kind is unknown.

Aggregated discovery (two requests) where the server has it, else one request a group version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from clusters.client.transport import Transport
from clusters.errors import ClusterError, UnknownKind
from clusters.model import GroupKind, ObjectRef

_AGGREGATED = {
    "Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind in one version, as served."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """`group/version`, or `version` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def base(self) -> str:
        """Path of the group version."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def collection_path(self, namespace: str = "") -> str:
        """Path of all objects, of one namespace or of the whole cluster."""
        inside = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{self.base}{inside}/{self.plural}"

    def path(self, ref: ObjectRef) -> str:
        """Path of one object."""
        return f"{self.collection_path(ref.namespace)}/{ref.name}"


class Discovery:
    """Cached knowledge of one server's kinds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._by_version: Mapping[tuple[str, str], Resource] = {}
        self._preferred: Mapping[GroupKind, Resource] = {}

    async def refresh(self) -> None:
        """Ask the server anew.

        Raises:
            ClusterError: the core API could not be read.  A group that fails on its own (its
                extension server is down) is left out.
        """
        core, groups = await asyncio.gather(self._read("/api"), self._read("/apis"))
        found = [*core, *groups]
        by_version: dict[tuple[str, str], Resource] = {}
        preferred: dict[GroupKind, Resource] = {}
        for resource in found:
            by_version[resource.api_version, resource.kind] = resource
            preferred.setdefault(GroupKind(resource.group, resource.kind), resource)
        self._by_version, self._preferred = by_version, preferred

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the kind was served in this version at the last refresh."""
        return (api_version, kind) in self._by_version

    def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind in a version.

        Raises:
            UnknownKind: not served.
        """
        try:
            return self._by_version[api_version, kind]
        except KeyError:
            raise UnknownKind(f"this cluster serves no {kind} in {api_version}") from None

    def preferred(self, kind: GroupKind) -> Resource | None:
        """The resource of a kind in the version that the server prefers, or None."""
        return self._preferred.get(kind)

    async def _read(self, root: str) -> list[Resource]:
        reply = await self._transport.send("GET", root, headers=_AGGREGATED)
        answer = msgspec.json.decode(reply.body)
        if answer.get("kind") == "APIGroupDiscoveryList":
            return list(_aggregated(answer))
        if root == "/api":
            paths = [f"/api/{version}" for version in answer.get("versions", ())]
        else:
            paths = [
                f"/apis/{version['groupVersion']}"
                for group in answer.get("groups", ())
                for version in group.get("versions", ())
            ]
        lists = await asyncio.gather(*(self._group_version(path) for path in paths))
        return [resource for resources in lists for resource in resources]

    async def _group_version(self, path: str) -> list[Resource]:
        try:
            reply = await self._transport.send("GET", path)
        except ClusterError:
            if path == "/api/v1":
                raise
            return []
        answer = msgspec.json.decode(reply.body)
        group, _, version = str(answer.get("groupVersion", "")).rpartition("/")
        return [
            Resource(
                group=group,
                version=version,
                kind=item["kind"],
                plural=item["name"],
                namespaced=bool(item.get("namespaced")),
            )
            for item in answer.get("resources", ())
            if "/" not in item["name"]
        ]


def _aggregated(answer: Mapping[str, Any]) -> Iterator[Resource]:
    for group in answer.get("items", ()):
        name = (group.get("metadata") or {}).get("name", "")
        for version in group.get("versions", ()):
            for item in version.get("resources", ()):
                kind = (item.get("responseKind") or {}).get("kind")
                if kind:
                    yield Resource(
                        group=name,
                        version=version["version"],
                        kind=kind,
                        plural=item["resource"],
                        namespaced=item.get("scope") == "Namespaced",
                    )
