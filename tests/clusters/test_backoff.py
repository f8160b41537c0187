"""Delays between attempts: they grow, they end somewhere, and they never are the same for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.backoff import APPLY, CONNECT, WATCH, Backoff

backoffs = st.builds(
    Backoff,
    base_s=st.floats(0.01, 10),
    factor=st.floats(1.0, 4.0),
    cap_s=st.floats(10, 600),
    jitter=st.floats(0.0, 1.0),
)
units = st.floats(0.0, 1.0, exclude_max=True)


@pytest.mark.parametrize(("attempt", "delay_s"), [(0, 1.0), (1, 2.0), (2, 4.0), (8, 256.0)])
def test_doubles(attempt: int, delay_s: float) -> None:
    assert APPLY.delay_s(attempt, 0.0) == delay_s


@pytest.mark.parametrize("backoff", [APPLY, CONNECT, WATCH])
@pytest.mark.parametrize("attempt", [20, 1000, 10**9])
def test_ends_at_the_cap(backoff: Backoff, attempt: int) -> None:
    assert backoff.delay_s(attempt, 0.0) == backoff.cap_s


@given(backoffs, st.integers(0, 10_000), units)
def test_stays_within_its_bounds(backoff: Backoff, attempt: int, unit: float) -> None:
    delay_s = backoff.delay_s(attempt, unit)
    assert 0.0 <= delay_s <= backoff.cap_s
    assert delay_s >= min(backoff.base_s, backoff.cap_s) * (1 - backoff.jitter) * (1 - 1e-9)


@given(backoffs, st.integers(0, 10_000), units)
def test_never_shrinks_from_one_attempt_to_the_next(
    backoff: Backoff, attempt: int, unit: float
) -> None:
    assert backoff.delay_s(attempt + 1, unit) >= backoff.delay_s(attempt, unit)


def test_a_storm_is_spread() -> None:
    """A mass 401 made every watcher spin in step (argo-cd#28928): equal attempts differ in time."""
    delays = {CONNECT.delay_s(3, unit / 10) for unit in range(10)}
    assert len(delays) == 10
    assert max(delays) >= 1.5 * min(delays)
