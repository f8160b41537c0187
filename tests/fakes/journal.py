"""An apply set that lives in memory: survives a reconciler, not the test."""

from __future__ import annotations

from collections.abc import Sequence

from clusters.model import Applied, ClusterName, ObjectRef


class MemoryJournal:
    """Keeps members by cluster; `writes` counts transactions."""

    def __init__(self) -> None:
        self.members: dict[ClusterName, dict[ObjectRef, Applied]] = {}
        self.writes = 0

    async def load(self, cluster: ClusterName) -> Sequence[Applied]:
        return tuple(self.members.get(cluster, {}).values())

    async def write(
        self, cluster: ClusterName, upserts: Sequence[Applied], removals: Sequence[ObjectRef]
    ) -> None:
        self.writes += 1
        members = self.members.setdefault(cluster, {})
        for applied in upserts:
            members[applied.ref] = applied
        for ref in removals:
            members.pop(ref, None)
