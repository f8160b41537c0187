"""What every screen shares: the store, the link, the client, and who sits in front of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakSet

from fleet.api.client import ApiClient
from tui.config import Config
from tui.model.feed import utc_now
from tui.model.link import Link, LinkState
from tui.model.store import FleetStore
from tui.model.trends import Trends


@dataclass(slots=True, kw_only=True)
class Session:
    """One run of the TUI.  The app alone writes `store`, `link` and `trends`."""

    client: ApiClient
    config: Config = field(default_factory=Config)
    config_file: Path | None = None
    """Where changed settings are kept; None keeps them for this run."""
    actor: str = ""
    read_only: bool = False
    now: Callable[[], datetime] = utc_now
    store: FleetStore = field(default_factory=FleetStore)
    link: Link = field(default_factory=Link)
    trends: Trends = field(default_factory=Trends)
    views: WeakSet[Any] = field(default_factory=WeakSet)
    """Views that exist, seen or not: whom to tell what changed."""
    terminal_is_light: bool = False
    """Whether it said so when it was asked, which it is for the theme `auto` alone."""
    coach: bool = False
    """Whether the first-run line is shown."""

    def link_state(self) -> LinkState:
        """How much of what is shown to believe now."""
        return self.link.state(self.now())

    def why_no_writes(self) -> str:
        """Why nothing may be changed now; empty when it may."""
        if self.read_only:
            return "this session is read-only (started with --read-only)"
        return self.link.why_no_writes(self.now())
