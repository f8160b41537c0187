"""`Window`: a time in which changes are allowed or denied, and whether it ever comes."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Self

from dateutil.rrule import rrule, rrulestr
from pydantic import AfterValidator, Field, PlainValidator, model_validator

from fleet.model import Labels, Overrun, Window, WindowKind, WindowName
from fleet.rollout.cron import parse_cron
from fleet.schema.document import Locator, Spec
from fleet.schema.fields import (
    Name,
    PositiveDuration,
    check_timezone,
    refused,
)
from fleet.schema.selectors import SelectorField

EPOCH = datetime(2020, 1, 1)
"""Where recurrences without a DTSTART are counted from, here and in `fleet.rollout.windows`."""

_TIMES_ALLOWED = "a day or a time of day without a zone: 2026-12-19 or 2026-12-19T18:00"


def _moment(value: object) -> datetime | date:
    if not isinstance(value, str):
        raise refused("no date", _TIMES_ALLOWED)
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise refused("no date", _TIMES_ALLOWED) from None
    if moment.tzinfo is not None:
        raise refused("a window has wall-clock times; say the zone in timezone", _TIMES_ALLOWED)
    return moment


Moment = Annotated[datetime | date, PlainValidator(_moment)]


def _rrule(value: str) -> str:
    if re.search(r"FREQ=(SECONDLY|MINUTELY|HOURLY)", value, re.IGNORECASE):
        raise refused("opens too often", "FREQ of DAILY or longer; BYHOUR chooses hours")
    if re.search(r"(COUNT|INTERVAL)=", value, re.IGNORECASE) and "DTSTART" not in value.upper():
        raise refused(
            "COUNT and INTERVAL are counted from a start",
            "DTSTART:20260105T090000 on a line before the rule",
        )
    try:
        rule = rrulestr(value, dtstart=EPOCH)
        opens = isinstance(rule, rrule) and _opens(rule)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise refused(f"no recurrence ({error})", "an RRULE of RFC 5545") from None
    if not isinstance(rule, rrule):
        raise refused("no single recurrence", "one RRULE, and a DTSTART if it needs one")
    if not opens:
        raise refused("never opens: no day fulfils this rule")
    return value


def _opens(rule: rrule) -> bool:
    start: datetime = rule._dtstart  # type: ignore[attr-defined]  # its only door
    until: datetime | None = rule._until  # type: ignore[attr-defined]
    if start.tzinfo is not None:
        raise ValueError("wall-clock times without TZID and Z; say the zone in timezone")
    # dateutil looks for a first occurrence until the year 9999.  The calendar repeats every 400
    # years, so the same rule is tried at the end of time, where there is less to look through.
    years = (datetime.max.year - start.year) // 400 * 400
    shifted = rule.replace(
        count=None,
        dtstart=start.replace(year=start.year + years),
        until=None
        if until is None or until.year + years > datetime.max.year
        else until.replace(year=until.year + years),
    )
    return next(iter(shifted), None) is not None


def _cron(value: str) -> str:
    try:
        opens = parse_cron(value).after(EPOCH) is not None
    except ValueError as error:
        raise refused(str(error)) from None
    if not opens:
        raise refused("never opens: no day fulfils this expression")
    return value


def _window_timezone(value: str) -> str:
    return value if value == "cluster" else check_timezone(value)


class WindowSpec(Spec):
    """One window: a span, or a recurrence with a duration."""

    kind: WindowKind
    select: SelectorField | None = None
    timezone: Annotated[str, AfterValidator(_window_timezone)] = "cluster"
    start: Moment | None = Field(None, alias="from")
    end: Moment | None = Field(None, alias="to")
    rrule: Annotated[str, AfterValidator(_rrule)] | None = None
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    duration_s: PositiveDuration | None = Field(None, alias="duration")
    overrun: Overrun = Overrun.FINISH
    bypass_role: Name | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        span = self.start is not None or self.end is not None
        recurrences = (self.rrule is not None) + (self.cron is not None)
        if span + recurrences != 1:
            raise refused(
                "a window has one form" if span or recurrences else "when it is open is missing",
                "from and to; or rrule and duration; or cron and duration",
            )
        if span and (self.start is None or self.end is None):
            raise refused("half of the span is missing", "from and to")
        if span == (self.duration_s is not None):
            raise refused("duration goes with rrule or cron, and is needed there")
        if span and not self._start() < self._end():
            raise refused("never opens: it ends before it starts", "to after from")
        return self

    def _start(self) -> datetime:
        assert self.start is not None
        return self.start if isinstance(self.start, datetime) else _midnight(self.start)

    def _end(self) -> datetime:
        assert self.end is not None
        if isinstance(self.end, datetime):
            return self.end
        return _midnight(self.end + timedelta(days=1))

    def declared(self, name: str, labels: Labels, at: Locator) -> Window:
        """The window that this declares; a `to` without a time includes that whole day."""
        span = self.start is not None
        return Window(
            name=WindowName(name),
            place=at(()),
            kind=self.kind,
            select=self.select,
            timezone=self.timezone,
            start=self._start() if span else None,
            end=self._end() if span else None,
            rrule=self.rrule,
            cron=self.cron,
            duration_s=self.duration_s,
            overrun=self.overrun,
            bypass_role=self.bypass_role,
        )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min)
