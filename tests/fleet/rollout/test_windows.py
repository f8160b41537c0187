"""Windows: allow and deny, recurrences, timezones, changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model import Gate, GateName, Window, WindowCheck, WindowKind, WindowName
from fleet.model.selector import parse_selector
from fleet.rollout.windows import Ajar, Calendar, Shut, check_window, current, next_start
from tests.fleet.rollout.fleetlet import PLACE, cluster

PARIS = "Europe/Paris"


def window(name: str = "w", kind: str = "allow", **fields: Any) -> Window:
    return Window(name=WindowName(name), place=PLACE, kind=WindowKind(kind), **fields)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OFFICE = window(cron="0 9 * * mon-fri", duration_s=8 * 3600)
FREEZE = window("freeze", "deny", start=datetime(2026, 12, 19), end=datetime(2027, 1, 4))


@pytest.mark.parametrize(
    ("which", "zone", "now", "open_"),
    [
        (OFFICE, "UTC", "2026-03-02T09:00", True),
        (OFFICE, "UTC", "2026-03-02T08:59", False),
        (OFFICE, "UTC", "2026-03-02T16:59", True),
        (OFFICE, "UTC", "2026-03-02T17:00", False),
        (OFFICE, "UTC", "2026-03-07T10:00", False),
        (OFFICE, PARIS, "2026-03-02T08:00", True),
        (OFFICE, "Asia/Tokyo", "2026-03-02T00:00", True),
        (FREEZE, PARIS, "2026-12-18T23:00", True),
        (FREEZE, "UTC", "2026-12-18T23:00", False),
        (FREEZE, "UTC", "2027-01-03T23:59", True),
        (FREEZE, "UTC", "2027-01-04T00:00", False),
        # A window over midnight, asked after midnight.
        (window(cron="0 22 * * *", duration_s=6 * 3600), "UTC", "2026-03-03T03:00", True),
        # A rule counts from its own start: every other week.
        (
            window(
                rrule="FREQ=WEEKLY;INTERVAL=2",
                start=datetime(2026, 3, 2, 9),
                duration_s=3600,
            ),
            "UTC",
            "2026-03-09T09:30",
            False,
        ),
        (
            window(rrule="FREQ=MONTHLY;BYDAY=-1FR", duration_s=86_400),
            "UTC",
            "2026-03-27T12:00",
            True,
        ),
        # A rule in UTC, whatever the cluster's zone.
        (window(cron="0 9 * * *", duration_s=60, timezone="UTC"), PARIS, "2026-03-02T09:00", True),
    ],
)
def test_in_force(which: Window, zone: str, now: str, open_: bool) -> None:
    assert (current(which, zone, utc(now)) is not None) is open_


@pytest.mark.parametrize(
    ("which", "zone", "now", "expected"),
    [
        (OFFICE, "UTC", "2026-03-06T17:00", "2026-03-09T09:00"),
        (OFFICE, PARIS, "2026-03-27T17:00", "2026-03-30T07:00"),  # summer time begins between
        (FREEZE, "UTC", "2026-06-01T00:00", "2026-12-19T00:00"),
        (window(cron="0 0 29 2 *", duration_s=60), "UTC", "2026-03-01T00:00", "2028-02-29T00:00"),
        # 02:30 does not exist on 29 March in Paris: 03:30 summer time instead.
        (
            window(cron="30 2 * * *", duration_s=60),
            PARIS,
            "2026-03-28T12:00",
            "2026-03-29T01:30",
        ),
        # 02:30 exists twice on 25 October: the first counts.
        (
            window(cron="30 2 * * *", duration_s=60),
            PARIS,
            "2026-10-24T12:00",
            "2026-10-25T00:30",
        ),
    ],
)
def test_next_start(which: Window, zone: str, now: str, expected: str) -> None:
    assert next_start(which, zone, utc(now)) == utc(expected)


def test_length_is_elapsed_time_across_a_clock_change() -> None:
    night = window(cron="0 1 * * *", duration_s=3 * 3600)
    span = current(night, PARIS, utc("2026-03-29T00:30"))
    assert span is not None
    assert span.end is not None
    assert span.end - span.start == timedelta(hours=3)


def calendar(*windows: Window, named: tuple[Window, ...] = (), **labels: str) -> Calendar:
    gates = [
        Gate(
            name=GateName("g"),
            place=PLACE,
            check=WindowCheck(windows=tuple(each.name for each in named)),
        )
    ]
    return Calendar.of((*windows, *named), [cluster("c", **labels)], gates)


def verdict(calendar: Calendar, now: str, *, gated: bool = False) -> Shut | Ajar:
    groups = ((WindowName("gated"),),) if gated else ()
    return calendar.verdict(calendar.profile(cluster("c").name), utc(now), groups=groups)


def test_without_windows_everything_is_open() -> None:
    assert verdict(calendar(), "2026-03-02T10:00") == Ajar()


def test_deny_wins_over_an_open_allow() -> None:
    deny = window("lunch", "deny", cron="0 12 * * *", duration_s=3600)
    found = verdict(calendar(OFFICE, deny), "2026-03-02T12:10")
    assert found == Shut(window=WindowName("lunch"), opens_at=utc("2026-03-02T13:00"))


def test_one_of_several_allows_is_enough() -> None:
    evening = window("evening", cron="0 20 * * *", duration_s=3600)
    found = verdict(calendar(OFFICE, evening), "2026-03-02T20:10")
    assert found == Ajar(window=WindowName("evening"), closes_at=utc("2026-03-02T21:00"))


def test_the_next_opening_looks_past_a_deny() -> None:
    deny = window("audit", "deny", start=datetime(2026, 3, 3, 8), end=datetime(2026, 3, 3, 11))
    found = verdict(calendar(OFFICE, deny), "2026-03-02T18:00")
    assert isinstance(found, Shut)
    assert found.opens_at == utc("2026-03-03T11:00")


def test_a_window_applies_to_the_clusters_it_selects() -> None:
    deny = window("freeze", "deny", start=datetime(2026, 1, 1), select=parse_selector("env=prod"))
    assert isinstance(verdict(calendar(deny, env="prod"), "2026-03-02T10:00"), Shut)
    assert isinstance(verdict(calendar(deny, env="dev"), "2026-03-02T10:00"), Ajar)


def test_an_allow_that_a_gate_names_applies_only_there() -> None:
    gated = window("gated", cron="0 9 * * *", duration_s=60)
    found = calendar(named=(gated,))
    assert isinstance(verdict(found, "2026-03-02T12:00"), Ajar)
    assert isinstance(verdict(found, "2026-03-02T12:00", gated=True), Shut)


def test_a_deny_without_an_end_has_no_opening() -> None:
    found = verdict(calendar(window("off", "deny", start=datetime(2026, 1, 1))), "2026-03-02T10:00")
    assert found == Shut(window=WindowName("off"), opens_at=None)


def test_a_window_that_never_opens_is_said() -> None:
    past = window(start=datetime(2020, 1, 1), end=datetime(2020, 2, 1))
    assert "never opens after 2026-03-02 10:00 UTC" in check_window(past, utc("2026-03-02T10:00"))
    over = window(rrule="FREQ=DAILY;UNTIL=20200101T000000", duration_s=60)
    assert "never opens" in check_window(over, utc("2026-03-02T10:00"))
    assert check_window(OFFICE, utc("2026-03-02T10:00")) == ""
    assert check_window(FREEZE, utc("2030-01-01T00:00")) == ""


def test_a_wrong_rule_is_refused_in_words() -> None:
    broken = window(rrule="FREQ=SOMETIMES", duration_s=60)
    with pytest.raises(ValueError, match="cannot read the recurrence rule 'FREQ=SOMETIMES'"):
        check_window(broken, utc("2026-03-02T10:00"))


@given(
    st.integers(0, 366 * 24 * 60),
    st.sampled_from(["UTC", PARIS, "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_next_start_is_in_force_and_nothing_before_it(minutes: int, zone: str) -> None:
    now = utc("2026-01-01T00:00") + timedelta(minutes=minutes)
    night = window(cron="30 2 * * *", duration_s=1800)
    begins = next_start(night, zone, now)
    assert begins is not None
    assert begins > now
    assert current(night, zone, begins) is not None
    assert current(night, zone, begins - timedelta(seconds=1)) is None
    local = begins.astimezone(ZoneInfo(zone))
    assert begins - now <= timedelta(hours=25, minutes=30)
    assert (local.hour, local.minute) in ((2, 30), (3, 30), (3, 0))
