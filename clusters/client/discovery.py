"""What an API server serves: kind to path, refreshed when a kind is unknown.

Aggregated discovery (two requests) where the server has it, else one request a group version.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from clusters.client.transport import Transport
from clusters.client.wire import DiscoveryRoot, ServedGroup, decode_resources, decode_root
from clusters.errors import ClusterError, UnknownKind
from clusters.model import GroupKind, ObjectRef

_IN_NAMES = ":@!$&'()*+,;="
"""What may stand in a path segment as it is (RFC 3986): RBAC names have colons."""
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
        return f"{self.collection_path(ref.namespace)}/{quote(ref.name, safe=_IN_NAMES)}"


class Discovery:
    """Cached knowledge of one server's kinds."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._by_version: Mapping[tuple[str, str], Resource] = {}
        self._preferred: Mapping[GroupKind, Resource] = {}
        self._silent: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Ask the server anew.

        Raises:
            ClusterError: the core API could not be read.  A group that fails on its own (its
                extension server is down) is left out.
        """
        silent: set[str] = set()
        core, groups = await asyncio.gather(self._read("/api", silent), self._read("/apis", silent))
        found = [*core, *groups]
        self._silent = frozenset(silent)
        by_version: dict[tuple[str, str], Resource] = {}
        preferred: dict[GroupKind, Resource] = {}
        for resource in found:
            by_version[resource.api_version, resource.kind] = resource
            preferred.setdefault(GroupKind(resource.group, resource.kind), resource)
        self._by_version, self._preferred = by_version, preferred

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the kind was served in this version at the last refresh."""
        return (api_version, kind) in self._by_version

    def lacks(self, kind: GroupKind) -> bool:
        """Whether the cluster positively has no such kind, in any version.

        False as well where the kind's group could not be read: nothing is known of it then.
        """
        return kind not in self._preferred and kind.group not in self._silent

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

    async def _read(self, root: str, silent: set[str]) -> list[Resource]:
        reply = await self._transport.send("GET", root, headers=_AGGREGATED)
        answer = decode_root(reply.body)
        if answer.kind == "APIGroupDiscoveryList":
            return [
                resource for group in answer.items or () for resource in _aggregated(group, silent)
            ]
        paths = _legacy_paths(root, answer)
        lists = await asyncio.gather(*(self._group_version(path, silent) for path in paths))
        return [resource for resources in lists for resource in resources]

    async def _group_version(self, path: str, silent: set[str]) -> list[Resource]:
        try:
            answer = decode_resources((await self._transport.send("GET", path)).body)
        except ClusterError:
            if path == "/api/v1":
                raise
            silent.add(path.removeprefix("/apis/").rpartition("/")[0])
            return []
        group, _, version = answer.group_version.rpartition("/")
        return [
            Resource(
                group=group,
                version=version,
                kind=item.kind,
                plural=item.name,
                namespaced=item.namespaced,
            )
            for item in answer.resources or ()
            if "/" not in item.name
        ]


def _legacy_paths(root: str, answer: DiscoveryRoot) -> list[str]:
    if root == "/api":
        return [f"/api/{version}" for version in answer.versions or ()]
    return [
        f"/apis/{version.group_version}"
        for group in answer.groups or ()
        for version in group.versions or ()
    ]


def _aggregated(group: ServedGroup, silent: set[str]) -> Iterator[Resource]:
    for version in group.versions or ():
        if version.freshness == "Stale":
            silent.add(group.metadata.name)
        for item in version.resources or ():
            if item.response_kind is None or not item.response_kind.kind:
                continue  # a resource with subresources only
            yield Resource(
                group=group.metadata.name,
                version=version.version,
                kind=item.response_kind.kind,
                plural=item.resource,
                namespaced=item.scope == "Namespaced",
            )
