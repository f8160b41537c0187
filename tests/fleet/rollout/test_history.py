"""What ran where and when, and the delivery figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from fleet.model import OnBreach
from fleet.rollout.events import Purpose
from fleet.rollout.history import figures, promotions, stays
from fleet.rollout.model import RolloutId
from fleet.rollout.state import Phase, Rollout
from tests.fleet.rollout.fleetlet import NEW, OLD, START, Run, clusters, plan_of, stage, strategy

DAY = timedelta(days=1)


def good(minutes: int = 30) -> Rollout:
    run = Run.of(plan_of(strategy(stage(progress_deadline_s=7200)), clusters("prod", 1)))
    run.later(minutes=minutes)
    run.healthy("prod-1")
    assert run.rollout.phase is Phase.COMPLETED
    return run.rollout


def bad() -> Run:
    run = Run.of(
        plan_of(strategy(stage(on_breach=OnBreach.ROLLBACK_RUN, retries=1)), clusters("prod", 2))
    )
    run.later(minutes=5)
    run.fail("prod-1")
    run.later(minutes=5)
    run.fail("prod-1")
    run.later(minutes=10)
    run.healthy("prod-1")
    assert run.rollout.phase is Phase.ROLLED_BACK
    return run


def test_stays_follow_the_assignments() -> None:
    run = bad()
    found = stays(run.rollout.plan.release.bundle, [(run.rollout.id, run.log)])
    assert [(s.digest, s.purpose) for s in found] == [
        (NEW, Purpose.RELEASE),
        (OLD, Purpose.ROLLBACK),
    ]
    first, second = found
    assert first.since == START
    assert first.until == second.since == START + timedelta(minutes=10)
    assert first.healthy_at is None
    assert second.healthy_at == START + timedelta(minutes=20)
    assert second.until is None


def test_promotions_are_newest_first() -> None:
    older = good()
    newer = replace(bad().rollout, id=RolloutId("r2"), started_at=START + DAY)
    lines = promotions([older, newer])
    assert [line.rollout for line in lines] == ["r2", "r1"]
    assert (lines[1].good, lines[1].size, lines[1].author) == (1, 1, "ada")
    assert lines[0].breached_at is not None


def test_the_four_figures() -> None:
    runs = [good(30), replace(good(60), id=RolloutId("r2")), bad().rollout]
    found = figures(runs, since=START - DAY, until=START + DAY)
    assert found.rollouts == 3
    assert found.per_day == 1.0
    assert found.lead_time_s == 3600 + 45 * 60
    assert found.failure_rate == pytest.approx(1 / 3)
    assert found.restore_s == 600


def test_an_open_breach_has_no_restore_time() -> None:
    run = Run.of(plan_of(strategy(stage()), clusters("prod", 2)))
    run.fail("prod-1")
    found = figures([run.rollout], since=START - DAY, until=START + DAY)
    assert (found.failure_rate, found.restore_s, found.lead_time_s) == (1.0, None, None)


def test_a_fix_restores_after_a_halt() -> None:
    run = Run.of(plan_of(strategy(stage()), clusters("prod", 2)))
    run.fail("prod-1")
    found = figures([run.rollout, good(30)], since=START - DAY, until=START + DAY)
    assert found.restore_s == 30 * 60


def test_nothing_happened() -> None:
    found = figures([good()], since=START + DAY, until=START + 2 * DAY)
    assert (found.rollouts, found.per_day, found.failure_rate) == (0, 0.0, None)
    with pytest.raises(ValueError, match="must end after it begins"):
        figures([], since=START, until=START)
