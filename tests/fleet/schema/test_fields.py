import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from fleet.model import Amount
from fleet.schema.fields import (
    check_label_key,
    check_timezone,
    read_amount,
    read_duration,
)

UNITS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("1w", 604_800), ("500ms", 0.5),
        ("1.5h", 5400), ("0s", 0), (0, 0), ("0", 0),
    ],
)  # fmt: skip
def test_durations(text: object, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", [5, "5", "", "m", "5 m", "-5m", "5M", "5y", "1h-5m", None, True, False, "9999w"]
)
def test_no_durations(text: object) -> None:
    with pytest.raises(PydanticCustomError, match="no duration"):
        read_duration(text)


@given(st.integers(1, 10**8))
def test_any_duration_can_be_written(seconds: int) -> None:
    text, left = "", seconds
    for unit, size in UNITS.items():
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        (3, Amount(3)), (0, Amount(0)), ("10%", Amount(10, percent=True)),
        ("2.5%", Amount(2.5, percent=True)), ("100%", Amount(100, percent=True)),
    ],
)  # fmt: skip
def test_amounts(text: object, amount: Amount) -> None:
    assert read_amount(text) == amount


@pytest.mark.parametrize("text", ["3", -1, 1.5, "101%", "-1%", "%", "3 %", True, None, []])
def test_no_amounts(text: object) -> None:
    with pytest.raises(PydanticCustomError, match="no amount"):
        read_amount(text)


def test_label_keys_and_timezones() -> None:
    assert check_label_key("example.com/name_1") == "example.com/name_1"
    assert check_timezone("Europe/Paris") == "Europe/Paris"
    for key in ("", "-a", "a/b/c", "a" * 64, "Example.com/a"):
        with pytest.raises(PydanticCustomError, match="label key"):
            check_label_key(key)
    for zone in ("", "Mars/Base", "/etc/passwd", "../UTC", "Europe/"):
        with pytest.raises(PydanticCustomError, match="no timezone"):
            check_timezone(zone)
