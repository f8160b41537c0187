"""Limits across rollouts, and leases."""

from __future__ import annotations

import pytest

from clusters.model import BundleName, ClusterName
from fleet.model import Guards, ShrinkGuard
from fleet.rollout.guards import Changing, FleetLimits, Leases, refusal, shrinks_too_much
from fleet.rollout.model import RolloutId
from tests.fleet.rollout.fleetlet import Run, amount, clusters, plan_of, stage, strategy

A, B, C = (ClusterName(name) for name in "abc")
PAY, MON = BundleName("payments"), BundleName("monitoring")


def test_a_percentage_of_the_fleet_is_at_least_one() -> None:
    guards = Guards(max_clusters_changing=amount("25%"), max_bundles_changing_per_cluster=2)
    assert FleetLimits.of(guards, clusters=100) == FleetLimits(clusters=25, bundles_per_cluster=2)
    assert FleetLimits.of(guards, clusters=2).clusters == 1
    assert FleetLimits.of(Guards(), clusters=2) == FleetLimits()


@pytest.mark.parametrize(
    ("cluster", "changing", "limits", "extra", "refused"),
    [
        (A, [], FleetLimits(clusters=1), 0, False),
        (A, [], FleetLimits(clusters=1), 1, True),
        (A, [(B, MON)], FleetLimits(clusters=1), 0, True),
        (B, [(B, MON)], FleetLimits(clusters=1), 0, False),
        (B, [(B, MON)], FleetLimits(bundles_per_cluster=1), 0, True),
        (B, [(B, PAY)], FleetLimits(bundles_per_cluster=1), 0, False),
        (B, [(B, MON)], FleetLimits(bundles_per_cluster=2), 0, False),
        (C, [(A, MON), (B, MON)], FleetLimits(), 9, False),
    ],
)
def test_refusals(
    cluster: ClusterName,
    changing: list[tuple[ClusterName, BundleName]],
    limits: FleetLimits,
    extra: int,
    refused: bool,
) -> None:
    assert bool(refusal(cluster, PAY, Changing.of(changing), limits, extra)) is refused


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        (100, 95, True),
        (100, 94, False),
        (8, 7, True),
        (8, 6, False),
        (4, 3, True),
        (3, 2, False),
        (1, 0, False),
        (5, 5, True),
    ],
)
def test_a_shrinking_inventory_needs_a_person(before: int, after: int, allowed: bool) -> None:
    said = shrinks_too_much(before, after, ShrinkGuard())
    assert (said == "") is allowed
    assert allowed or f"removes {before - after} of {before} clusters" in said


def test_the_lease_follows_the_cluster_in_flight() -> None:
    run = Run.of(plan_of(strategy(stage()), clusters("prod", 2)))
    name, other = ClusterName("prod-1"), RolloutId("r2")
    leases = Leases(rollouts=(run.rollout,), floor={ClusterName("prod-2"): 7})
    assert leases.other_holder(name, other) == "r1"
    assert leases.other_holder(name, run.rollout.id) is None
    assert leases.other_holder(ClusterName("prod-2"), other) is None
    assert (leases.generation(name), leases.generation(ClusterName("prod-2"))) == (1, 7)
    run.healthy("prod-1")
    assert Leases(rollouts=(run.rollout,)).other_holder(name, other) is None
