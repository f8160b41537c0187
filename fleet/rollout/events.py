"""Facts that change a rollout: `planner.evolve` folds them, the audit log keeps them.

Three kinds, told apart by who makes them.  *Observations* come from reconcilers, gates and the
inventory.  *Commands* come from people, already checked by `commands`.  *Conclusions and intents*
come from `planner.decide`: what time has established (`SoakElapsed`), and what is about to be done
(`ClusterAssigned` before the assignment).  Every event carries its instant as `at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clusters.model import ClusterName, Digest
from fleet.model import GateName, OnBreach, StageName, WindowName
from fleet.rollout.model import Plan, RolloutId, Seat
from fleet.rollout.state import Phase, Position, StopCause


class Purpose(StrEnum):
    """Why a digest is assigned to a cluster."""

    RELEASE = "release"
    BASELINE = "baseline"
    ROLLBACK = "rollback"


class Outcome(StrEnum):
    """What one measurement said."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


class UndoScope(StrEnum):
    """How much of a rollout is rolled back."""

    CLUSTER = "cluster"
    STAGE = "stage"
    ROLLOUT = "rollout"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClusterFact(_Fact):
    cluster: ClusterName


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command(_Fact):
    actor: str
    reason: str = ""


# --- the run and its stages ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStarted(_Fact):
    """A plan was accepted and begins."""

    id: RolloutId
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted(_Fact):
    """Conclusion: the stage's gates are open; its size and budgets are frozen."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettled(_Fact):
    """Conclusion: no cluster of the stage is waiting or in flight; what comes after is asked."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCompleted(_Fact):
    """Conclusion: the stage passed, and the next may start."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(_Fact):
    """Conclusion: no more clusters are started; `reaction` follows when those in flight are done.

    A breach is the usual cause; a failed gate, a rejection or too many unreachable clusters others.
    """

    cause: StopCause
    reason: str
    stage: StageName | None = None
    reaction: OnBreach = OnBreach.HALT


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted(_Fact):
    """Conclusion: nothing is in flight any more, and a person has to say how to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEnded(_Fact):
    """Conclusion: completed, or the end of an abort, a replacement or a rollback."""

    phase: Phase


# --- one cluster --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAssigned(_ClusterFact):
    """Intent: the cluster's desired digest is about to become `digest` (None: uninstall)."""

    digest: Digest | None
    generation: int
    purpose: Purpose = Purpose.RELEASE
    last_good: Digest | None = None
    outside_window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterApplied(_ClusterFact):
    """The cluster holds `digest` (None: nothing of the bundle is left)."""

    digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BecameHealthy(_ClusterFact):
    """The bundle was observed healthy at `digest`."""

    digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded(_ClusterFact):
    """The bundle was observed not healthy at `digest`; it may recover."""

    digest: Digest | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFailed(_ClusterFact):
    """The cluster gave a definite no: the apply was refused, or the workload gave up."""

    digest: Digest | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationAsked(_ClusterFact):
    """Intent: what the cluster holds is about to be read from its own record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterObserved(_ClusterFact):
    """What the cluster's own inventory record says it holds; ends a re-observation."""

    digest: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen(_ClusterFact):
    """Somebody changed the bundle's objects by hand."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(_ClusterFact):
    """Conclusion: the current attempt has used its active time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakElapsed(_ClusterFact):
    """Conclusion: healthy for long enough; the cluster is Good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGaveUp(_ClusterFact):
    """Conclusion: no retry is left; the cluster has failed (or timed out, if only time ran out)."""

    reason: str
    timed_out: bool = False


# --- contact and membership ---------------------------------------------------------------------


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
class Relabelled(_ClusterFact):
    """A cluster's labels changed; it keeps its stage for this rollout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClosed(_Fact):
    """Conclusion: these clusters in flight are outside their window; their deadline rests."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOpened(_Fact):
    """Conclusion: these clusters in flight are inside their window again."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorStarted(_Fact):
    """The coordinator runs again; it was last known alive at `alive_until` (None: unknown).

    `state_lost`: the store was lost and this state was rebuilt, so approvals are void, soaks start
    again, and the rollout waits for a person.
    """

    alive_until: datetime | None
    state_lost: bool = False


