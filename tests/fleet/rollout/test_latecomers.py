"""Clusters that join, leave, get lost and come back while a rollout is under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from clusters.model import ClusterName, Digest
from fleet.model import Admission, Taint, TaintEffect, UnreachablePolicy
from fleet.rollout.decisions import AssignRelease, ObserveCluster
from fleet.rollout.events import Purpose
from fleet.rollout.joining import joining, taint_blocking
from fleet.rollout.member_events import (
    ClusterLeft,
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    CoordinatorStarted,
)
from fleet.rollout.model import Membership
from fleet.rollout.planning import Baseline, PlanRefused
from fleet.rollout.progress import ClusterState
from fleet.rollout.state import Phase
from tests.fleet.rollout.fleetlet import (
    NEW,
    OLD,
    Run,
    amount,
    cluster,
    clusters,
    inventory,
    plan_of,
    stage,
    strategy,
)

State = ClusterState
RING = strategy(stage("dev"), stage("prod"))
FLEET = clusters("dev", 1) + clusters("prod", 2)


def join(run: Run, name: str, env: str, baseline: Digest | None = None) -> None:
    newcomer = cluster(name, env=env)
    release = run.rollout.plan.release
    grown = replace(release, digests={**release.digests, newcomer.name: NEW})
    known = {} if baseline is None else {(stage(env).name, newcomer.name): baseline}
    run.tell(
        joining(
            run.rollout,
            grown,
            newcomer,
            inventory([*FLEET, newcomer]),
            at=run.now,
            baseline=Baseline(completed=known),
        )
    )


def test_before_its_stage_it_is_appended_to_a_new_plan() -> None:
    run = Run.of(plan_of(RING, FLEET))
    before = run.rollout.plan.plan_hash
    join(run, "prod-0", "prod")
    plan = run.rollout.stages[1].plan
    assert [seat.cluster for seat in plan.seats] == ["prod-1", "prod-2", "prod-0"]
    assert plan.size == 3
    assert run.rollout.plan.plan_hash != before
    assert run.rollout.clusters["prod-0"].membership is Membership.MEMBER


def test_in_a_running_stage_it_gets_the_baseline_and_waits_behind() -> None:
    run = Run.of(plan_of(RING, FLEET))
    run.healthy("dev-1")
    join(run, "prod-0", "prod", baseline=OLD)
    assert isinstance(run.asked[-1], AssignRelease)
    assert (run.asked[-1].digest, run.asked[-1].purpose) == (OLD, Purpose.BASELINE)
    assert run.rollout.stages[1].plan.size == 2
    run.healthy("prod-0", "prod-1", "prod-2")
    assert run.flying == ["prod-0"]
    run.fail("prod-0")
    assert run.rollout.phase is Phase.COMPLETED
    assert run.rollout.failures == 0
    assert run.rollout.alerts == ("prod-0: image not found",)


def test_a_baseline_that_does_not_become_healthy_is_given_up() -> None:
    run = Run.of(plan_of(RING, FLEET))
    run.healthy("dev-1")
    join(run, "prod-0", "prod", baseline=OLD)
    run.healthy("prod-1", "prod-2")
    run.later(minutes=10)
    assert run.state("prod-0") is State.FAILED
    assert run.rollout.phase is Phase.COMPLETED


def test_in_a_finished_stage_it_gets_the_release_directly() -> None:
    run = Run.of(plan_of(RING, FLEET))
    run.healthy("dev-1")
    join(run, "dev-2", "dev")
    entry = run.rollout.clusters["dev-2"]
    assert (entry.membership, entry.state, entry.target) == (Membership.DIRECT, State.APPLYING, NEW)


def test_a_newcomer_in_no_stage_is_refused() -> None:
    run = Run.of(plan_of(RING, FLEET))
    with pytest.raises(PlanRefused, match="cluster lab-1 is in no stage"):
        join(run, "lab-1", "lab")


def test_leaving_before_during_and_after() -> None:
    run = Run.of(plan_of(RING, FLEET))
    run.tell(ClusterLeft(at=run.now, cluster=ClusterName("prod-2")))
    assert run.state("prod-2") is State.WITHDRAWN
    run.tell(ClusterLeft(at=run.now, cluster=ClusterName("dev-1")))
    assert run.state("dev-1") is State.APPLYING
    run.healthy("dev-1")
    assert run.state("dev-1") is State.WITHDRAWN
    run.healthy("prod-1")
    run.tell(ClusterLeft(at=run.now, cluster=ClusterName("prod-1")))
    assert run.rollout.phase is Phase.COMPLETED
    assert run.state("prod-1") is State.GOOD


def test_a_leaving_cluster_that_fails_counts_nothing() -> None:
    run = Run.of(plan_of(RING, FLEET))
    run.tell(ClusterLeft(at=run.now, cluster=ClusterName("dev-1")))
    run.fail("dev-1")
    assert run.state("dev-1") is State.WITHDRAWN
    assert run.rollout.failures == 0
    assert run.flying == ["prod-1"]


AWAY = UnreachablePolicy(grace_s=60, max=amount("50%"))


def away(run: Run, name: str) -> None:
    run.tell(ClusterUnreachable(at=run.now, cluster=ClusterName(name)))


def back(run: Run, name: str) -> None:
    run.tell(ClusterReturned(at=run.now, cluster=ClusterName(name)))


def test_a_short_absence_is_no_matter() -> None:
    run = Run.of(plan_of(strategy(stage(unreachable=AWAY)), clusters("prod", 2)))
    away(run, "prod-2")
    run.later(seconds=59)
    assert run.state("prod-2") is State.PENDING
    back(run, "prod-2")
    run.later(seconds=600 - 60)
    assert run.state("prod-2") is State.PENDING


def test_in_flight_it_keeps_its_slot_for_the_deadline_and_is_looked_at_when_back() -> None:
    run = Run.of(plan_of(strategy(stage(unreachable=AWAY)), clusters("prod", 2)))
    away(run, "prod-1")
    run.later(seconds=599)
    assert run.flying == ["prod-1"]
    back(run, "prod-1")
    assert run.asked[-1] == ObserveCluster(cluster=ClusterName("prod-1"))
    run.tell(ClusterObserved(at=run.now, cluster=ClusterName("prod-1"), digest=OLD))
    assert isinstance(run.asked[-1], AssignRelease)
    assert run.rollout.clusters["prod-1"].attempts == 1
    run.later(seconds=599)
    assert run.state("prod-1") is State.APPLYING  # the absence did not use its deadline


def test_a_deferred_cluster_converges_after_the_end() -> None:
    run = Run.of(plan_of(strategy(stage(unreachable=AWAY)), clusters("prod", 2)))
    away(run, "prod-2")
    run.later(seconds=60)
    run.healthy("prod-1")
    assert run.rollout.phase is Phase.COMPLETED
    back(run, "prod-2")
    assert run.state("prod-2") is State.APPLYING
    run.healthy("prod-2")
    assert run.state("prod-2") is State.GOOD
    assert run.rollout.phase is Phase.COMPLETED


def test_nothing_is_assigned_twice_after_a_restart() -> None:
    declared = stage(max_concurrency=2, max_failures=1, soak_s=300, admission=Admission.OPTIMISTIC)
    run = Run.of(plan_of(strategy(declared), clusters("prod", 2)))
    run.healthy("prod-1")
    run.later(seconds=200)
    alive = run.now
    run.now += timedelta(hours=3)
    run.asked.clear()
    run.tell(CoordinatorStarted(at=run.now, alive_until=alive))
    assert {type(each) for each in run.asked} == {ObserveCluster}
    for name in ("prod-1", "prod-2"):
        run.tell(ClusterObserved(at=run.now, cluster=ClusterName(name), digest=NEW))
    run.healthy("prod-1")
    run.later(seconds=99)
    assert run.state("prod-1") is State.SOAKING
    run.later(seconds=1)
    assert run.state("prod-1") is State.GOOD
    assert not any(isinstance(each, AssignRelease) for each in run.asked)


def test_taints_keep_bundles_out_that_do_not_tolerate_them() -> None:
    edge = replace(
        cluster("edge-1"), taints=(Taint(key="edge", effect=TaintEffect.NO_NEW_BUNDLES),)
    )
    assert "its taint edge lets no new bundles in" in taint_blocking(edge, ())
    assert taint_blocking(edge, ("edge",)) == ""
    assert taint_blocking(cluster("plain"), ()) == ""
