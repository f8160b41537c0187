"""What changes while a rollout runs.  `planner.evolve` is the only one who changes it.

`planner.decide` reads it; `record` stores it.  Its constant companion `model` holds what is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clusters.model import ClusterName, Digest
from fleet.model import GateName, OnBreach, StageName, WindowName
from fleet.rollout.clocks import Clock
from fleet.rollout.model import Plan, RolloutId, StagePlan
from fleet.rollout.progress import ClusterRollout
from fleet.rollout.tally import Tally


class StagePhase(StrEnum):
    """Where one stage stands."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"


class Position(StrEnum):
    """When a gate of a stage is asked."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class GateVerdict(StrEnum):
    """What a gate has said so far."""

    WAITING = "waiting"
    OPEN = "open"
    FAILED = "failed"
    NEEDS_PERSON = "needs-person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's agreement."""

    actor: str
    roles: tuple[str, ...]
    plan_hash: Digest
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRun:
    """One gate of one stage, at one position, for the stage or for one cluster of it."""

    gate: GateName
    position: Position
    cluster: ClusterName | None = None
    verdict: GateVerdict = GateVerdict.WAITING
    asked_at: datetime | None = None
    """When a measurement or an approval was asked for that has not been answered yet."""
    measured_at: datetime | None = None
    succeeded_at: datetime | None = None
    failures: int = 0
    inconclusive: int = 0
    errors: int = 0
    """Errors in a row."""
    detail: str = ""
    """What the last measurement said."""
    approvals: tuple[Approval, ...] = ()
    rejected_by: str = ""
    passed_by: str = ""
    """Who let the stage pass in spite of the gate."""

    @property
    def key(self) -> str:
        """Names this run of the gate within its stage."""
        return gate_key(self.position, self.gate, self.cluster)


def gate_key(position: Position, gate: GateName, cluster: ClusterName | None = None) -> str:
    """Name one run of a gate within a stage."""
    return f"{position}/{gate}/{cluster}" if cluster else f"{position}/{gate}"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One stage's progress."""

    plan: StagePlan
    phase: StagePhase = StagePhase.WAITING
    tally: Tally = Tally()
    gates: Mapping[str, GateRun] = field(default_factory=dict)
    started_at: datetime | None = None
    settled_at: datetime | None = None
    """When its last cluster became terminal."""
    soak: Clock = Clock()
    """Observed time since then, for gates that want the whole stage to have been healthy."""
    completed_at: datetime | None = None
    healthy_at: datetime | None = None
    """When one of its clusters last became healthy."""
    promoted_by: str = ""
    """Who had the stage go on without waiting for soaks and measurements."""

    @property
    def name(self) -> StageName:
        """The stage's name."""
        return self.plan.stage.name


class Phase(StrEnum):
    """Where a rollout stands."""

    RUNNING = "Running"
    HALTED = "Halted"
    """Stopped, and waits for a person."""
    ROLLING_BACK = "RollingBack"
    COMPLETED = "Completed"
    ROLLED_BACK = "RolledBack"
    ABORTED = "Aborted"
    SUPERSEDED = "Superseded"


ENDED = frozenset({Phase.COMPLETED, Phase.ROLLED_BACK, Phase.ABORTED, Phase.SUPERSEDED})
"""Phases that no command leads out of."""


class StopCause(StrEnum):
    """Why a rollout starts no more clusters."""

    BREACH = "breach"
    GATE = "gate"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    ABORT = "abort"
    SUPERSEDE = "supersede"
    ROLLBACK = "rollback"


BREACHES = frozenset({StopCause.BREACH, StopCause.GATE})
"""Causes that lie in the release itself: they count as a breach, and have a reaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why no more clusters are started, and what follows once those in flight are done."""

    cause: StopCause
    reason: str
    at: datetime
    stage: StageName | None = None
    actor: str = ""
    reaction: OnBreach = OnBreach.HALT
    hurry: bool = False
    """Clusters that are healthy need not finish their soak."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A person had the rollout wait."""

    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A rollback under way: which clusters, newest change first, and how many at once."""

    pending: tuple[ClusterName, ...]
    """Clusters whose way back has not begun."""
    concurrency: int
    at: datetime
    reason: str
    targets: Mapping[ClusterName, Digest] = field(default_factory=dict)
    """Digests to go to in place of each cluster's last good one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """The proposal to Git to take the release back, too."""

    done: bool = False
    branch: str = ""
    url: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What was decided about what the release no longer has."""

    at: datetime
    clusters: tuple[ClusterName, ...]
    held: str = ""
    """Why it waits for a person; empty: it does not."""


class HoldState(StrEnum):
    """Where the hold on a release that was rolled back stands."""

    NONE = "none"
    ASKED = "asked"
    PLACED = "placed"
    RELEASED = "released"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bypass:
    """Somebody with the role lets changes through closed windows, for a while."""

    window: WindowName
    actor: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One release on its way: everything the planner may know of it."""

    id: RolloutId
    plan: Plan
    phase: Phase
    started_at: datetime
    stages: tuple[StageRun, ...]
    clusters: Mapping[ClusterName, ClusterRollout]
    follows: RolloutId | None = None
    """The rollout of the same bundle that it must not overtake."""
    current: int = 0
    """Index of the first stage that is not completed."""
    pause: Pause | None = None
    stop: Stop | None = None
    undo: Undo | None = None
    hold: HoldState = HoldState.NONE
    revert: Revert | None = None
    """None: nothing was asked of Git."""
    prune: Pruning | None = None
    """Made once all stages are complete, if anything is to go."""
    away: tuple[ClusterName, ...] = ()
    """Clusters without contact."""
    leaving: tuple[ClusterName, ...] = ()
    """Clusters that left the fleet or the placement and are not withdrawn yet."""
    bypasses: tuple[Bypass, ...] = ()
    first_assigned_at: datetime | None = None
    ended_at: datetime | None = None
    breached_at: datetime | None = None
    alerts: tuple[str, ...] = ()
    """What a person should look at that does not stop the rollout."""

    @property
    def ended(self) -> bool:
        """Whether nothing leads out of its phase any more."""
        return self.phase in ENDED

    @property
    def failures(self) -> int:
        """Failures that count, over all stages."""
        return sum(stage.tally.failures for stage in self.stages)
