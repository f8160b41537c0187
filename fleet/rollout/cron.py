"""Five-field cron expressions: when they match, in naive local time.

The fields and their meaning are those of crontab(5): minute, hour, day of month, month, day of week
(0 and 7 are Sunday), with lists, ranges, steps and English three-letter names.  If both day fields
are restricted, either may match.  Timezones are the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_HORIZON_DAYS = 8 * 366 + 1
"""A 29 February is at most eight years away (1896 to 1904, 2096 to 2104)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A parsed expression: the allowed values of each field."""

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def on_day(self, day: datetime) -> bool:
        """Whether the expression matches at all on the day of `day`."""
        if day.month not in self.months:
            return False
        by_date = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return by_date and by_weekday
        return by_date or by_weekday

    def times(self, start: datetime, days: int) -> Iterator[datetime]:
        """Yield the matches from `start` on, over so many days."""
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
        for offset in range(days):
            day = midnight + timedelta(days=offset)
            if not self.on_day(day):
                continue
            for hour in self.hours:
                for minute in self.minutes:
                    moment = day.replace(hour=hour, minute=minute)
                    if moment >= start:
                        yield moment

    def after(self, moment: datetime) -> datetime | None:
        """Return the first match later than `moment`; None: there is none."""
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return next(self.times(start, _HORIZON_DAYS), None)


@lru_cache(maxsize=256)
def parse_cron(text: str) -> Cron:
    """Read a cron expression.

    Raises:
        ValueError: which field is wrong, and what it may hold.
    """
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(
            f"the cron expression {text!r} has {len(fields)} fields, it needs 5: "
            "minute hour day-of-month month day-of-week"
        )
    minute, hour, day, month, weekday = fields
    return Cron(
        text=text,
        minutes=tuple(sorted(_values(minute, "minute", 0, 59))),
        hours=tuple(sorted(_values(hour, "hour", 0, 23))),
        days=_values(day, "day of month", 1, 31),
        months=_values(month, "month", 1, 12, _MONTHS),
        weekdays=frozenset(n % 7 for n in _values(weekday, "day of week", 0, 7, _DAYS)),
        any_day=day.startswith("*"),
        any_weekday=weekday.startswith("*"),
    )


def _values(
    field: str, what: str, low: int, high: int, names: tuple[str, ...] = ()
) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step_text = part.partition("/")
        step = _number(step_text, what, 1, high) if step_text else 1
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first_text, _, last_text = span.partition("-")
            first = _number(first_text, what, low, high, names)
            last = _number(last_text, what, low, high, names)
        else:
            first = _number(span, what, low, high, names)
            last = high if step_text else first
        if first > last:
            raise ValueError(f"the {what} {part!r} of a cron expression runs backwards")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, what: str, low: int, high: int, names: tuple[str, ...] = ()) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + (1 if names is _MONTHS else 0)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        allowed = f" or a name such as {names[1]}" if names else ""
        raise ValueError(
            f"the {what} {text!r} of a cron expression must be a number from {low} to {high}"
            f"{allowed}"
        )
    return int(text)
