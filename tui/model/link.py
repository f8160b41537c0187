"""Whether what is on the screen is still true: live, stale or offline.

Pure.  `tui.model.feed` reports what it hears; everything that writes asks here first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SILENCE_S = 12.0
"""Two missed heartbeats (of 5 s) and a little: then the screen no longer is live."""


class LinkState(StrEnum):
    """How much to believe."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What is known of the connection to the server."""

    heard_at: datetime | None = None
    """When the server was last heard; None before the first snapshot."""
    connected: bool = False
    attempts: int = 0
    """Tries that failed since the connection was lost."""
    error: str = ""
    hint: str = ""
    retry_at: datetime | None = None

    def state(self, now: datetime) -> LinkState:
        """Say how much to believe at `now`."""
        if self.heard_at is None:
            return LinkState.OFFLINE if self.error else LinkState.CONNECTING
        if self.connected and (now - self.heard_at).total_seconds() <= SILENCE_S:
            return LinkState.LIVE
        return LinkState.OFFLINE if self.attempts > 1 else LinkState.STALE

    def why_no_writes(self, now: datetime) -> str:
        """Say why nothing may be changed at `now`; empty when it may."""
        match self.state(now):
            case LinkState.LIVE:
                return ""
            case LinkState.CONNECTING:
                return "not connected yet"
            case LinkState.STALE | LinkState.OFFLINE:
                since = f" since {self.heard_at:%H:%M:%S}Z" if self.heard_at else ""
                return f"the connection is lost: what you see is old{since}"
