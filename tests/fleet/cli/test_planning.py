"""A plan in the terminal: a line stays a line, and texts of others cannot steer it."""

from __future__ import annotations

import pytest

from fleet.cli.planning import print_plan
from fleet.view import ClusterPlan, PlanView, RolloutPlanView, StagePlanView


def test_every_line_of_a_plan_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    travels = RolloutPlanView(bundle="web", strategy="", clusters=1, problems=["a\x1b[2J", "b"])
    plan = PlanView(
        revision="9f3c1ab",
        subject="s",
        author="ada",
        clusters=[ClusterPlan(cluster="dev", bundle="web")],
        rollouts=[travels],
    )
    print_plan(plan, brief=False)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "web on 1 cluster: dev",
        "  only bookkeeping changes",
        "web could not travel:",
        "  ! a�[2J",
        "  ! b",
    ]
    assert "1 placement affected" in err


def test_a_plan_says_how_many_clusters_are_really_in_flight(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prod = StagePlanView(
        name="prod",
        clusters=["a", "b", "c"],
        changing=2,
        max_concurrency=2,
        at_once="1 at once of 2 slots (why)",
        max_failures=0,
        ramp=[2],
        on_breach="halt",
        bound="at most 1 of 2 clusters can be broken before it stops",
    )
    travels = RolloutPlanView(bundle="web", strategy="ring", clusters=2, stages=[prod])
    plan = PlanView(revision="9f3c1ab", subject="s", author="ada", rollouts=[travels])
    print_plan(plan, brief=False)
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "  prod: 2 of 3 clusters change, 1 at once of 2 slots (why); 0 may fail, then halt",
        "    at most 1 of 2 clusters can be broken before it stops",
    ]
