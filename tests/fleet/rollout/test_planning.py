"""Plans: order, numbers, hashes, and what cannot be planned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.model import ClusterName, Digest
from fleet.model import Admission, Gate, GateName, Place, SoakCheck, Spread
from fleet.rollout.model import RolloutId
from fleet.rollout.planning import Baseline, PlanRefused, make_plan
from tests.fleet.rollout.fleetlet import (
    NEW,
    PLACE,
    START,
    amount,
    cluster,
    clusters,
    inventory,
    plan_of,
    release,
    stage,
    strategy,
)


@pytest.mark.parametrize(
    ("size", "concurrency", "failures", "expected"),
    [
        (20, "20%", "3%", (4, 0)),
        (100, "20%", "3%", (20, 3)),
        (5, "10%", "20%", (1, 1)),
        (3, "2", "1", (2, 1)),
        (3, "100%", "100%", (3, 3)),
        (199, "0.5%", "99%", (1, 197)),
    ],
)
def test_amounts(size: int, concurrency: str, failures: str, expected: tuple[int, int]) -> None:
    declared = stage(max_concurrency=concurrency, max_failures=failures)
    planned = plan_of(strategy(declared), clusters("prod", size)).stages[0]
    assert (planned.concurrency, planned.failures) == expected


@pytest.mark.parametrize(
    ("steps", "size", "expected"),
    [
        ((), 10, (10,)),
        ((1, "10%", "50%", "100%"), 100, (1, 10, 50, 100)),
        ((1, "10%", "50%", "100%"), 4, (1, 2, 4)),
        ((1, 2), 10, (1, 2, 10)),
        ((5,), 3, (3,)),
        (("50%",), 1, (1,)),
    ],
)
def test_ramps(steps: tuple[str | int, ...], size: int, expected: tuple[int, ...]) -> None:
    planned = plan_of(strategy(stage(ramp=steps)), clusters("prod", size)).stages[0]
    assert planned.ramp == expected


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        ({"max_failures": 2, "max_concurrency": 3}, 3),
        ({"max_failures": 2, "max_concurrency": 3, "admission": Admission.OPTIMISTIC}, 5),
        ({"max_failures": 9, "max_concurrency": 3}, 10),
        ({"max_failures": 9, "max_concurrency": 9, "admission": Admission.OPTIMISTIC}, 10),
        ({"max_failures": 2, "soak_holds_slot": False}, None),
    ],
)
def test_bounds(fields: dict[str, object], bound: int | None) -> None:
    assert plan_of(strategy(stage(**fields)), clusters("prod", 10)).stages[0].bound == bound


def test_order_by_label_then_name() -> None:
    members = [
        cluster("a", env="prod", order="10"),
        cluster("b", env="prod", order="9"),
        cluster("c", env="prod"),
        cluster("d", env="prod", order="first"),
        cluster("e", env="prod", order="9"),
    ]
    planned = plan_of(strategy(stage(order=("label:order",))), members).stages[0]
    assert [seat.cluster for seat in planned.seats] == ["b", "e", "a", "d", "c"]


def test_random_order_is_the_same_for_the_same_rollout() -> None:
    members = clusters("prod", 30)
    travels = strategy(stage(order=("random",)))

    def order(rollout: str) -> list[str]:
        made = make_plan(
            release(travels, members), inventory(members), rollout=RolloutId(rollout), now=START
        )
        return [seat.cluster for seat in made.stages[0].seats]

    assert order("r1") == order("r1") != order("r2")
    assert sorted(order("r1")) == [member.name for member in members]


def test_label_before_random() -> None:
    members = [cluster(f"c{n}", env="prod", order=str(n % 3)) for n in range(12)]
    planned = plan_of(strategy(stage(order=("label:order", "random"))), members).stages[0]
    ranks = [int(seat.cluster[1:]) % 3 for seat in planned.seats]
    assert ranks == sorted(ranks)


def test_unchanged_clusters_come_last_and_do_not_count() -> None:
    planned = plan_of(
        strategy(stage(max_failures="50%")), clusters("prod", 4), baseline={"prod-1": NEW}
    ).stages[0]
    assert (planned.size, planned.failures) == (3, 1)
    assert [seat.cluster for seat in planned.seats][-1] == "prod-1"


def test_the_hash_speaks_of_the_content_and_not_of_the_place() -> None:
    members = clusters("prod", 3)
    travels = strategy(stage())
    first = plan_of(travels, members)
    elsewhere = Place(file="other.yaml", line=9)
    moved = replace(
        travels, place=elsewhere, stages=tuple(replace(s, place=elsewhere) for s in travels.stages)
    )
    assert plan_of(moved, members).plan_hash == first.plan_hash
    changed = {each.name: Digest("newer") for each in members}
    others = [
        plan_of(travels, members, digests=changed),
        plan_of(travels, members[:2]),
        plan_of(strategy(stage(max_failures=1)), members),
        plan_of(strategy(stage(soak_s=1)), members),
        plan_of(travels, members, baseline={"prod-1": Digest("older")}),
    ]
    hashes = {first.plan_hash, *(plan.plan_hash for plan in others)}
    assert len(hashes) == len(others) + 1


def test_all_problems_are_said_at_once() -> None:
    calm = Gate(name=GateName("calm"), place=PLACE, check=SoakCheck(duration_s=60))
    declared = stage(max_failures="101%", spread=Spread(by="region", max_per_domain=0))
    during = replace(declared, gates=replace(declared.gates, during=(GateName("calm"),)))
    members = [*clusters("prod", 1), cluster("lost", env="lab")]
    travels = strategy(during, max_failures=amount("-1"))
    with pytest.raises(PlanRefused) as caught:
        plan_of(travels, members, gates=[calm])
    problems = caught.value.problems
    assert len(problems) == 5
    assert problems[0] == (
        "fleet.yaml:1: stage prod: maxFailures is 101%, it must be from 0% to 100%"
    )
    assert "spread.maxPerDomain is 0" in problems[1]
    assert "cannot soak while it runs" in problems[2]
    assert "maxFailures of strategy ring is -1" in problems[3]
    assert "cluster lost is in no stage" in problems[4]


def test_an_empty_strategy_is_refused() -> None:
    with pytest.raises(PlanRefused, match="has no stages"):
        plan_of(strategy(), [])


@given(
    size=st.integers(1, 60),
    steps=st.lists(st.integers(1, 100), max_size=5),
    concurrency=st.integers(1, 100),
    failures=st.integers(0, 100),
)
def test_resolved_numbers_stay_in_range(
    size: int, steps: list[int], concurrency: int, failures: int
) -> None:
    declared = stage(
        ramp=tuple(f"{step}%" for step in steps),
        max_concurrency=f"{concurrency}%",
        max_failures=f"{failures}%",
    )
    planned = plan_of(strategy(declared), clusters("prod", size)).stages[0]
    assert 1 <= planned.concurrency <= size
    assert 0 <= planned.failures <= size
    assert planned.ramp[-1] == size
    assert list(planned.ramp) == sorted(set(planned.ramp))
    assert planned.bound is not None
    assert planned.bound <= size


def test_baseline_of_a_stage_goes_into_the_seat() -> None:
    members = clusters("prod", 1)
    name = members[0].name
    made = make_plan(
        release(strategy(stage()), members),
        inventory(members),
        rollout=RolloutId("r1"),
        now=START,
        baseline=Baseline(completed={(stage().name, ClusterName(name)): Digest("before")}),
    )
    assert made.stages[0].seats[0].baseline == "before"
