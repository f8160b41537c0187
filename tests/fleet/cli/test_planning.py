"""A plan in the terminal: a line stays a line, and texts of others cannot steer it."""

from __future__ import annotations

import pytest

from fleet.cli.planning import print_plan
from fleet.view import ClusterPlan, PlanView, RolloutPlanView


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
