"""Facts that change a rollout: `planner.evolve` folds them, the audit log keeps them.

Three kinds, told apart by who makes them.  *Observations* come from reconcilers, gates and the
inventory.  *Commands* come from people, are declared in `requests` and have
been checked by `commands`.  *Conclusions and intents*
come from `planner.decide`: what time has established (`SoakElapsed`), and what is about to be done
(`ClusterAssigned` before the assignment).  Every event carries its instant as `at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from clusters.model import ClusterName, Contest, Digest
from fleet.model import GateName, OnBreach, StageName
from fleet.rollout.member_events import MemberFact
from fleet.rollout.model import Plan, RolloutId
from fleet.rollout.requests import (
    Aborted,
    Fact,
    GateRequest,
    HoldReleased,
    Paused,
    PromotedNow,
    Resumed,
    Retried,
    RollbackRequested,
    Skipped,
    TakeoverDecided,
    WindowBypassed,
)
from fleet.rollout.state import Phase, Position, StopCause


class Purpose(StrEnum):
    """Why a digest is assigned to a cluster."""

    RELEASE = "release"
    BASELINE = "baseline"
    ROLLBACK = "rollback"


class Measurement(StrEnum):
    """What one measurement said."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClusterFact(Fact):
    cluster: ClusterName


# --- the run and its stages ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutStarted(Fact):
    """A plan was accepted and begins."""

    id: RolloutId
    plan: Plan
    follows: RolloutId | None = None
    """The rollout of the bundle that was under way when this one began: not to be overtaken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted(Fact):
    """Conclusion: the stage's gates are open; its size and budgets are frozen."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettled(Fact):
    """Conclusion: no cluster of the stage is waiting or in flight; what comes after is asked."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCompleted(Fact):
    """Conclusion: the stage passed, and the next may start."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Fact):
    """Conclusion: no more clusters are started; `reaction` follows when those in flight are done.

    A breach is the usual cause; a failed gate, a rejection or too many unreachable clusters others.
    """

    cause: StopCause
    reason: str
    stage: StageName | None = None
    reaction: OnBreach = OnBreach.HALT


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded(Fact):
    """A newer release takes over: start nothing more, end when nothing is in flight."""

    by: str
    reason: str = ""
    hurry: bool = False
    """For a hotfix: clusters that are healthy need not finish their soak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted(Fact):
    """Conclusion: nothing is in flight any more, and a person has to say how to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEnded(Fact):
    """Conclusion: completed, or the end of an abort, a replacement or a rollback."""

    phase: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneDecided(Fact):
    """Conclusion: what the release no longer has may go, or waits for a person."""

    clusters: tuple[ClusterName, ...]
    objects: int
    held: str = ""
    """Why it waits; empty: it does not."""


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
class ClusterContested(_ClusterFact):
    """Other managers hold fields that `digest` sets; none: they do no more."""

    digest: Digest | None
    contests: tuple[Contest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSeen(_ClusterFact):
    """Somebody changed the bundle's objects by hand."""

    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlinePassed(_ClusterFact):
    """Conclusion: the current attempt has used its active time."""

    reason: str = ""
    """What the cluster said last of why it is not healthy; empty: it said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakElapsed(_ClusterFact):
    """Conclusion: healthy for long enough; the cluster is Good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterGaveUp(_ClusterFact):
    """Conclusion: no retry is left; the cluster has failed (or timed out, if only time ran out)."""

    reason: str
    timed_out: bool = False


# --- gates --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _GateFact(Fact):
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

    outcome: Measurement
    detail: str = ""
    cluster: ClusterName | None = None


# --- rollback and hold --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackStarted(Fact):
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
class HoldAsked(Fact):
    """Intent: the release is about to be put on hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaced(Fact):
    """The release is on hold: its digests are not applied again."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertAsked(Fact):
    """Intent: the revert is about to be proposed to Git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertProposed(Fact):
    """What came of proposing the revert: a branch, a pull request, or why not."""

    branch: str = ""
    url: str = ""
    problem: str = ""
    """What a person has to do; empty: only to merge it."""


RunFact = (
    RolloutStarted
    | StageStarted
    | StageSettled
    | StageCompleted
    | PruneDecided
    | Stopped
    | Halted
    | RolloutEnded
)
ClusterFact = (
    ClusterAssigned
    | ClusterApplied
    | BecameHealthy
    | Degraded
    | ClusterFailed
    | ClusterContested
    | DriftSeen
    | DeadlinePassed
    | SoakElapsed
    | ClusterGaveUp
)
GateFact = GateAsked | GateMeasured | GateRequest
CommandFact = (
    Paused
    | Resumed
    | Aborted
    | Retried
    | Skipped
    | PromotedNow
    | TakeoverDecided
    | WindowBypassed
    | RollbackRequested
    | Superseded
)
UndoFact = (
    RollbackStarted
    | ClusterLeftAsIs
    | HoldAsked
    | HoldPlaced
    | HoldReleased
    | RevertAsked
    | RevertProposed
)
Event = RunFact | ClusterFact | MemberFact | GateFact | CommandFact | UndoFact
