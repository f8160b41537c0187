"""Gates: when they are measured, what opens them, and what their answers lead to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusters.model import BundleName, ClusterName, Health
from fleet.model import (
    Gate,
    GateLimits,
    GateName,
    GateScope,
    HealthCheck,
    HttpCheck,
    JobCheck,
    SoakCheck,
    StageGates,
)
from fleet.rollout.decisions import AssignRelease, MeasureGate
from fleet.rollout.events import GateMeasured, Measurement
from fleet.rollout.member_events import CoordinatorStarted
from fleet.rollout.requests import GatePassed, PromotedNow
from fleet.rollout.state import GateVerdict, Phase, Position, StagePhase, StopCause
from fleet.rollout.waiting import ForGate
from tests.fleet.rollout.fleetlet import PLACE, Run, clusters, plan_of, stage, strategy

WEB = GateName("web")
S, F, INC, ERR = (
    Measurement.SUCCESS,
    Measurement.FAILURE,
    Measurement.INCONCLUSIVE,
    Measurement.ERROR,
)


def web(**fields: Any) -> Gate:
    return Gate(name=WEB, place=PLACE, check=HttpCheck(url="http://x"), **fields)


def gated(gate: Gate, position: Position, size: int = 2, **fields: Any) -> Run:
    declared = replace(stage(**fields), gates=StageGates(**{position.value: (gate.name,)}))
    return Run.of(plan_of(strategy(declared), clusters("prod", size), gates=[gate]))


def measured(run: Run, outcome: Measurement, position: Position, cluster: str = "") -> None:
    run.tell(
        GateMeasured(
            at=run.now,
            stage=run.rollout.stages[0].name,
            gate=WEB,
            position=position,
            outcome=outcome,
            detail="status 500" if outcome is F else "",
            cluster=ClusterName(cluster) if cluster else None,
        )
    )


def questions(run: Run) -> int:
    return sum(isinstance(each, MeasureGate) for each in run.asked)


@pytest.mark.parametrize(
    ("answers", "limits", "verdict"),
    [
        ([S], GateLimits(), GateVerdict.OPEN),
        ([F], GateLimits(), GateVerdict.FAILED),
        ([F, F], GateLimits(failures=2), GateVerdict.WAITING),
        ([F, F, F], GateLimits(failures=2), GateVerdict.FAILED),
        ([F, F, S], GateLimits(failures=2), GateVerdict.OPEN),
        ([INC], GateLimits(), GateVerdict.NEEDS_PERSON),
        ([INC, S], GateLimits(inconclusive=1), GateVerdict.OPEN),
        ([INC, INC], GateLimits(inconclusive=1), GateVerdict.NEEDS_PERSON),
        ([ERR] * 4, GateLimits(), GateVerdict.WAITING),
        ([ERR] * 5, GateLimits(), GateVerdict.NEEDS_PERSON),
        (
            [ERR, ERR, F, ERR, ERR],
            GateLimits(failures=1, consecutive_errors=2),
            GateVerdict.WAITING,
        ),
    ],
)
def test_limits(answers: list[Measurement], limits: GateLimits, verdict: GateVerdict) -> None:
    run = gated(web(limits=limits), Position.BEFORE)
    for outcome in answers:
        measured(run, outcome, Position.BEFORE)
        run.later(seconds=30)
    assert run.rollout.stages[0].gates["before/web"].verdict is verdict


def test_one_question_at_a_time_at_its_interval() -> None:
    run = gated(web(limits=GateLimits(inconclusive=9)), Position.BEFORE)
    assert questions(run) == 1
    run.later(seconds=100)
    assert questions(run) == 1
    measured(run, INC, Position.BEFORE)
    assert questions(run) == 1
    assert run.outcome.recheck_after == 30
    run.later(seconds=30)
    assert questions(run) == 2


def test_nothing_starts_before_the_gate_is_open() -> None:
    run = gated(web(), Position.BEFORE)
    assert not any(isinstance(each, AssignRelease) for each in run.asked)
    assert run.rollout.stages[0].phase is StagePhase.WAITING
    measured(run, S, Position.BEFORE)
    assert run.flying == ["prod-1"]


def test_a_failed_gate_stops_the_rollout() -> None:
    run = gated(web(), Position.BEFORE)
    measured(run, F, Position.BEFORE)
    assert run.rollout.phase is Phase.HALTED
    assert run.rollout.stop is not None
    assert run.rollout.stop.cause is StopCause.GATE
    assert "gate web failed (status 500)" in run.rollout.stop.reason


def test_a_gate_during_the_stage_is_watched_until_the_end() -> None:
    run = gated(web(), Position.DURING, size=1, soak_s=60)
    measured(run, S, Position.DURING)
    run.later(seconds=1)
    run.healthy("prod-1")
    run.later(seconds=60)
    assert run.rollout.phase is Phase.RUNNING  # the last success was before it was healthy
    measured(run, S, Position.DURING)
    assert run.rollout.phase is Phase.COMPLETED


def test_a_stage_waits_for_an_answer_that_may_be_a_no() -> None:
    run = gated(web(), Position.DURING, size=1, soak_s=60)
    measured(run, S, Position.DURING)
    run.healthy("prod-1")
    run.later(seconds=30)
    run.later(seconds=30)
    assert run.reasons(ForGate)[0].detail == "being measured"
    measured(run, F, Position.DURING)
    assert run.rollout.phase is Phase.HALTED


def test_a_gate_after_the_stage_must_speak_of_the_settled_stage() -> None:
    run = gated(web(), Position.AFTER, size=1)
    assert questions(run) == 0
    run.healthy("prod-1")
    assert questions(run) == 1
    measured(run, S, Position.AFTER)
    assert run.rollout.phase is Phase.COMPLETED


def test_a_gate_per_cluster_is_asked_of_each_healthy_one() -> None:
    run = gated(web(scope=GateScope.CLUSTER), Position.DURING, max_failures=1, max_concurrency=2)
    assert questions(run) == 0
    run.healthy("prod-1", "prod-2")
    assert questions(run) == 2
    measured(run, F, Position.DURING, "prod-1")
    measured(run, S, Position.DURING, "prod-2")
    assert run.where(*[e.state for e in run.rollout.clusters.values()]) == {"prod-1", "prod-2"}
    assert [run.state(n).value for n in ("prod-1", "prod-2")] == ["Failed", "Good"]


def test_a_job_before_the_stage_runs_on_each_cluster() -> None:
    job = Gate(name=WEB, place=PLACE, check=JobCheck(manifest={}), scope=GateScope.CLUSTER)
    run = gated(job, Position.BEFORE)
    asked = [each.cluster for each in run.asked if isinstance(each, MeasureGate)]
    assert asked == ["prod-1", "prod-2"]
    measured(run, S, Position.BEFORE, "prod-1")
    assert run.flying == []
    measured(run, S, Position.BEFORE, "prod-2")
    assert run.flying == ["prod-1"]


def test_an_answer_from_before_a_restart_does_not_count() -> None:
    run = gated(web(), Position.BEFORE)
    run.tell(CoordinatorStarted(at=run.now, alive_until=run.now))
    assert questions(run) == 2
    measured(run, F, Position.BEFORE)
    assert run.rollout.phase is Phase.HALTED
    measured(run, S, Position.BEFORE)
    assert run.rollout.stages[0].gates["before/web"].verdict is GateVerdict.FAILED


def test_a_person_passes_a_gate_that_cannot_tell() -> None:
    run = gated(web(), Position.BEFORE)
    measured(run, INC, Position.BEFORE)
    assert run.reasons(ForGate)[0].verdict is GateVerdict.NEEDS_PERSON
    passed = GatePassed(
        at=run.now,
        actor="ben",
        reason="seen by eye",
        stage=run.rollout.stages[0].name,
        gate=WEB,
        position=Position.BEFORE,
    )
    run.tell(passed)
    assert run.flying == ["prod-1"]


def test_promoting_does_not_pass_a_failed_gate_but_an_undecided_one() -> None:
    run = gated(web(), Position.BEFORE)
    now = PromotedNow(at=run.now, actor="ben", reason="incident", stage=run.rollout.stages[0].name)
    run.tell(now)
    assert run.flying == ["prod-1"]


def test_health_of_everything_on_the_clusters() -> None:
    gate = Gate(name=GateName("calm"), place=PLACE, check=HealthCheck())
    run = gated(gate, Position.BEFORE)
    assert run.reasons(ForGate)[0].detail == "not healthy: prod-1, prod-2"
    well = {BundleName("dns"): Health.HEALTHY}
    ill = {BundleName("dns"): Health.UNKNOWN}
    one, two = ClusterName("prod-1"), ClusterName("prod-2")
    run.facts = replace(run.facts, health={one: well, two: ill})
    run.settle()
    assert run.reasons(ForGate)[0].detail == "not healthy: prod-2"
    run.facts = replace(run.facts, health={one: well, two: well})
    run.settle()
    assert run.flying == ["prod-1"]


def test_health_of_named_bundles_only() -> None:
    check = HealthCheck(bundles=(BundleName("dns"),))
    run = gated(Gate(name=GateName("calm"), place=PLACE, check=check), Position.BEFORE, size=1)
    health = {BundleName("dns"): Health.HEALTHY, BundleName("shop"): Health.DEGRADED}
    run.facts = replace(run.facts, health={ClusterName("prod-1"): health})
    run.settle()
    assert run.flying == ["prod-1"]


def test_a_stage_soaks_after_its_last_cluster_and_not_in_an_outage() -> None:
    gate = Gate(name=GateName("calm"), place=PLACE, check=SoakCheck(duration_s=600))
    run = gated(gate, Position.AFTER, size=1)
    run.healthy("prod-1")
    run.later(seconds=500)
    alive = run.now
    run.later(hours=2)
    run.rollout = replace(run.rollout)
    assert run.rollout.phase is Phase.COMPLETED
    again = gated(gate, Position.AFTER, size=1)
    again.healthy("prod-1")
    again.now = alive
    again.settle()
    again.now = run.now
    again.tell(CoordinatorStarted(at=again.now, alive_until=alive))
    assert again.rollout.phase is Phase.RUNNING
    again.later(seconds=99)
    assert again.rollout.phase is Phase.RUNNING
    again.later(seconds=1)
    assert again.rollout.phase is Phase.COMPLETED
