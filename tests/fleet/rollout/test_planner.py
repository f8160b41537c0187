"""The life of a rollout, from the first stage to the last."""

from __future__ import annotations

from fleet.model import Admission, OnBreach
from fleet.rollout.decisions import AssignRelease, PlaceHold
from fleet.rollout.events import Degraded, Purpose
from fleet.rollout.planner import decide
from fleet.rollout.progress import ClusterState
from fleet.rollout.requests import Aborted, Paused, Resumed
from fleet.rollout.state import Phase
from fleet.rollout.waiting import ForBudget, ForClusters, ForPerson, ForSlot, ForSoak
from tests.fleet.rollout.fleetlet import NEW, OLD, Run, clusters, plan_of, stage, strategy


def test_stages_follow_each_other() -> None:
    travels = strategy(
        stage("dev", max_concurrency=2, admission=Admission.OPTIMISTIC),
        stage("prod", max_concurrency=1),
    )
    run = Run.of(plan_of(travels, clusters("dev", 2) + clusters("prod", 2)))

    assert run.flying == ["dev-1", "dev-2"]
    run.healthy("dev-1")
    assert run.flying == ["dev-2"]
    run.healthy("dev-2")
    assert run.flying == ["prod-1"]
    run.healthy("prod-1")
    run.healthy("prod-2")
    assert run.rollout.phase is Phase.COMPLETED
    assert run.where(ClusterState.GOOD) == {"dev-1", "dev-2", "prod-1", "prod-2"}


def test_soaking_holds_the_slot() -> None:
    run = Run.of(plan_of(strategy(stage(soak_s=300)), clusters("prod", 2)))

    run.healthy("prod-1")
    assert run.flying == ["prod-1"]
    assert run.reasons(ForSoak)
    assert run.outcome.recheck_after == 300
    run.later(seconds=299)
    assert run.flying == ["prod-1"]
    run.later(seconds=1)
    assert run.flying == ["prod-2"]


def test_degrading_resets_the_soak() -> None:
    run = Run.of(plan_of(strategy(stage(soak_s=300)), clusters("prod", 1)))
    run.healthy("prod-1")
    run.later(seconds=200)
    entry = run.rollout.clusters["prod-1"]
    run.tell(Degraded(at=run.now, cluster=entry.name, digest=NEW, reason="crash loop"))
    assert run.state("prod-1") is ClusterState.VERIFYING
    assert "crash loop" in run.reasons(ForClusters)[0].trouble
    run.later(seconds=60)
    run.healthy("prod-1")
    run.later(seconds=299)
    assert run.state("prod-1") is ClusterState.SOAKING
    run.later(seconds=1)
    assert run.rollout.phase is Phase.COMPLETED


def test_reserve_admission_keeps_the_bound() -> None:
    plan = plan_of(strategy(stage(max_concurrency=4, max_failures=1)), clusters("prod", 10))
    run = Run.of(plan)
    assert plan.stages[0].bound == 2
    assert len(run.flying) == 2
    assert run.reasons(ForBudget)
    run.fail("prod-01")
    assert run.flying == ["prod-02"]
    run.fail("prod-02")
    assert run.rollout.phase is Phase.HALTED
    assert run.where(ClusterState.FAILED) == {"prod-01", "prod-02"}
    assert run.reasons(ForPerson)[0].reason == (
        "2 of 10 clusters of stage prod failed, its budget is 1; first prod-01: image not found"
    )


def test_optimistic_admission_fills_the_slots() -> None:
    plan = plan_of(
        strategy(stage(max_concurrency=4, max_failures=1, admission=Admission.OPTIMISTIC)),
        clusters("prod", 10),
    )
    run = Run.of(plan)
    assert plan.stages[0].bound == 5
    assert len(run.flying) == 4
    assert run.reasons(ForSlot)
    run.fail("prod-01")
    assert run.flying == ["prod-02", "prod-03", "prod-04", "prod-05"]


def test_failures_within_the_budget_pass_the_stage() -> None:
    travels = strategy(stage("dev", max_failures=1, max_concurrency=3), stage("prod"))
    run = Run.of(plan_of(travels, clusters("dev", 3) + clusters("prod", 1)))
    run.fail("dev-1")
    run.healthy("dev-2", "dev-3")
    assert run.flying == ["prod-1"]


def test_a_deadline_counts_active_time_only() -> None:
    run = Run.of(plan_of(strategy(stage(progress_deadline_s=600)), clusters("prod", 1)))
    run.later(seconds=500)
    run.tell(Paused(at=run.now, actor="ada", reason="lunch"))
    assert run.reasons(ForPerson)[0].reason == "paused by ada: lunch"
    run.later(hours=5)
    run.tell(Resumed(at=run.now, actor="ada"))
    run.later(seconds=99)
    assert run.state("prod-1") is ClusterState.APPLYING
    run.later(seconds=1)
    assert run.state("prod-1") is ClusterState.TIMED_OUT


def test_a_failed_attempt_is_retried() -> None:
    run = Run.of(plan_of(strategy(stage(retries=1)), clusters("prod", 1)))
    run.fail("prod-1")
    assert run.state("prod-1") is ClusterState.APPLYING
    assert run.rollout.clusters["prod-1"].attempts == 2
    run.fail("prod-1")
    assert run.state("prod-1") is ClusterState.FAILED


def test_unchanged_clusters_cost_nothing() -> None:
    members = clusters("prod", 3)
    plan = plan_of(strategy(stage(soak_s=60)), members, baseline={"prod-1": NEW, "prod-3": NEW})
    assert plan.stages[0].size == 1
    run = Run.of(plan)
    assert run.flying == ["prod-2"]
    assert run.where(ClusterState.UNCHANGED) == {"prod-1", "prod-3"}


def test_a_breach_rolls_back_to_the_last_good() -> None:
    travels = strategy(stage(on_breach=OnBreach.ROLLBACK_STAGE, max_concurrency=1))
    run = Run.of(plan_of(travels, clusters("prod", 3)))
    run.healthy("prod-1")
    run.fail("prod-2")
    assert run.rollout.phase is Phase.ROLLING_BACK
    back = [e for e in run.asked if isinstance(e, AssignRelease) and e.purpose is Purpose.ROLLBACK]
    assert [(each.cluster, each.digest) for each in back] == [("prod-2", OLD), ("prod-1", OLD)]
    holds = [each for each in run.asked if isinstance(each, PlaceHold)]
    assert [hold.digests for hold in holds] == [{NEW}]
    run.healthy("prod-1", "prod-2")
    assert run.rollout.phase is Phase.ROLLED_BACK
    assert run.state("prod-3") is ClusterState.PENDING


def test_an_abort_lets_what_is_in_flight_finish() -> None:
    run = Run.of(plan_of(strategy(stage(max_concurrency=1)), clusters("prod", 2)))
    run.tell(Aborted(at=run.now, actor="ada", reason="wrong day"))
    assert run.rollout.phase is Phase.RUNNING
    run.healthy("prod-1")
    assert run.rollout.phase is Phase.ABORTED
    assert run.state("prod-2") is ClusterState.PENDING


def test_deciding_again_changes_nothing() -> None:
    run = Run.of(plan_of(strategy(stage(soak_s=60, max_concurrency=2)), clusters("prod", 3)))
    run.healthy("prod-1")
    first = decide(run.rollout, run.facts, run.now)
    assert first == decide(run.rollout, run.facts, run.now)
    assert first.decisions == ()
