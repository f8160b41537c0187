"""Options as people write them."""

from __future__ import annotations

import pytest

from clusters.embedded.faults import Faults
from clusters.embedded.options import read_duration, read_faults


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1.5m", 90.0), ("3", 3.0)]
)
def test_durations(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1s", "2h", "1 s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        read_duration(text)


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("latency_s=0.1,error_rate=0.5", Faults(latency_s=0.1, error_rate=0.5)),
        ('{"stopped": true, "seed": 3}', Faults(stopped=True, seed=3)),
        ("stopped", Faults(stopped=True)),
        ("", Faults()),
    ],
)
def test_faults(text: str, faults: Faults) -> None:
    assert read_faults(text) == faults


@pytest.mark.parametrize("text", ["gremlins=1", "latency_s=soon", "{", "error_rate=true"])
def test_what_is_no_fault(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each in words of its own
        read_faults(text)
