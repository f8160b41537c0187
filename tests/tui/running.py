"""Runs the real app, headless, against a scripted server; and reads what is on its screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

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
        """Press keys and let the app settle."""
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause()

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
            client=ApiClient(api.address, timeout_s=2.0),
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
            await pilot.pause()
            yield run
