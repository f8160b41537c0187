"""Comparisons of metric gates, and what a value means."""

from __future__ import annotations

import math

import pytest

from fleet.model import PrometheusCheck
from fleet.rollout.events import Measurement
from fleet.rollout.expressions import judge, parse_comparison


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("value < 0.01", 0.009, True),
        ("value < 0.01", 0.01, False),
        ("value<=1e-2", 0.01, True),
        ("  value  >=  -5 ", -5, True),
        ("value == 0", 0, True),
        ("value != 0", 0, False),
        ("value > .5", 0.6, True),
        ("value != 0", math.nan, False),
        ("value > 5", math.inf, True),
    ],
)
def test_comparisons(text: str, value: float, holds: bool) -> None:
    assert parse_comparison(text).holds(value) is holds


@pytest.mark.parametrize(
    "text", ["", "value", "0.01 > value", "value < x", "value < 1; drop", "v < 1"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"it must be like `value < 0\.01`"):
        parse_comparison(text)


CHECK = PrometheusCheck(url="http://p", query="q", success="value < 0.01", failure="value > 0.05")


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (0.0, Measurement.SUCCESS),
        (0.03, Measurement.INCONCLUSIVE),
        (0.06, Measurement.FAILURE),
        (None, Measurement.INCONCLUSIVE),
        (math.nan, Measurement.INCONCLUSIVE),
    ],
)
def test_judgement(value: float | None, outcome: Measurement) -> None:
    assert judge(CHECK, value) is outcome


def test_without_a_failure_condition_nothing_fails() -> None:
    lenient = PrometheusCheck(url="http://p", query="q", success="value < 0.01")
    assert judge(lenient, 5.0) is Measurement.INCONCLUSIVE
