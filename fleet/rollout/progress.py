"""One cluster's progress in one rollout: part of the state, and what tallies count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clusters.model import ClusterName, Contest, Digest
from fleet.model import GateName
from fleet.rollout.clocks import Clock
from fleet.rollout.model import Membership, Seat


class ClusterState(StrEnum):
    """Where one cluster stands in one rollout."""

    PENDING = "Pending"
    BLOCKED = "Blocked"
    """Pending with a reason of its own: never stored, `decide` says it in `Outcome.blocked`."""
    APPLYING = "Applying"
    VERIFYING = "Verifying"
    SOAKING = "Soaking"
    GOOD = "Good"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    DEFERRED = "Deferred"
    WITHDRAWN = "Withdrawn"
    SKIPPED = "Skipped"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    NEEDS_HUMAN = "NeedsHuman"
    UNCHANGED = "Unchanged"


IN_FLIGHT = frozenset({ClusterState.APPLYING, ClusterState.VERIFYING, ClusterState.SOAKING})
"""States in which a cluster holds a slot of its stage."""

BROKEN = frozenset({ClusterState.FAILED, ClusterState.TIMED_OUT})
"""States in which no attempt is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterRollout:
    """One cluster's progress."""

    seat: Seat
    state: ClusterState
    since: datetime
    membership: Membership = Membership.MEMBER
    target: Digest | None = None
    """What was last assigned by this rollout; None: nothing yet, or an uninstall."""
    assigned_at: datetime | None = None
    last_good: Digest | None = None
    """Newest release that had been Good here when this rollout assigned its own."""
    generation: int = 0
    """Fencing number of the lease under which the last assignment was made."""
    attempts: int = 0
    trouble: str = ""
    """Why the current attempt failed, or what is wrong at present; empty: nothing known."""
    attempt_over: bool = False
    """The current attempt has failed; a retry or the end of the cluster's try comes next."""
    timed_out: bool = False
    """The current attempt ended by its deadline, not by a definite no."""
    degraded: bool = False
    """Seen Degraded at the target since the attempt began."""
    progress: Clock = Clock()
    """Active time of the current attempt."""
    soak: Clock = Clock()
    """Observed healthy time at the target digest."""
    drifts: int = 0
    """Drifts corrected during the current soak."""
    counted: bool = False
    """Counts as a failure of its stage."""
    broken: bool = False
    """A person asked to retry it: not a failure any more, not yet healthy."""
    unreachable_since: datetime | None = None
    outside_window: bool = False
    leaving: bool = False
    reobserve: bool = False
    """After a restart or an absence: what the cluster holds must be read before it is believed."""
    observing: bool = False
    """That reading has been asked for."""
    baseline_due: bool = False
    """Must be given the stage's baseline before it may take its turn."""
    contested: tuple[Contest, ...] = ()
    """Fields that others hold and the target changes: a person has to decide (`takeover`)."""
    decided: tuple[Contest, ...] = ()
    """What was decided about the target."""
    measured_at: Mapping[GateName, datetime] = field(default_factory=dict)
    """Newest success of each gate that measures this cluster, at the target digest."""

    @property
    def name(self) -> ClusterName:
        """The cluster."""
        return self.seat.cluster

    @property
    def in_flight(self) -> bool:
        """Whether it holds a slot."""
        return self.state in IN_FLIGHT
