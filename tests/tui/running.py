"""Runs the real app, headless, against a scripted server; and reads what is on its screen.

Every app parses the same style sheet anew, which is a sixth of its start: here it is parsed once
in a process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from textual import events
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation
from textual.keys import _character_to_key
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from fleet.api.client import ApiClient
from fleet.view import FleetView
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tui.app import FlotillaApp
from tui.config import Config
from tui.session import Session
from tui.widgets.virtual_table import VirtualTable

PATIENCE_S = 60.0
_CHARACTERS = {_character_to_key(char): char for char in " -:/?*[]_.,=@!|+#%\\"}

_parsed: dict[object, list[RuleSet]] = {}
_parse_rules = Stylesheet._parse_rules


def _parse_once(
    sheet: Stylesheet,
    css: str,
    read_from: CSSLocation,
    is_default_rules: bool = False,
    tie_breaker: int = 0,
    scope: str = "",
) -> list[RuleSet]:
    source = (css, read_from, is_default_rules, tie_breaker, scope)
    key = (*source, *sheet._variables.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(sheet, *source)
    return _parsed[key]


Stylesheet._parse_rules = _parse_once  # type: ignore[method-assign]


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
        was handled on its way, from app to widget, view and app again, and what came of it.
        """
        for key in keys:
            self._post(key)
            await self.settle()

    def _post(self, key: str) -> None:
        char = _CHARACTERS.get(key, key if len(key) == 1 else None)
        self.app.post_message(events.Key(key, char))

    async def settle(self) -> None:
        """Wait until what was posted to the app is handled, and what came of it.

        A key goes from the app to what has the focus, and up to the app again; what a widget or a
        view makes of it goes up once more.
        """
        await self._handled(self.app)
        for _ in range(2):
            lowest = self.app.focused or self.app.screen
            for pump in lowest.ancestors_with_self:
                await self._handled(pump)
        await self.pilot._wait_for_screen()

    async def _handled(self, pump: MessagePump) -> None:
        """Wait until what was sent to a part of the app by now is handled, or the app failed."""
        done = asyncio.Event()
        if pump.call_later(done.set):
            ends = [asyncio.create_task(each.wait()) for each in (done, self.app._exception_event)]
            finished, waiting = await asyncio.wait(
                ends, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
            )
            for task in waiting:
                task.cancel()
            assert finished, f"{pump} does not answer"

    async def show(self, subject: object) -> None:
        """Open a thing in its own view, and wait until that is there and has the focus.

        What a key put off until the next painting may take the new view away: then once more.
        """
        app = self.app
        while True:
            app.show(subject)
            screen = app.screen
            await self.until(
                lambda screen=screen: (
                    screen not in app.screen_stack
                    or (screen.is_running and screen.focused is not None)
                )
            )
            await self.settle()
            if screen in app.screen_stack:
                return

    async def rush(self, *keys: str) -> None:
        """Press keys faster than the app handles them."""
        for key in keys:
            self._post(key)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type a text into what has the focus, as fast as a paste."""
        for char in text:
            self._post(_character_to_key(char))
        await self.settle()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            seen = f"{self.text}\n{self.notices}"
            raise AssertionError(f"it did not come to that; on the screen:\n{seen}") from None

    async def shows(self, words: str) -> None:
        """Wait until words are on the screen."""
        try:
            await self.until(lambda: words in self.text)
        except AssertionError:
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
            client=ApiClient(api.address, timeout_s=PATIENCE_S),
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
