"""One embedded cluster: its storage, its kinds, its writers, its faults and counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from clusters.embedded import kinds
from clusters.embedded.deleting import Deleter
from clusters.embedded.kinds import BUILT_IN, Resource
from clusters.embedded.objects import Objects
from clusters.embedded.requests import ResourcePath, WriteOptions
from clusters.embedded.schema import ANYTHING, Schema, Schemas
from clusters.embedded.storage import Storage

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")


def now() -> str:
    """Give the time as objects carry it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class EmbeddedCluster:
    """One full API, as far as it is not HTTP."""

    def __init__(self, name: str, *, tokens: frozenset[str] = frozenset()) -> None:
        self.name = name
        self.tokens = tokens
        self.storage = Storage()
        self.schemas = Schemas()
        self.objects = Objects(self.storage, schema_of=self.schema_of, now=now)
        self.deleter = Deleter(self.storage, now=now)
        self.request_counts: Counter[str] = Counter()
        self._bootstrap()

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """Find a served resource."""
        return BUILT_IN.get((group, version, plural))

    def serves(self, group: str, version: str) -> bool:
        """Tell whether a group version is served at all."""
        return version in kinds.GROUP_VERSIONS.get(group, ())

    def groups(self) -> Mapping[str, Sequence[str]]:
        """Give the served groups with their versions, the preferred one first."""
        return kinds.GROUP_VERSIONS

    def resources(self, group: str, version: str) -> Sequence[Resource]:
        """Give the resources of one group version."""
        return [row for row in BUILT_IN.values() if (row.group, row.version) == (group, version)]

    def schema_of(self, resource: Resource) -> Schema:
        """Give the schema of a kind."""
        found = self.schemas.builtin(resource.group, resource.version, resource.kind)
        return found or ANYTHING

    def _bootstrap(self) -> None:
        options = WriteOptions(manager="kube-apiserver")
        for name in SYSTEM_NAMESPACES:
            path = ResourcePath(group="", version="v1", plural="namespaces", name=name)
            body = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
            self.objects.create(kinds.NAMESPACES, path, body, options)
