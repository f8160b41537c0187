"""A small fleet for rollout tests: inventories by the handful, and a rollout on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet.model import (
    Amount,
    Cluster,
    Connection,
    Gate,
    Inventory,
    Place,
    Stage,
    StageName,
    Strategy,
    StrategyName,
    Window,
)
from fleet.model.selector import parse_selector
from fleet.rollout.advance import advance
from fleet.rollout.decisions import Effect, PlaceHold
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterFailed,
    Event,
    HoldPlaced,
    RolloutStarted,
)
from fleet.rollout.facts import Facts
from fleet.rollout.model import Plan, Release, RolloutId
from fleet.rollout.planner import Outcome, begin, evolve
from fleet.rollout.planning import Baseline, make_plan
from fleet.rollout.progress import ClusterState
from fleet.rollout.state import Rollout
from fleet.rollout.surroundings import changing

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday morning."""
PLACE = Place(file="fleet.yaml", line=1)
OLD, NEW = Digest("old"), Digest("new")


def amount(text: str | int) -> Amount:
    if isinstance(text, str) and text.endswith("%"):
        return Amount(float(text[:-1]), percent=True)
    return Amount(float(text))


def stage(name: str = "prod", select: str = "", **fields: Any) -> Stage:
    for key in ("max_concurrency", "max_failures"):
        if key in fields:
            fields[key] = amount(fields[key])
    if "ramp" in fields:
        fields["ramp"] = tuple(amount(each) for each in fields["ramp"])
    chosen = parse_selector(select or f"env={name}")
    return Stage(name=StageName(name), place=PLACE, select=chosen, **fields)


def strategy(*stages: Stage, **fields: Any) -> Strategy:
    return Strategy(name=StrategyName("ring"), place=PLACE, stages=stages, **fields)


def cluster(name: str, timezone: str = "UTC", **labels: str) -> Cluster:
    return Cluster(
        name=ClusterName(name),
        place=PLACE,
        connection=Connection(context=name),
        labels=labels,
        timezone=timezone,
    )


def clusters(env: str, count: int, **labels: str) -> list[Cluster]:
    width = len(str(count))
    return [cluster(f"{env}-{n:0{width}}", env=env, **labels) for n in range(1, count + 1)]


def inventory(
    members: Iterable[Cluster], gates: Sequence[Gate] = (), windows: Sequence[Window] = ()
) -> Inventory:
    return Inventory(
        clusters={each.name: each for each in members},
        gates={gate.name: gate for gate in gates},
        windows={window.name: window for window in windows},
    )


def release(travels: Strategy, members: Iterable[Cluster], **fields: Any) -> Release:
    fields.setdefault("digests", {each.name: NEW for each in members})
    return Release(
        bundle=BundleName("payments"),
        revision=Revision("c" * 40),
        strategy=travels,
        author=fields.pop("author", "ada"),
        committed_at=START - timedelta(hours=1),
        **fields,
    )


def plan_of(
    travels: Strategy,
    members: Sequence[Cluster],
    *,
    gates: Sequence[Gate] = (),
    windows: Sequence[Window] = (),
    baseline: Mapping[str, Digest] | None = None,
    **fields: Any,
) -> Plan:
    return make_plan(
        release(travels, members, **fields),
        inventory(members, gates, windows),
        rollout=RolloutId("r1"),
        now=START,
        baseline=Baseline(
            assigned={ClusterName(name): digest for name, digest in (baseline or {}).items()}
        ),
    )


@dataclass
class Run:
    """One rollout under test: what was stored, what was asked for, and the virtual clock."""

    rollout: Rollout
    facts: Facts = field(default_factory=Facts)
    now: datetime = START
    log: list[Event] = field(default_factory=list)
    asked: list[Effect] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)

    @classmethod
    def of(cls, plan: Plan, facts: Facts | None = None) -> Run:
        started = RolloutStarted(at=START, id=RolloutId("r1"), plan=plan)
        good = {seat.cluster: OLD for each in plan.stages for seat in each.seats}
        run = cls(rollout=begin(started), facts=facts or Facts(last_good=good))
        run.log.append(started)
        run.settle()
        return run

    def settle(self) -> list[Effect]:
        facts = replace(self.facts, changing=changing((self.rollout,)))
        step = advance(self.rollout, facts, self.now)
        self.rollout, self.outcome = step.rollout, step.outcome
        self.log += step.events
        self.asked += step.effects
        for each in step.effects:
            if isinstance(each, PlaceHold):
                self.tell(HoldPlaced(at=self.now, reason=each.reason))
        return list(step.effects)

    def tell(self, *events: Event) -> list[Effect]:
        for event in events:
            self.rollout = evolve(self.rollout, event)
            self.log.append(event)
        return self.settle()

    def later(self, **passed: float) -> list[Effect]:
        self.now += timedelta(**passed)
        return self.settle()

    def healthy(self, *names: str) -> list[Effect]:
        for name in names:
            entry = self.rollout.clusters[ClusterName(name)]
            facts = {"at": self.now, "cluster": entry.name, "digest": entry.target}
            self.tell(ClusterApplied(**facts), BecameHealthy(**facts))
        return []

    def fail(self, *names: str, reason: str = "image not found") -> None:
        for name in names:
            entry = self.rollout.clusters[ClusterName(name)]
            self.tell(
                ClusterFailed(at=self.now, cluster=entry.name, digest=entry.target, reason=reason)
            )

    def state(self, name: str) -> ClusterState:
        return self.rollout.clusters[ClusterName(name)].state

    def where(self, *states: ClusterState) -> set[str]:
        return {name for name, e in self.rollout.clusters.items() if e.state in states}

    @property
    def flying(self) -> list[str]:
        return [name for run in self.rollout.stages for name in run.tally.in_flight]

    def reasons(self, kind: type | Callable[[object], bool]) -> list[Any]:
        if isinstance(kind, type):
            return [each for each in self.outcome.waiting_on if isinstance(each, kind)]
        return [each for each in self.outcome.waiting_on if kind(each)]
