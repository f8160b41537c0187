"""Strategies: the stages that a release crosses, and their limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fleet.model.places import Amount, GateName, GroupName, Place, StageName, StrategyName
from fleet.model.selector import Selector


class OnNewRelease(StrEnum):
    """What a newer release does to a rollout under way."""

    COALESCE = "coalesce"
    QUEUE = "queue"
    SUPERSEDE = "supersede"
    TRAIN = "train"


class Admission(StrEnum):
    """Whether clusters in flight count against the failure budget."""

    RESERVE = "reserve"
    OPTIMISTIC = "optimistic"


class OnBreach(StrEnum):
    """What happens when more clusters failed than the budget allows."""

    HALT = "halt"
    ROLLBACK_CLUSTER = "rollbackCluster"
    ROLLBACK_STAGE = "rollbackStage"
    ROLLBACK_RUN = "rollbackRun"


class UnreachableMode(StrEnum):
    """What a stage does when more clusters are unreachable than allowed."""

    DEFER = "defer"
    FAIL = "fail"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreachablePolicy:
    """How clusters without contact are treated; they are never counted as failed."""

    mode: UnreachableMode = UnreachableMode.DEFER
    grace_s: float = 120.0
    max: Amount = Amount(10, percent=True)
    slot_timeout_s: float | None = None
    """How long a cluster in flight that is lost keeps its slot; None: the progress deadline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """At most `max_per_domain` clusters in flight that share a value of the label `by`."""

    by: str
    max_per_domain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageGates:
    """Gates asked before a stage starts, while it runs, and after its last cluster."""

    before: Sequence[GateName] = ()
    during: Sequence[GateName] = ()
    after: Sequence[GateName] = ()

    @property
    def names(self) -> tuple[GateName, ...]:
        """All of them, in the order in which they are asked."""
        return (*self.before, *self.during, *self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An ordered group of clusters that is promoted as one."""

    name: StageName
    place: Place
    select: Selector | None = None
    groups: Sequence[GroupName] = ()
    order: Sequence[str] = ()
    """Sort keys: `name`, `random` (seeded by the rollout's id) or `label:KEY`."""
    ramp: Sequence[Amount] = ()
    max_concurrency: Amount = Amount(1)
    max_failures: Amount = Amount(0)
    admission: Admission = Admission.RESERVE
    spread: Spread | None = None
    progress_deadline_s: float = 600.0
    retries: int = 0
    soak_s: float = 0.0
    soak_holds_slot: bool = True
    unreachable: UnreachablePolicy = UnreachablePolicy()
    on_breach: OnBreach = OnBreach.HALT
    catch_up: Amount | None = None
    """Clusters that converge at once after their stage is done; None: `max_concurrency`."""
    drift_blocks: bool = False
    """Whether a cluster starts only while nothing of the bundle drifts there."""
    gates: StageGates = StageGates()


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """How a release travels across the fleet."""

    name: StrategyName
    place: Place
    stages: Sequence[Stage]
    on_new_release: OnNewRelease = OnNewRelease.COALESCE
    max_trains: int = 2
    max_failures: Amount | None = None
    """Failure budget of the whole rollout, beside those of the stages."""
