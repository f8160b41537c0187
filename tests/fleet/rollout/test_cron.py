"""Cron expressions: what they match, and how a wrong one is refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.rollout.cron import parse_cron

NOON = datetime(2026, 3, 2, 12, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", "2026-03-02T12:01"),
        ("0 9 * * *", "2026-03-03T09:00"),
        ("30 12 * * *", "2026-03-02T12:30"),
        ("*/20 * * * *", "2026-03-02T12:20"),
        ("5/20 * * * *", "2026-03-02T12:05"),
        ("0 9 * * mon-fri", "2026-03-03T09:00"),
        ("0 9 * * sat,sun", "2026-03-07T09:00"),
        ("0 0 * * 7", "2026-03-08T00:00"),
        ("0 0 31 * *", "2026-03-31T00:00"),
        ("0 0 29 feb *", "2028-02-29T00:00"),
        ("0 0 13 * fri", "2026-03-06T00:00"),
        ("0 0 1 JAN *", "2027-01-01T00:00"),
    ],
)
def test_next_match(text: str, expected: str) -> None:
    assert parse_cron(text).after(NOON) == datetime.fromisoformat(expected)


def test_a_day_that_never_comes() -> None:
    assert parse_cron("0 0 31 2 *").after(NOON) is None


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("0 9 * *", "has 4 fields, it needs 5"),
        ("60 9 * * *", "the minute '60'"),
        ("0 9-7 * * *", "the hour '9-7' of a cron expression runs backwards"),
        ("0 9 0 * *", "the day of month '0'"),
        ("0 9 * foo *", "must be a number from 1 to 12 or a name such as feb"),
        ("0 9 * * */0", "the day of week '0'"),
    ],
)
def test_refusals(text: str, part: str) -> None:
    with pytest.raises(ValueError, match=part.replace("*", r"\*")):
        parse_cron(text)


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(0, 6),
    st.datetimes(NOON, NOON.replace(2030)),
)
def test_a_match_agrees_with_its_fields(m: int, h: int, day: int, moment: datetime) -> None:
    found = parse_cron(f"{m} {h} * * {day}").after(moment)
    assert found is not None
    assert (found.minute, found.hour, found.isoweekday() % 7) == (m, h, day)
    assert moment < found <= moment + timedelta(days=7)
