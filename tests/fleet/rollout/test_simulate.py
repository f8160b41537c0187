"""Simulations: repeatable, true to the bound, and readable."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.model import (
    Admission,
    ApprovalCheck,
    Gate,
    GateName,
    Inventory,
    OnBreach,
    StageGates,
    Window,
    WindowKind,
    WindowName,
)
from fleet.rollout.progress import ClusterState
from fleet.rollout.simulate import Odds, simulate
from fleet.rollout.simulate_report import _ENDS, draw
from fleet.rollout.state import Phase
from tests.fleet.rollout.fleetlet import PLACE, clusters, stage, strategy

FLEET = [*clusters("dev", 10), *clusters("prod", 40)]
RING = strategy(
    stage("dev", max_concurrency="100%", max_failures="50%", soak_s=300),
    stage("prod", max_concurrency="20%", max_failures="5%", soak_s=600, ramp=(1, "25%", "100%")),
)


def test_a_good_world_completes() -> None:
    played = simulate(RING, FLEET, seed=1)
    assert played.rollout.phase is Phase.COMPLETED
    assert played.count(ClusterState.GOOD) == 50
    assert played.broken_most == 0


def test_the_same_seed_plays_the_same_way() -> None:
    odds = Odds(failure_rate=0.1, unreachable_rate=0.1)
    one, two = (simulate(RING, FLEET, seed=7, odds=odds) for _ in range(2))
    assert one.events == two.events
    assert simulate(RING, FLEET, seed=8, odds=odds).events != one.events


def test_a_bad_release_stops_and_says_why() -> None:
    played = simulate(RING, FLEET, seed=1, odds=Odds(failure_rate=0.7))
    assert played.rollout.phase is Phase.HALTED
    assert "waits         Halted: " in draw(played)


def test_every_end_of_a_cluster_is_counted() -> None:
    told = [state for states in _ENDS.values() for state in states]
    assert sorted(told) == sorted(ClusterState)


def test_what_is_assumed_of_the_world_is_said_and_can_be_chosen() -> None:
    said = "a cluster takes 5s to 30s to apply and 20s to 2m more to be healthy, people 15m"
    quick = simulate(RING, FLEET, seed=1)
    assert said in draw(quick)
    slow = simulate(RING, FLEET, seed=1, odds=Odds(ready_s=(600.0, 600.0), unreachable_rate=0.05))
    assert "and 10m more to be healthy, people 15m to approve; 5% of all are lost" in draw(slow)
    assert slow.duration_s > quick.duration_s


def test_people_and_windows_take_their_time() -> None:
    gate = Gate(name=GateName("sre"), place=PLACE, check=ApprovalCheck(count=2))
    office = Window(
        name=WindowName("office"),
        place=PLACE,
        kind=WindowKind.ALLOW,
        cron="0 9 * * mon-fri",
        duration_s=3600,
    )
    travels = strategy(stage(gates=StageGates(before=(gate.name,))))
    fleet = Inventory(gates={gate.name: gate}, windows={office.name: office})
    begin = datetime(2026, 1, 9, 9, 50, tzinfo=UTC)  # a Friday, ten minutes before closing
    played = simulate(travels, clusters("prod", 2), seed=1, fleet=fleet, start=begin)
    assert played.rollout.phase is Phase.COMPLETED
    assert played.events[-1].at.date().isoformat() == "2026-01-12"


def test_the_drawing_shows_stages_moments_and_figures() -> None:
    text = draw(simulate(RING, FLEET, seed=3, odds=Odds(failure_rate=0.02)), width=60)
    assert "stage dev starts" in text
    assert "stage prod is complete" in text
    assert "batches 1/10/40; at most 3 of 40 clusters can be broken before it stops" in text
    bars = [line for line in text.splitlines() if "█" in line and "good" not in line]
    assert len({len(line) for line in bars}) == 1


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rate=st.floats(0, 1),
    away=st.floats(0, 0.5),
    failures=st.integers(0, 5),
    admission=st.sampled_from(Admission),
    reaction=st.sampled_from(OnBreach),
)
def test_never_more_broken_than_the_plan_promises(
    seed: int, rate: float, away: float, failures: int, admission: Admission, reaction: OnBreach
) -> None:
    declared = stage(
        max_failures=failures, max_concurrency=4, admission=admission, on_breach=reaction
    )
    played = simulate(
        strategy(declared),
        clusters("prod", 15),
        seed=seed,
        odds=Odds(failure_rate=rate, unreachable_rate=away),
    )
    bound = played.rollout.plan.stages[0].bound
    assert bound is not None
    assert played.broken_most <= bound
    assert played.rollout.ended or played.waiting.waiting_on
    (told,) = (line for line in draw(played).splitlines() if line.startswith("clusters "))
    whole, _, ends = told.removeprefix("clusters").strip().partition(" in all: ")
    assert int(whole) == sum(int(end.split()[0]) for end in ends.split(", ")) == 15


def test_a_strategy_that_cannot_travel_is_refused() -> None:
    with pytest.raises(ValueError, match="is in no stage"):
        simulate(strategy(stage("dev")), clusters("prod", 1), seed=1)
