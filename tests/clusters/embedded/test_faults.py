"""Faults: how they are read, and whom they strike."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.faults import Fate, Faults, Trouble


def test_without_faults_everything_is_answered() -> None:
    verdict = Trouble().verdict()
    assert (verdict.fate, verdict.delay_s, verdict.answer) == (Fate.ANSWER, 0.0, None)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"lateness": 1}, "no fault 'lateness'"),
        ({"latency_s": "1"}, "takes a float"),
        ({"stopped": 1}, "takes a bool"),
        ({"error_rate": -1}, "cannot be negative"),
        ({"seed": True}, "takes a int"),
    ],
)
def test_what_is_no_fault_is_refused_by_name(raw: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Faults.read(raw)


def test_whole_numbers_do_for_seconds() -> None:
    assert Faults.read({"latency_s": 1}) == Faults(latency_s=1.0)


def fates(faults: Faults, count: int = 200) -> list[tuple[Fate, int]]:
    trouble = Trouble()
    trouble.set(faults)
    found = []
    for _ in range(count):
        verdict = trouble.verdict()
        found.append((verdict.fate, verdict.answer.status if verdict.answer else 0))
    return found


@pytest.mark.parametrize(
    ("faults", "fate", "status"),
    [
        (Faults(stopped=True), Fate.DROP, 0),
        (Faults(hang=True), Fate.HANG, 0),
        (Faults(expired_token=True), Fate.REFUSE, 401),
        (Faults(html=True), Fate.REFUSE, 200),
        (Faults(throttle_rate=1.0), Fate.REFUSE, 429),
        (Faults(error_rate=1.0), Fate.REFUSE, 500),
        (Faults(drop_rate=1.0), Fate.DROP, 0),
    ],
)
def test_certain_faults_strike_always(faults: Faults, fate: Fate, status: int) -> None:
    assert set(fates(faults)) == {(fate, status)}


def test_rates_are_shares_and_repeat_by_seed() -> None:
    half = Faults(error_rate=0.5, seed=7)
    struck = fates(half)
    assert struck == fates(half)
    assert struck != fates(Faults(error_rate=0.5, seed=8))
    assert 60 < sum(fate is Fate.REFUSE for fate, _ in struck) < 140


def test_a_throttled_client_is_told_when_to_come_back() -> None:
    trouble = Trouble()
    trouble.set(Faults(throttle_rate=1.0, retry_after_s=7))
    answer = trouble.verdict().answer
    assert answer is not None
    assert answer.headers["Retry-After"] == "7"


def test_only_resuming_watches_are_expired() -> None:
    trouble = Trouble()
    trouble.set(Faults(watch_expired=True))
    assert trouble.verdict().fate is Fate.ANSWER
    refused = trouble.verdict(resumes_watch=True).answer
    assert refused is not None
    assert refused.status == 410
