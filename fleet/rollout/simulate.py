"""Plays a strategy against the real planner on virtual time, so budgets can be chosen in advance.

Clusters behave by chance (`Odds`), reproducibly for a seed: whether the release breaks a cluster is
fixed for that cluster, so retries do not help; how long it takes differs with every attempt.
`simulate_report` draws what came of it.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet.model import (
    ApprovalCheck,
    Cluster,
    Identities,
    Inventory,
    RollbackPolicy,
    StageName,
    Strategy,
)
from fleet.rollout.advance import advance
from fleet.rollout.decisions import (
    AskApproval,
    AssignRelease,
    Effect,
    MeasureGate,
    ObserveCluster,
    PlaceHold,
)
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterFailed,
    Event,
    GateMeasured,
    HoldPlaced,
    Measurement,
    Purpose,
    RolloutStarted,
)
from fleet.rollout.facts import Facts
from fleet.rollout.guards import FleetLimits, Leases
from fleet.rollout.member_events import ClusterObserved, ClusterReturned, ClusterUnreachable
from fleet.rollout.model import Plan, Release, RolloutId
from fleet.rollout.planner import begin, evolve
from fleet.rollout.planning import Baseline, make_plan
from fleet.rollout.progress import ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.requests import Approved
from fleet.rollout.state import Rollout
from fleet.rollout.surroundings import changing
from fleet.rollout.turn import Outcome
from fleet.rollout.windows import Calendar

_OLD, _NEW = Digest("old"), Digest("new")
_STEPS_MAX = 1_000_000
MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When imagined rollouts begin unless told otherwise: a Monday morning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How the simulated world behaves.  Rates are shares of clusters, times are (least, most)."""

    failure_rate: float = 0.0
    unreachable_rate: float = 0.0
    apply_s: tuple[float, float] = (5.0, 30.0)
    ready_s: tuple[float, float] = (20.0, 120.0)
    """Time from the last write to healthy."""
    absence_s: tuple[float, float] = (300.0, 7200.0)
    approval_s: float = 900.0
    """How long people take to approve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How many clusters were where at one moment."""

    at: datetime
    counts: dict[StageName, dict[ClusterState, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What came of it."""

    rollout: Rollout
    events: tuple[Event, ...]
    samples: tuple[Sample, ...]
    broken_most: int
    """Most clusters that were broken at the same time."""
    waiting: Outcome
    """What the planner was waiting for at the end."""
    odds: Odds
    """How the world behaved."""

    @property
    def duration_s(self) -> float:
        """Virtual time from start to end."""
        return (self.events[-1].at - self.events[0].at).total_seconds()

    def count(self, *states: ClusterState) -> int:
        """Count the clusters that ended in one of `states`."""
        return sum(1 for entry in self.rollout.clusters.values() if entry.state in states)


def simulate(
    strategy: Strategy,
    clusters: Sequence[Cluster],
    *,
    seed: int,
    odds: Odds = Odds(),
    fleet: Inventory | None = None,
    rollback: RollbackPolicy | None = None,
    start: datetime = MONDAY,
) -> Simulation:
    """Carry an imagined release across `clusters`.

    Args:
        strategy: what is tried.
        clusters: the imagined fleet.
        seed: the same seed plays the same way again.
        odds: how the world behaves.
        fleet: gates, windows, groups and guards that the strategy refers to.
        rollback: what the bundle does after a breach.
        start: when it begins: windows make a difference.

    Raises:
        PlanRefused: the strategy cannot carry a release across these clusters.
    """
    inventory = replace(fleet or Inventory(), clusters={each.name: each for each in clusters})
    release = Release(
        bundle=BundleName("simulated"),
        revision=Revision("0" * 40),
        strategy=strategy,
        digests={each.name: _NEW for each in clusters},
        author="simulation",
        committed_at=start,
        rollback=rollback or RollbackPolicy(),
    )
    held = {each.name: _OLD for each in clusters}
    rollout = RolloutId(f"simulation-{seed}")
    plan = make_plan(
        release, inventory, rollout=rollout, now=start, baseline=Baseline(assigned=held)
    )
    facts = Facts(
        calendar=Calendar.of(inventory.windows.values(), clusters, inventory.gates.values()),
        limits=FleetLimits.of(inventory.settings.guards, clusters=len(clusters)),
        last_good=held,
        people=Identities.of({}, {"simulation": ()}),
    )
    return _World(plan, rollout, facts, odds, random.Random(seed), start).play()


@dataclass(slots=True)
class _World:
    """The simulated fleet: answers what the planner asks for, later, by chance."""

    plan: Plan
    id: RolloutId
    facts: Facts
    odds: Odds
    chance: random.Random
    now: datetime
    due: list[tuple[datetime, int, Event]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=itertools.count)
    log: list[Event] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    broken_most: int = 0
    doomed: frozenset[ClusterName] = frozenset()

    def play(self) -> Simulation:
        names = sorted(seat.cluster for stage in self.plan.stages for seat in stage.seats)
        self.doomed = frozenset(n for n in names if self.chance.random() < self.odds.failure_rate)
        for name in names:
            if self.chance.random() < self.odds.unreachable_rate:
                self._lose(name)
        started = RolloutStarted(at=self.now, id=self.id, plan=self.plan)
        self.log.append(started)
        rollout = begin(started)
        for _ in range(_STEPS_MAX):
            mine = Leases(rollouts=(rollout,))
            facts = replace(self.facts, changing=changing((rollout,)), leases=mine)
            step = advance(rollout, facts, self.now)
            rollout = step.rollout
            self.log += step.events
            for effect in step.effects:
                self._answer(rollout, effect)
            self._sample(rollout)
            if rollout.ended or not self._sleep(step.outcome):
                return Simulation(
                    rollout=rollout,
                    events=tuple(self.log),
                    samples=tuple(self.samples),
                    broken_most=self.broken_most,
                    waiting=step.outcome,
                    odds=self.odds,
                )
            while self.due and self.due[0][0] <= self.now:
                event = heapq.heappop(self.due)[2]
                self.log.append(event)
                rollout = evolve(rollout, event)
        raise RuntimeError(f"the simulation of {self.id} does not end")

    def _sleep(self, answer: Outcome) -> bool:
        """Move to the next moment at which something happens; False: nothing ever will."""
        moments = [self.due[0][0]] if self.due else []
        if answer.recheck_after is not None:
            moments.append(self.now + timedelta(seconds=answer.recheck_after))
        if not moments:
            return False
        self.now = max(self.now, min(moments))
        return True

    def _later(self, seconds: float, event: Event) -> None:
        moment = self.now + timedelta(seconds=seconds)
        heapq.heappush(self.due, (moment, next(self.order), replace(event, at=moment)))

    def _lose(self, name: ClusterName) -> None:
        away = self.chance.uniform(0, self.odds.absence_s[1])
        back = away + self.chance.uniform(*self.odds.absence_s)
        self._later(away, ClusterUnreachable(at=self.now, cluster=name))
        self._later(back, ClusterReturned(at=self.now, cluster=name))

    def _answer(self, rollout: Rollout, effect: Effect) -> None:
        match effect:
            case AssignRelease():
                self._assign(effect)
            case ObserveCluster():
                target = rollout.clusters[effect.cluster].target
                self._later(1, ClusterObserved(at=self.now, cluster=effect.cluster, digest=target))
                self._settle(1, effect.cluster, target, broken=False)
            case MeasureGate():
                measured = GateMeasured(
                    at=self.now,
                    stage=effect.stage,
                    gate=effect.gate,
                    position=effect.position,
                    cluster=effect.cluster,
                    outcome=Measurement.SUCCESS,
                )
                self._later(1, measured)
            case AskApproval():
                self._approve(effect)
            case PlaceHold():
                self._later(0, HoldPlaced(at=self.now, reason=effect.reason))

    def _assign(self, effect: AssignRelease) -> None:
        applied = self.chance.uniform(*self.odds.apply_s)
        self._later(
            applied, ClusterApplied(at=self.now, cluster=effect.cluster, digest=effect.digest)
        )
        broken = effect.purpose is Purpose.RELEASE and effect.cluster in self.doomed
        self._settle(applied, effect.cluster, effect.digest, broken=broken)

    def _settle(
        self, after_s: float, cluster: ClusterName, digest: Digest | None, *, broken: bool
    ) -> None:
        settled = after_s + self.chance.uniform(*self.odds.ready_s)
        if broken:
            reason = "the simulated release breaks it"
            self._later(
                settled, ClusterFailed(at=self.now, cluster=cluster, digest=digest, reason=reason)
            )
        else:
            self._later(settled, BecameHealthy(at=self.now, cluster=cluster, digest=digest))

    def _approve(self, effect: AskApproval) -> None:
        check = self.plan.gates[effect.gate].check
        if not isinstance(check, ApprovalCheck):
            return
        for person in range(1, check.count + 1):
            approval = Approved(
                at=self.now,
                actor=f"person-{person}",
                stage=effect.stage,
                gate=effect.gate,
                position=effect.position,
                roles=tuple(check.roles),
                plan_hash=self.plan.plan_hash,
            )
            self._later(self.odds.approval_s * person / check.count, approval)

    def _sample(self, rollout: Rollout) -> None:
        counts: dict[StageName, dict[ClusterState, int]] = {run.name: {} for run in rollout.stages}
        broken = 0
        for entry in rollout.clusters.values():
            states = counts[entry.seat.stage]
            states[entry.state] = states.get(entry.state, 0) + 1
            broken += entry.counted and entry.state not in (
                ClusterState.ROLLED_BACK,
                ClusterState.SKIPPED,
            )
        self.broken_most = max(self.broken_most, broken)
        self.samples.append(Sample(at=self.now, counts=counts))
