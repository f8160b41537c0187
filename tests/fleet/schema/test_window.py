from datetime import datetime

import pytest

from tests.fleet.source.documents_by_hand import document, inventory, problems


def test_a_window_of_whole_days_includes_its_last_day() -> None:
    spec = "{kind: deny, from: 2026-12-19, to: 2027-01-04, timezone: Europe/Paris}"
    [one] = inventory(document("Window", "w", spec)).windows.values()
    assert (one.start, one.end) == (datetime(2026, 12, 19), datetime(2027, 1, 5))
    spec = "{kind: deny, from: '2026-12-19T18:30', to: '2026-12-19T19:00'}"
    [one] = inventory(document("Window", "w", spec)).windows.values()
    assert (one.start, one.end) == (datetime(2026, 12, 19, 18, 30), datetime(2026, 12, 19, 19))


@pytest.mark.parametrize(
    "when",
    [
        "rrule: 'FREQ=WEEKLY;BYDAY=MO,TU;BYHOUR=9', duration: 8h",
        "rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', duration: 1d",
        'rrule: "DTSTART:20260105T090000\\nRRULE:FREQ=WEEKLY;INTERVAL=2", duration: 1h',
        "cron: '0 9 * * 1-5', duration: 8h",
        "cron: '0 0 29 2 *', duration: 8h",
    ],
)
def test_windows_that_recur(when: str) -> None:
    spec = f"{{kind: allow, {when}}}"
    [one] = inventory(document("Window", "w", spec)).windows.values()
    assert (one.start, one.timezone) == (None, "cluster")
    assert one.duration_s


@pytest.mark.parametrize(
    ("when", "refusal"),
    [
        ("timezone: UTC", "when it is open is missing"),
        ("from: 2026-01-01", "half of the span is missing"),
        ("from: 2026-01-02, to: 2026-01-01", "never opens: it ends before it starts"),
        ("from: 2026-01-01, to: 2026-02-30", "spec.to: no date"),
        ("from: 2026-01-01, to: '2026-01-02T00:00:00Z'", "wall-clock times"),
        ("from: 2026-01-01, to: 2026-01-02, duration: 1h", "duration goes with rrule or cron"),
        ("cron: 0 9 * * *", "duration goes with rrule or cron, and is needed there"),
        ("cron: 0 9 * * *, rrule: FREQ=DAILY, duration: 1h", "a window has one form"),
        ("cron: 0 9 * *, duration: 1h", "has 4 fields, it needs 5"),
        ("cron: 61 9 * * *, duration: 1h", "must be a number from 0 to 59"),
        ("cron: 0 0 31 2 *, duration: 1h", "spec.cron: never opens"),
        ("rrule: FREQ=HOURLY, duration: 1h", "opens too often"),
        ("rrule: FREQ=DAILY;INTERVAL=2, duration: 1h", "counted from a start"),
        ("rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30, duration: 1h", "never opens"),
        ("rrule: FREQ=DAILY;UNTIL=20190101T000000, duration: 1h", "never opens"),
        ("rrule: nonsense, duration: 1h", "no recurrence"),
        ('rrule: "DTSTART:20260105T090000Z\\nRRULE:FREQ=DAILY", duration: 1h', "wall-clock"),
        ("cron: 0 9 * * *, duration: 1h, timezone: here", "no timezone"),
    ],
)
def test_windows_that_are_refused(when: str, refusal: str) -> None:
    [found] = problems(document("Window", "w", f"{{kind: deny, {when}}}"))
    assert refusal in found
