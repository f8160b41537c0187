"""What ran where and when, as the API says it and `flotilla history` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fleet.view import View


class PromotionView(View, frozen=True, kw_only=True):
    """One rollout as a line of history."""

    rollout: str
    bundle: str
    revision: str
    author: str
    subject: str
    phase: str
    started_at: datetime
    ended_at: datetime | None = None
    good: int = 0
    size: int = 0
    breached_at: datetime | None = None
    stopped: str = ""
    """Why it stopped short, with what failed first; empty: it did not."""


class StayView(View, frozen=True, kw_only=True):
    """One content of a bundle on one cluster, from its assignment until the next one's."""

    cluster: str
    rollout: str
    purpose: str
    """release, baseline or rollback."""
    revision: str
    digest: str
    since: datetime
    healthy_at: datetime | None = None
    until: datetime | None = None


class FiguresView(View, frozen=True, kw_only=True):
    """The four figures of delivery over one period; None where there is nothing to count."""

    since: datetime
    until: datetime
    rollouts: int
    per_day: float
    lead_time_s: float | None = None
    failure_rate: float | None = None
    restore_s: float | None = None


class HistoryView(View, frozen=True, kw_only=True):
    """What ran where and when."""

    rollouts: Sequence[PromotionView] = ()
    """Newest first."""
    stays: Sequence[StayView] = ()
    """Oldest first; of one bundle only."""
    figures: FiguresView
