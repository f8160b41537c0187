"""Runs the real app, headless, against a scripted server; and reads what is on its screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot

from fleet.api.client import ApiClient
from fleet.view import FleetView
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tui.app import FlotillaApp
from tui.config import Config
from tui.session import Session
from tui.widgets.virtual_table import VirtualTable

PATIENCE_S = 5.0
_CHARACTERS = {_character_to_key(char): char for char in " -:/?*[]_.,=@!|+#%\\"}


@dataclass
class Running:
    """An app under test with everything around it."""

    app: FlotillaApp
    pilot: Pilot[int]
    server: ApiServer

    @property
    def text(self) -> str:
        """What is on the screen, line by line, without trailing spaces."""
        return screen_text(self.app)

    async def press(self, *keys: str) -> None:
        """Press keys, letting the app settle after each.

        `Pilot.press` waits for 40 ms of idleness at each key; here it is enough that every message
        was handled, three times over: key to widget, widget to view, view to app.
        """
        for key in keys:
            char = _CHARACTERS.get(key, key if len(key) == 1 else None)
            self.app.post_message(events.Key(key, char))
            for _ in range(3):
                await self.pilot._wait_for_screen()

    async def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        for char in text:
            await self.press(_character_to_key(char))

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await self.pilot.pause(0.01)

    async def shows(self, words: str) -> None:
        """Wait until words are on the screen."""
        try:
            await self.until(lambda: words in self.text)
        except TimeoutError:
            raise AssertionError(f"{words!r} is not on the screen:\n{self.text}") from None

    def table(self, name: str) -> VirtualTable[object]:
        """A table of the current view."""
        return self.app.screen.query_one(f"#{name}", VirtualTable)

    @property
    def notices(self) -> list[str]:
        """What was said in notifications."""
        return [note.message for note in self.app._notifications]


def screen_text(app: FlotillaApp) -> str:
    """The characters of the screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips)


@asynccontextmanager
async def running(
    view: FleetView | None = None,
    *,
    size: tuple[int, int] = (120, 36),
    config: Config | None = None,
    read_only: bool = False,
    coach: bool = False,
    now: Callable[[], datetime] = lambda: fleets.NOW,
    server: ApiServer | None = None,
) -> AsyncIterator[Running]:
    """Run the app on `view` (24 clusters when left out), with the clock at `fleets.NOW`."""
    with server or ApiServer(view if view is not None else fleets.fleet(24)) as api:
        session = Session(
            client=ApiClient(api.address, timeout_s=60.0),
            config=config or Config(),
            actor="alice",
            read_only=read_only,
            coach=coach,
            now=now,
        )
        app = FlotillaApp(session)
        async with app.run_test(size=size, notifications=True) as pilot:
            run = Running(app, pilot, api)
            await run.until(lambda: session.store.loaded)
            app._tick()  # the first second is over, however fast this machine is
            await pilot.pause()
            yield run
