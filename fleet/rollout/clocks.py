"""A stopwatch as a value: counts only the time in which it was allowed to run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time counted so far, and since when more is being counted (None: stopped)."""

    banked_s: float = 0.0
    since: datetime | None = None

    @classmethod
    def started(cls, at: datetime) -> Clock:
        """Make a clock that runs from `at`."""
        return cls(since=at)

    def elapsed_s(self, now: datetime) -> float:
        """Seconds counted up to `now`."""
        if self.since is None:
            return self.banked_s
        return self.banked_s + max(0.0, (now - self.since).total_seconds())

    def stopped(self, at: datetime) -> Clock:
        """Stop counting at `at`; a stopped clock stays as it is."""
        if self.since is None:
            return self
        return Clock(banked_s=self.elapsed_s(at))

    def running(self, at: datetime) -> Clock:
        """Count from `at` on; a running clock stays as it is."""
        if self.since is not None:
            return self
        return Clock(banked_s=self.banked_s, since=at)

    def due(self, limit_s: float) -> datetime | None:
        """When `limit_s` will be counted if nothing stops the clock; None while it is stopped."""
        if self.since is None:
            return None
        return self.since + timedelta(seconds=max(0.0, limit_s - self.banked_s))

    def reached(self, limit_s: float, now: datetime) -> bool:
        """Whether `limit_s` have been counted."""
        if self.since is None:
            return self.banked_s >= limit_s
        return self.since + timedelta(seconds=limit_s - self.banked_s) <= now
