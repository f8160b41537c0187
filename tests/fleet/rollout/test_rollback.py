"""Rollbacks: who goes back, in what order, to what; what is held; what needs a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clusters.model import ClusterName, Digest
from fleet.model import OnBreach, RollbackMode, RollbackPolicy, WithoutLastGood
from fleet.rollout.decisions import AssignRelease, PlaceHold
from fleet.rollout.events import ClusterApplied, Purpose
from fleet.rollout.facts import Facts
from fleet.rollout.guards import FleetLimits
from fleet.rollout.member_events import ClusterUnreachable
from fleet.rollout.progress import ClusterState
from fleet.rollout.requests import RollbackRequested
from fleet.rollout.rollback import held_digests
from fleet.rollout.state import Phase
from tests.fleet.rollout.fleetlet import NEW, OLD, Run, amount, clusters, plan_of, stage, strategy

State = ClusterState


def two_stages(reaction: OnBreach, **policy: Any) -> Run:
    """dev-1 is good, prod-1 good, prod-2 has failed beyond the budget, prod-3 pending."""
    travels = strategy(stage("dev"), stage("prod", on_breach=reaction))
    members = clusters("dev", 1) + clusters("prod", 3)
    run = Run.of(plan_of(travels, members, rollback=RollbackPolicy(**policy)))
    run.healthy("dev-1")
    run.later(minutes=1)
    run.healthy("prod-1")
    run.later(minutes=1)
    run.fail("prod-2")
    return run


def going_back(run: Run) -> list[str]:
    return [
        each.cluster
        for each in run.asked
        if isinstance(each, AssignRelease) and each.purpose is Purpose.ROLLBACK
    ]


@pytest.mark.parametrize(
    ("reaction", "back"),
    [
        (OnBreach.HALT, []),
        (OnBreach.ROLLBACK_CLUSTER, ["prod-2"]),
        (OnBreach.ROLLBACK_STAGE, ["prod-2", "prod-1"]),
        (OnBreach.ROLLBACK_RUN, ["prod-2", "prod-1", "dev-1"]),
    ],
)
def test_scopes_newest_change_first(reaction: OnBreach, back: list[str]) -> None:
    run = two_stages(reaction)
    assert going_back(run) == back
    assert run.rollout.phase is (Phase.ROLLING_BACK if back else Phase.HALTED)
    run.healthy(*back)
    assert run.rollout.phase is (Phase.ROLLED_BACK if back else Phase.HALTED)
    assert run.where(State.ROLLED_BACK) == set(back)
    assert run.state("prod-3") is State.PENDING


@pytest.mark.parametrize("mode", [RollbackMode.MANUAL, RollbackMode.NEVER])
def test_other_modes_halt_and_wait(mode: RollbackMode) -> None:
    run = two_stages(OnBreach.ROLLBACK_RUN, mode=mode)
    assert run.rollout.phase is Phase.HALTED
    run.tell(RollbackRequested(at=run.now, actor="ben", reason="decided"))
    assert going_back(run) == ["prod-2", "prod-1", "dev-1"]


def test_concurrency_of_the_way_back() -> None:
    run = two_stages(OnBreach.ROLLBACK_RUN, max_concurrency=amount(1))
    assert going_back(run) == ["prod-2"]
    run.healthy("prod-2")
    assert going_back(run) == ["prod-2", "prod-1"]


def test_the_fleets_limit_holds_on_the_way_back() -> None:
    plan = plan_of(
        strategy(stage(on_breach=OnBreach.ROLLBACK_STAGE, max_failures=2, max_concurrency=3)),
        clusters("prod", 3),
    )
    good = {seat.cluster: OLD for seat in plan.stages[0].seats}
    run = Run.of(plan, Facts(last_good=good))
    run.healthy("prod-1", "prod-2", "prod-3")
    run.facts = replace(run.facts, limits=FleetLimits(clusters=2))
    run.tell(RollbackRequested(at=run.now, actor="ben", reason="decided"))
    assert len(going_back(run)) == 2


def test_each_cluster_goes_to_its_own_last_good() -> None:
    plan = plan_of(
        strategy(stage(max_concurrency=2, max_failures=2)),
        clusters("prod", 2),
        baseline={"prod-1": Digest("assigned, never good")},
    )
    goods = {ClusterName("prod-1"): Digest("x"), ClusterName("prod-2"): Digest("y")}
    run = Run.of(plan, Facts(last_good=goods))
    # What becomes good elsewhere meanwhile does not change where these go back to.
    run.facts = Facts(last_good=dict.fromkeys(goods, NEW))
    run.tell(RollbackRequested(at=run.now, actor="ben", reason="decided"))
    back = {e.cluster: e.digest for e in run.asked if isinstance(e, AssignRelease)}
    assert back == goods


def test_a_chosen_release_instead_of_the_last_good() -> None:
    run = Run.of(plan_of(strategy(stage()), clusters("prod", 1)))
    target = {ClusterName("prod-1"): Digest("older")}
    run.tell(RollbackRequested(at=run.now, actor="ben", reason="x", targets=target))
    assert isinstance(run.asked[-1], AssignRelease)
    assert run.asked[-1].digest == "older"


@pytest.mark.parametrize("without", list(WithoutLastGood))
def test_without_a_last_good(without: WithoutLastGood) -> None:
    policy = RollbackPolicy(without_last_good=without)
    plan = plan_of(
        strategy(stage(on_breach=OnBreach.ROLLBACK_STAGE)), clusters("prod", 1), rollback=policy
    )
    run = Run.of(plan, Facts())
    run.fail("prod-1")
    if without is WithoutLastGood.LEAVE:
        assert going_back(run) == []
        assert run.state("prod-1") is State.FAILED
    else:
        assert run.asked[-1] == AssignRelease(
            cluster=ClusterName("prod-1"), digest=None, generation=2, purpose=Purpose.ROLLBACK
        )
        run.tell(ClusterApplied(at=run.now, cluster=ClusterName("prod-1"), digest=None))
        assert run.state("prod-1") is State.ROLLED_BACK
    assert run.rollout.phase is Phase.ROLLED_BACK


def test_a_failed_way_back_needs_a_person_and_is_not_tried_again() -> None:
    run = two_stages(OnBreach.ROLLBACK_CLUSTER)
    run.fail("prod-2", reason="still broken")
    assert run.state("prod-2") is State.NEEDS_HUMAN
    assert "its rollback failed: still broken" in run.rollout.clusters["prod-2"].trouble
    run.later(hours=9)
    assert going_back(run) == ["prod-2"]
    assert run.rollout.phase is Phase.ROLLED_BACK


def test_a_way_back_has_a_deadline() -> None:
    run = two_stages(OnBreach.ROLLBACK_CLUSTER)
    run.later(seconds=599)
    assert run.state("prod-2") is State.ROLLING_BACK
    run.later(seconds=1)
    assert run.state("prod-2") is State.NEEDS_HUMAN


def test_a_cluster_out_of_contact_does_not_keep_the_rollback_open_for_ever() -> None:
    run = two_stages(OnBreach.ROLLBACK_STAGE)
    run.healthy("prod-1")
    run.tell(ClusterUnreachable(at=run.now, cluster=ClusterName("prod-2")))
    run.later(seconds=599)
    assert run.rollout.phase is Phase.ROLLING_BACK
    run.later(seconds=1)
    assert run.rollout.phase is Phase.ROLLED_BACK
    assert run.state("prod-2") is State.NEEDS_HUMAN


def test_the_hold_spares_what_is_good_elsewhere() -> None:
    members = clusters("prod", 3)
    digests = {
        members[0].name: Digest("x"),
        members[1].name: Digest("y"),
        members[2].name: Digest("same"),
    }
    plan = plan_of(
        strategy(stage(max_concurrency=3, max_failures=3)),
        members,
        digests=digests,
        baseline={"prod-3": Digest("same")},
    )
    run = Run.of(plan, Facts(last_good={members[1].name: Digest("x")}))
    assert held_digests(run.rollout) == {"y"}


def test_a_rollback_does_not_wait_for_what_is_in_flight_when_a_person_asks() -> None:
    run = Run.of(plan_of(strategy(stage(max_concurrency=2, max_failures=2)), clusters("prod", 2)))
    run.tell(RollbackRequested(at=run.now + timedelta(), actor="ben", reason="x"))
    assert set(going_back(run)) == {"prod-1", "prod-2"}
    assert sum(isinstance(each, PlaceHold) for each in run.asked) == 1
