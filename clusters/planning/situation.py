"""What a plan for one cluster is made from, and what it is gathered in.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from clusters.model import GroupKind, ObjectRef
from clusters.planning.actions import Apply, Detach, HeldPrune, Prune, Wait
from clusters.planning.guards import PruneBudget
from clusters.records import Record


@dataclass(slots=True)
class Draft:
    """A plan in the making."""

    applies: list[Apply] = field(default_factory=list)
    prunes: list[Prune] = field(default_factory=list)
    detaches: list[Detach] = field(default_factory=list)
    forgets: list[ObjectRef] = field(default_factory=list)
    held: list[HeldPrune] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    retry_at: float | None = None
    unserved: bool = False

    def due(self, at: float) -> None:
        """Time alone changes the plan then."""
        self.retry_at = at if self.retry_at is None else min(self.retry_at, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the plan depends on beside the desired state."""

    records: Mapping[ObjectRef, Record]
    served: Callable[[str, str], bool]
    """Whether the cluster serves an apiVersion and kind."""
    lacks: Callable[[GroupKind], bool]
    """Whether the cluster positively has no such kind in any version."""
    synced: Collection[GroupKind]
    """Kinds whose live objects are known completely."""
    interrupted: Mapping[GroupKind, str] = field(default_factory=dict)
    """Kinds that cannot be watched now, with the reason."""
    forbidden: Collection[GroupKind] = frozenset()
    """Those of them that our credentials may not watch."""
    plural_of: Callable[[GroupKind], str] = lambda _: ""
    """The plural name of a kind that the cluster serves, else empty."""
    now: float
    """Monotonic time in seconds."""
    budget: PruneBudget = PruneBudget()

    def unseen(self, kind: GroupKind) -> str | None:
        """Why the live objects of a kind are not known, or None when they are."""
        if kind in self.synced:
            return None
        trouble = self.interrupted.get(kind)
        why = f": {trouble}" if trouble else " yet"
        return f"what the cluster has of this kind is not known{why}"
