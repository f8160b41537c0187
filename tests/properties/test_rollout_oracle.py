"""Who starts, who times out and when a stage breaks, against an independent plain model.

The model is written from the prose, not from the planner: Open Cluster Management's progressive
rollout as its documentation and API describe it (max concurrency, max failures, minimum success
time, progress deadline), for strategies in which both mean the same thing.  Where they differ on
purpose the comparison is set up so that they do not: amounts are counts, since the two round
percentages differently, and nothing is retried.  Reserve admission is our own: there the model adds
its one sentence, that a start must leave failures plus clusters in flight within the budget.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.model import Admission
from fleet.rollout.decisions import AssignRelease
from fleet.rollout.progress import ClusterState
from fleet.rollout.state import Phase
from tests.fleet.rollout.fleetlet import Run, clusters, plan_of, stage, strategy

TO_APPLY, PROGRESSING, SUCCEEDED = "ToApply", "Progressing", "Succeeded"
FAILED, TIMED_OUT = "Failed", "TimeOut"


@dataclass
class Status:
    """What a rollout knows of one cluster: its condition, and since when."""

    condition: str
    since: float = 0.0


@dataclass
class PlainModel:
    """Progressive rollout in its plainest form: everything is looked at anew each time."""

    names: list[str]
    concurrency: int
    failures: int
    soak_s: float
    deadline_s: float
    reserve: bool
    statuses: dict[str, Status] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.statuses = {name: Status(TO_APPLY) for name in self.names}

    def expire(self, now: float) -> None:
        """A cluster that has been progressing for the deadline has timed out."""
        for status in self.statuses.values():
            late = now - status.since >= self.deadline_s
            if status.condition == PROGRESSING and late:
                status.condition = TIMED_OUT

    def in_rollout(self, now: float) -> list[str]:
        """Clusters that hold a place: progressing, or succeeded for less than the soak."""
        found = []
        for name, status in self.statuses.items():
            soaking = status.condition == SUCCEEDED and now - status.since < self.soak_s
            if status.condition == PROGRESSING or soaking:
                found.append(name)
        return found

    def broken(self) -> list[str]:
        return [n for n, s in self.statuses.items() if s.condition in (FAILED, TIMED_OUT)]

    def breached(self) -> bool:
        return len(self.broken()) > self.failures

    def roll_out(self, now: float) -> list[str]:
        """Start the next clusters, by name, as long as places are free and nothing is breached."""
        self.expire(now)
        started = []
        for name in sorted(self.names):
            if self.breached() or len(self.in_rollout(now)) >= self.concurrency:
                break
            at_risk = len(self.broken()) + len(self.in_rollout(now))
            if self.reserve and at_risk > self.failures:
                break
            if self.statuses[name].condition == TO_APPLY:
                self.statuses[name] = Status(PROGRESSING, now)
                started.append(name)
        return started

    def succeed(self, name: str, now: float) -> None:
        if self.statuses[name].condition == PROGRESSING:
            self.statuses[name] = Status(SUCCEEDED, now)

    def fail(self, name: str, now: float) -> None:
        if self.statuses[name].condition == PROGRESSING:
            self.statuses[name] = Status(FAILED, now)

    def finished(self, now: float) -> bool:
        left = [s for s in self.statuses.values() if s.condition == TO_APPLY]
        return not left and not self.in_rollout(now)


@settings(max_examples=150, deadline=None)
@given(
    size=st.integers(1, 9),
    concurrency=st.integers(1, 9),
    failures=st.integers(0, 4),
    soak_s=st.sampled_from([0, 60, 300]),
    deadline_s=st.sampled_from([120, 600]),
    reserve=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_planner_and_plain_model_agree(
    size: int,
    concurrency: int,
    failures: int,
    soak_s: int,
    deadline_s: int,
    reserve: bool,
    seed: int,
) -> None:
    members = clusters("prod", size)
    declared = stage(
        max_concurrency=concurrency,
        max_failures=failures,
        soak_s=float(soak_s),
        progress_deadline_s=float(deadline_s),
        admission=Admission.RESERVE if reserve else Admission.OPTIMISTIC,
    )
    run = Run.of(plan_of(strategy(declared), members))
    names = [member.name for member in members]
    model = PlainModel(names, concurrency, failures, soak_s, deadline_s, reserve)
    chance, now = random.Random(seed), 0.0
    assert assigned(run) == model.roll_out(now)
    for _ in range(40):
        seen = len(run.asked)
        moved = chance.random()
        flying = sorted(model.in_rollout(now))
        if moved < 0.4 or not flying:
            now += chance.choice([1, 59, 60, 61, 119, 300])
            advance_to(run, model, now)
        elif moved < 0.8:
            name = chance.choice(flying)
            model.succeed(name, now)
            run.healthy(name)
        else:
            name = chance.choice(flying)
            if model.statuses[name].condition == PROGRESSING:
                model.fail(name, now)
                run.fail(name)
        started = model.roll_out(now)
        assert assigned(run, seen)[len(assigned(run, seen)) - len(started) :] == started
        compare(run, model, now)


def assigned(run: Run, start: int = 0) -> list[str]:
    return [each.cluster for each in run.asked[start:] if isinstance(each, AssignRelease)]


def advance_to(run: Run, model: PlainModel, now: float) -> None:
    """Let time pass for both, stopping wherever the planner asked to be woken."""
    end = run.now + timedelta(seconds=now - elapsed(run))
    while run.outcome.recheck_after is not None:
        wake = run.now + timedelta(seconds=run.outcome.recheck_after)
        if wake >= end:
            break
        run.now = wake
        run.settle()
        model.roll_out(elapsed(run))
    run.now = end
    run.settle()


def elapsed(run: Run) -> float:
    return (run.now - run.log[0].at).total_seconds()


def compare(run: Run, model: PlainModel, now: float) -> None:
    flying = run.rollout.stages[0].tally.in_flight
    assert sorted(flying) == sorted(model.in_rollout(now))
    assert run.where(ClusterState.FAILED) == {
        n for n, s in model.statuses.items() if s.condition == FAILED
    }
    assert run.where(ClusterState.TIMED_OUT) == {
        n for n, s in model.statuses.items() if s.condition == TIMED_OUT
    }
    assert (run.rollout.stop is not None) == model.breached()
    if not model.breached():
        assert (run.rollout.phase is Phase.COMPLETED) == model.finished(now)
