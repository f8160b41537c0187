"""Schedules: which minutes they name."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clusters.embedded.controllers.cron_jobs import next_run, parse_schedule


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", "2026-01-01T00:01"),
        ("*/15 * * * *", "2026-01-01T00:15"),
        ("0 3 * * *", "2026-01-01T03:00"),
        ("30 0 1 2 *", "2026-02-01T00:30"),
        ("0 0 29 2 *", None),
        ("0 9 * * mon-fri", "2026-01-01T09:00"),
        ("0 9 * * 6,0", "2026-01-03T09:00"),
        ("0 0 13 * 5", "2026-01-02T00:00"),
        ("@weekly", "2026-01-04T00:00"),
        ("5-10/5 1 * jan *", "2026-01-01T01:05"),
        ("0 0 * * 7", "2026-01-04T00:00"),
    ],
)
def test_the_next_run(schedule: str, expected: str | None) -> None:
    after = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)  # a Thursday
    found = next_run(parse_schedule(schedule), after)
    assert (found.strftime("%Y-%m-%dT%H:%M") if found else None) == expected


@pytest.mark.parametrize("schedule", ["", "* * * *", "60 * * * *", "* * 0 * *", "x * * * *"])
def test_what_is_no_schedule(schedule: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  each in words of its own
        parse_schedule(schedule)