# --- gates --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _GateFact(_Fact):
    stage: StageName
    gate: GateName
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAsked(_GateFact):
    """Intent: a measurement, or people's approval, is about to be asked for."""

    cluster: ClusterName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateMeasured(_GateFact):
    """A measurement came back.  An answer that says nothing is inconclusive, never a success."""

    outcome: Outcome
    detail: str = ""
    cluster: ClusterName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(_Command):
    """A person agrees that the stage passes the gate."""

    stage: StageName
    gate: GateName
    position: Position
    roles: tuple[str, ...]
    plan_hash: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(_Command):
    """A person says no: the rollout halts."""

    stage: StageName
    gate: GateName
    position: Position
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePassed(_Command):
    """A person answers a gate that could not say yes or no by itself."""

    stage: StageName
    gate: GateName
    position: Position
    cluster: ClusterName | None = None


# --- commands -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(_Command):
    """Start nothing more until resumed; what is in flight finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(_Command):
    """Go on after a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted(_Command):
    """End the rollout where it is; what is in flight finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(_Command):
    """Try these clusters again; a halted rollout runs again."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(_Command):
    """Leave a cluster out; counts as a failure unless excused."""

    cluster: ClusterName
    excuse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotedNow(_Command):
    """Do not wait for soaks and measurements of the stage.  Approvals and windows still hold."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBypassed(_Command):
    """Changes may pass a closed window until `until`."""

    window: WindowName
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested(_Command):
    """Roll back now, without waiting for what is in flight.

    `targets` are digests to go to in place of each cluster's last good one.
    """

    scope: UndoScope = UndoScope.ROLLOUT
    stage: StageName | None = None
    clusters: tuple[ClusterName, ...] = ()
    targets: Mapping[ClusterName, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded(_Fact):
    """A newer release takes over: start nothing more, end when nothing is in flight."""

    by: str
    reason: str = ""


# --- rollback and hold --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackStarted(_Fact):
    """Conclusion: these clusters go back, in this order (newest change first)."""

    clusters: tuple[ClusterName, ...]
    concurrency: int
    reason: str
    targets: Mapping[ClusterName, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterLeftAsIs(_ClusterFact):
    """Conclusion: there is nothing to go back to; the cluster keeps what it has."""

    reason: str
    needs_human: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldAsked(_Fact):
    """Intent: the release is about to be put on hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaced(_Fact):
    """The release is on hold: its digests are not applied again."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleased(_Command):
    """A person lifted the hold."""


RunFact = (
    RolloutStarted | StageStarted | StageSettled | StageCompleted | Stopped | Halted | RolloutEnded
)
ClusterFact = (
    ClusterAssigned
    | ClusterApplied
    | BecameHealthy
    | Degraded
    | ClusterFailed
    | DriftSeen
    | DeadlinePassed
    | SoakElapsed
    | ClusterGaveUp
)
MemberFact = (
    ObservationAsked
    | ClusterObserved
    | ClusterUnreachable
    | ClusterReturned
    | ClusterDeferred
    | ClusterJoined
    | ClusterLeft
    | ClusterWithdrawn
    | Relabelled
    | WindowClosed
    | WindowOpened
    | CoordinatorStarted
)
GateFact = GateAsked | GateMeasured | Approved | Rejected | GatePassed
CommandFact = (
    Paused
    | Resumed
    | Aborted
    | Retried
    | Skipped
    | PromotedNow
    | WindowBypassed
    | RollbackRequested
    | Superseded
)
UndoFact = RollbackStarted | ClusterLeftAsIs | HoldAsked | HoldPlaced | HoldReleased
Event = RunFact | ClusterFact | MemberFact | GateFact | CommandFact | UndoFact
