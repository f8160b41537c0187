"""The application: wires the feed to the store and the views, and carries out what they ask for.

Owns the session.  Views know neither the feed nor each other: they post messages, and are given
what changed.  Confirmations and sending are `tui.dispatch`; opening things is `tui.navigation`.
"""

from __future__ import annotations

import os
import threading
from typing import Any, ClassVar

from textual import constants, on
from textual.app import App
from textual.binding import BindingType
from textual.driver import Driver
from textual.screen import Screen
from textual.timer import Timer

from fleet.control.process import calm_collector
from tui import messages
from tui.commands import Commands
from tui.dispatch import Dispatch
from tui.model.feed import Feed
from tui.model.link import LinkState
from tui.model.visited import Visited
from tui.providers import ActionProvider, NameProvider
from tui.screens.view import ViewScreen
from tui.session import Session
from tui.terminal import guard_terminal, lasting
from tui.themes import ANSI_TONES, DEFAULT_THEME, THEMES

FLUSH_EVERY_S = 0.2
"""Changes are shown at most five times a second."""
NO_COLOR = "NO_COLOR"
"""With this variable (no-color.org) there are none: weight and reversal are all there is."""
ANIMATIONS = "TEXTUAL_ANIMATIONS"
"""Without this variable nothing glides: over a slow line, every step would be sent."""
TICK_S = 1.0
"""How often ages, countdowns and the clock are painted again."""


class FlotillaApp(Dispatch, Commands):
    """The TUI of one server."""

    CSS_PATH = "theme.tcss"
    TITLE = "flotilla"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = []
    COMMANDS = App.COMMANDS | {ActionProvider, NameProvider}
    ESCAPE_TO_MINIMIZE = False

    def __init__(self, session: Session) -> None:
        # Given later, Textual would turn colours into greys instead of leaving them out.
        super().__init__(ansi_color=True if NO_COLOR in os.environ else None)
        self.animation_level = constants.TEXTUAL_ANIMATIONS if ANIMATIONS in os.environ else "none"
        self.session = session
        self.visited = Visited()
        self.ascii_only = session.config.ascii
        self._feed = Feed(session.client, notify=self._announce, now=session.now)
        self._thread = threading.Thread(target=self._feed.run, name="feed", daemon=True)
        self._flush_timer: Timer | None = None
        self._seen_link = LinkState.CONNECTING
        self._refreshing = False
        """Whether a person waits for a new snapshot."""
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.theme_of(session.config) if NO_COLOR not in os.environ else "ansi-dark"
        self.theme = wanted if wanted in self.available_themes else DEFAULT_THEME
        self.set_keymap(dict(session.config.keys))

    def _announce(self) -> None:
        self.post_message(messages.Arrived())

    def get_driver_class(self) -> type[Driver]:
        """A driver that lasts until the app has ended, even if its terminal does not."""
        return lasting(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Tones for themes that define none."""
        return ANSI_TONES

    @property
    def is_stale(self) -> bool:
        """Whether what is shown may no longer be true."""
        return self._seen_link in {LinkState.STALE, LinkState.OFFLINE}

    def on_mount(self) -> None:
        """Start to follow the server; show the first view meanwhile."""
        self.set_class(self.ascii_only, "-ascii")
        self.set_class(self.session.config.density == "compact", "-compact")
        guard_terminal(self)
        self.add_views()
        self.go(self.session.config.view)
        self.set_interval(TICK_S, self._tick)
        self._thread.start()

    def on_unmount(self) -> None:
        """Stop following."""
        self._feed.stop()

    # Data

    @on(messages.Arrived)
    def _arrived(self) -> None:
        if not self.session.store.loaded:
            self._take()
        elif self._flush_timer is None:
            self._flush_timer = self.set_timer(FLUSH_EVERY_S, self._take)

    def _take(self) -> None:
        self._flush_timer = None
        if not self.is_running:
            return
        batch = self._feed.take()
        session = self.session
        session.link = batch.link
        first = not session.store.loaded
        if batch.snapshot is not None:
            touched = session.store.load(batch.snapshot)
            self._say_refreshed()
            touched.merge(session.store.apply(batch.changes))
        else:
            touched = session.store.apply(batch.changes)
        if touched:
            self.deliver(touched)
        self._look_at_link()
        if first and session.store.loaded:
            self.call_after_refresh(calm_collector)

    def _say_refreshed(self) -> None:
        if self._refreshing:
            self._refreshing = False
            self.notify("Read again: this is what the server knows now.", timeout=2, markup=False)

    def _tick(self) -> None:
        session = self.session
        session.trends.sample(session.store, session.now())
        self._look_at_link()
        screen = self._topmost
        if isinstance(screen, ViewScreen) and screen.is_built:
            screen.tick()

    @property
    def _topmost(self) -> Screen[Any] | None:
        """The screen that is seen; None once the app closes, when timers may still fire."""
        stack = self.screen_stack
        return stack[-1] if stack else None

    def _look_at_link(self) -> None:
        state = self.session.link_state()
        changed, self._seen_link = state is not self._seen_link, state
        screen = self._topmost
        if changed and isinstance(screen, ViewScreen):
            screen.repaint()

    def on_do_refresh(self) -> None:
        """Read everything again; views that read more of their own do so with it."""
        self._feed.begin_anew()
        self._refreshing = True

    def on_do_retry_link(self) -> None:
        """Connect again now."""
        self._feed.retry_now()
