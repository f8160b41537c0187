"""Counts of one stage, kept up to date with every change of one of its clusters.

They make a decision cost what changed and not what exists: a stage of a thousand pending clusters
whose slots are taken is decided without looking at any of them.  `moved` is the only way to change
a tally; it takes a cluster out as it was and puts it in as it is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusters.model import ClusterName
from fleet.rollout.model import Membership
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.replacing import replace

Turn = tuple[bool, bool, int, ClusterName]
"""Sort key of a waiting cluster: retried first, late ones last, else in the plan's order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many clusters of a stage are where."""

    queue: tuple[Turn, ...] = ()
    """Pending clusters in the order of their turn."""
    in_flight: tuple[ClusterName, ...] = ()
    """Clusters that hold a slot, in the order they took it."""
    direct: tuple[ClusterName, ...] = ()
    """Clusters that converge on their own, pending or under way."""
    rolling_back: tuple[ClusterName, ...] = ()
    soaking: int = 0
    exposed: int = 0
    """Members in flight that are not yet counted as failures."""
    retrying: int = 0
    """Pending members that a person had retried: broken, and waiting for a slot."""
    failures: int = 0
    good: int = 0
    deferred: int = 0
    unchanged: int = 0
    domains: Mapping[str, int] = field(default_factory=dict)
    """Clusters in flight for each value of the label the stage spreads by."""

    @property
    def busy(self) -> bool:
        """Whether any cluster is waiting for its turn or in flight."""
        return bool(self.queue or self.in_flight)


@dataclass(frozen=True, slots=True)
class _Places:
    """Everything that one cluster contributes to a tally."""

    list: str = ""
    counts: frozenset[str] = frozenset()
    turn: Turn | None = None
    domain: str = ""


_NOWHERE = _Places()
_COUNTED_STATES = {
    ClusterState.SOAKING: "soaking",
    ClusterState.GOOD: "good",
    ClusterState.DEFERRED: "deferred",
    ClusterState.UNCHANGED: "unchanged",
}


def moved(tally: Tally, before: ClusterRollout | None, after: ClusterRollout | None) -> Tally:
    """Return the tally after one cluster changed from `before` to `after` (None: not there)."""
    old, new = _places(before), _places(after)
    if old == new:
        return tally
    changes: dict[str, Any] = {}
    if old.turn != new.turn:
        changes["queue"] = _requeued(tally.queue, old.turn, new.turn)
    if old.list != new.list:
        if old.list and before:
            changes[old.list] = tuple(n for n in getattr(tally, old.list) if n != before.name)
        if new.list and after:
            changes[new.list] = (*getattr(tally, new.list), after.name)
    for key in old.counts - new.counts:
        changes[key] = getattr(tally, key) - 1
    for key in new.counts - old.counts:
        changes[key] = getattr(tally, key) + 1
    if old.domain != new.domain:
        changes["domains"] = _counted(tally.domains, old.domain, new.domain)
    return replace(tally, **changes)


def _places(entry: ClusterRollout | None) -> _Places:
    if entry is None:
        return _NOWHERE
    counts = set()
    if entry.counted:
        counts.add("failures")
    if entry.state in _COUNTED_STATES and entry.membership is not Membership.DIRECT:
        counts.add(_COUNTED_STATES[entry.state])
    if entry.state is ClusterState.ROLLING_BACK:
        return _Places("rolling_back", frozenset(counts))
    if entry.membership is Membership.DIRECT:
        under_way = entry.in_flight or entry.state is ClusterState.PENDING
        return _Places("direct" if under_way else "", frozenset(counts))
    if entry.state is ClusterState.PENDING:
        if entry.broken:
            counts.add("retrying")
        late = entry.membership is Membership.LATE
        turn = (not entry.broken, late, entry.seat.index, entry.name)
        return _Places("", frozenset(counts), turn)
    if entry.in_flight:
        if entry.membership is Membership.MEMBER and not entry.counted:
            counts.add("exposed")
        return _Places("in_flight", frozenset(counts), None, entry.seat.domain)
    return _Places("", frozenset(counts))


def _requeued(queue: tuple[Turn, ...], before: Turn | None, after: Turn | None) -> tuple[Turn, ...]:
    if before is not None:
        at = bisect_left(queue, before)
        queue = queue[:at] + queue[at + 1 :]
    if after is not None:
        at = bisect_left(queue, after)
        queue = (*queue[:at], after, *queue[at:])
    return queue


def _counted(domains: Mapping[str, int], before: str, after: str) -> Mapping[str, int]:
    counts = dict(domains)
    if before:
        counts[before] -= 1
        if not counts[before]:
            del counts[before]
    if after:
        counts[after] = counts.get(after, 0) + 1
    return counts
