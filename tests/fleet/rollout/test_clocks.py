"""The stopwatch: it counts what it is allowed to, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.rollout.clocks import Clock
from tests.fleet.rollout.fleetlet import START


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1000)), max_size=20))
def test_elapsed_is_the_sum_of_the_running_spans(spans: list[tuple[bool, int]]) -> None:
    clock, now, expected = Clock(), START, 0
    for running, length in spans:
        clock = clock.running(now) if running else clock.stopped(now)
        now += timedelta(seconds=length)
        expected += length if running else 0
        assert clock.elapsed_s(now) == expected
        assert clock.reached(expected, now)
        assert not clock.reached(expected + 1, now)
        due = clock.due(expected + 10)
        assert due == (now + timedelta(seconds=10) if running else None)


def test_starting_and_stopping_twice_changes_nothing() -> None:
    clock = Clock.started(START)
    assert clock.running(START + timedelta(seconds=5)) is clock
    stopped = clock.stopped(START + timedelta(seconds=5))
    assert stopped.stopped(START + timedelta(seconds=9)) is stopped
