"""Facts about contact with clusters, their membership, and the coordinator's own absence.

Part of `events`, which says what facts are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clusters.model import ClusterName, Digest
from fleet.rollout.model import Plan, Seat
from fleet.rollout.requests import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClusterFact(Fact):
    cluster: ClusterName


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationAsked(_ClusterFact):
    """Intent: what the cluster holds is about to be read from its own record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterObserved(_ClusterFact):
    """What the cluster's own inventory record says it holds; ends a re-observation."""

    digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterUnreachable(_ClusterFact):
    """No API contact since `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReturned(_ClusterFact):
    """API contact again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterDeferred(_ClusterFact):
    """Conclusion: away for too long; the stage goes on without it, within its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterJoined(_ClusterFact):
    """A cluster came into the fleet or the placement; `seat` is where the strategy puts it.

    `plan` is the new plan if its stage has not started (the seat is then in it).
    """

    seat: Seat
    plan: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLeft(_ClusterFact):
    """A cluster left the fleet or the placement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterWithdrawn(_ClusterFact):
    """Conclusion: a cluster that left is out of the rollout, neither good nor failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClosed(Fact):
    """Conclusion: these clusters in flight are outside their window; their deadline rests."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOpened(Fact):
    """Conclusion: these clusters in flight are inside their window again."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorStarted(Fact):
    """The coordinator runs again; it was last known alive at `alive_until` (None: unknown)."""

    alive_until: datetime | None


MemberFact = (
    ObservationAsked
    | ClusterObserved
    | ClusterUnreachable
    | ClusterReturned
    | ClusterDeferred
    | ClusterJoined
    | ClusterLeft
    | ClusterWithdrawn
    | WindowClosed
    | WindowOpened
    | CoordinatorStarted
)
