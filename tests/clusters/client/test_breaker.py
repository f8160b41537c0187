"""The circuit breaker on a clock of its own: how rarely a failing cluster is asked."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.client.breaker import FAILURES, OPEN, Breaker, Circuit
from clusters.errors import (
    CircuitOpen,
    ClusterError,
    Conflict,
    InvalidObject,
    NotFound,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from clusters.model import ObjectRef

REF = ObjectRef("", "ConfigMap", "default", "a")
REFUSED = Unauthorized("it does not accept our credentials (401)")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker(seed: int = 0) -> tuple[Breaker, Clock]:
    clock, dice = Clock(), random.Random(seed)
    return Breaker(now=clock, random_unit=dice.random), clock


def asked(circuit: Breaker, error: ClusterError | None) -> bool:
    """One attempt to send; whether it went out."""
    try:
        circuit.admit()
    except CircuitOpen:
        return False
    circuit.failed(error) if error else circuit.succeeded()
    return True


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_argo_cd_28928_refused_credentials_for_an_hour_are_asked_about_rarely(seed: int) -> None:
    """A mass 401 locked up a hub for 16 hours: nothing may spin, whoever asks how often."""
    circuit, clock = breaker(seed)
    sent = 0
    for _ in range(3600 * 2):
        sent += asked(circuit, REFUSED)
        clock.now += 0.5
    assert sent <= 3600 / (OPEN.cap_s * (1 - OPEN.jitter)) + 12
    circuit.ask_now()
    assert asked(circuit, None)
    assert circuit.state is Circuit.CLOSED


@pytest.mark.parametrize("error", [Unreachable("no answer within 30 s"), ServerFault("down")])
def test_failures_in_a_row_open_it_and_one_question_closes_it(error: ClusterError) -> None:
    circuit, clock = breaker()
    for _ in range(FAILURES):
        assert asked(circuit, error)
    assert circuit.state is Circuit.OPEN
    assert not asked(circuit, None)
    clock.now += OPEN.base_s
    circuit.admit()
    assert circuit.state is Circuit.HALF_OPEN
    with pytest.raises(CircuitOpen, match=r"down|no answer"):
        circuit.admit()
    circuit.succeeded()
    assert asked(circuit, None)


@pytest.mark.parametrize(
    "error",
    [
        ServerFault("a webhook failed", ref=REF),
        InvalidObject("no", ref=REF),
        Conflict("changed", ref=REF),
        NotFound("no", ref=REF),
        Throttled("later", retry_after_s=1, ref=REF),
    ],
)
def test_gitops_engine_520_trouble_with_one_object_never_opens_it(error: ClusterError) -> None:
    circuit, _ = breaker()
    for _ in range(50):
        assert asked(circuit, error)
    assert circuit.state is Circuit.CLOSED


def test_an_answer_in_between_begins_the_count_anew() -> None:
    circuit, _ = breaker()
    for _ in range(20):
        for _ in range(FAILURES - 1):
            assert asked(circuit, ServerFault("down"))
        assert asked(circuit, None)


def test_a_question_that_was_given_up_does_not_keep_the_others_out() -> None:
    circuit, clock = breaker()
    asked(circuit, REFUSED)
    clock.now += OPEN.base_s
    circuit.admit()
    circuit.abandoned()
    assert asked(circuit, None)


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_clusters_that_fail_together_do_not_ask_together(one: int, other: int) -> None:
    waits = []
    for seed in (one, other):
        circuit, clock = breaker(seed)
        for _ in range(6):
            asked(circuit, REFUSED)
            clock.now += circuit.wait_s
        waits.append(clock.now)
    assert one == other or waits[0] != waits[1]
