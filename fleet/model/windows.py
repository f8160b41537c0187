"""Windows: times in which changes are allowed or denied."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.model.places import Place, WindowName
from fleet.model.selector import Selector


class WindowKind(StrEnum):
    """Whether changes are let in or kept out while the window is open."""

    ALLOW = "allow"
    DENY = "deny"


class Overrun(StrEnum):
    """What happens to work in flight when a window closes."""

    FINISH = "finish"
    STOP_BETWEEN_RETRIES = "stop-between-retries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which changes are allowed or denied.

    Either one span (`start` to `end`, wall-clock times of the timezone) or a recurrence (`rrule` or
    `cron`) whose every occurrence lasts `duration_s`.
    """

    name: WindowName
    place: Place
    kind: WindowKind
    select: Selector | None = None
    timezone: str = "cluster"
    """IANA name, or `cluster` for the timezone of each cluster."""
    start: datetime | None = None
    end: datetime | None = None
    rrule: str | None = None
    cron: str | None = None
    duration_s: float | None = None
    overrun: Overrun = Overrun.FINISH
    bypass_role: str | None = None
