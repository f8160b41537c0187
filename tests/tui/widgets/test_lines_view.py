"""A view of lines, with a hundred thousand of them: only what is seen is made."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.tui.running import Running, running
from tui.modals.text import TextModal
from tui.text.format import Line, Tone
from tui.text.lines import LazyLines
from tui.widgets.lines_view import LinesView

HUGE = 100_000


@asynccontextmanager
async def showing(*, wide: bool = False) -> AsyncIterator[tuple[Running, LinesView, list[int]]]:
    made: list[int] = []

    def make(number: int) -> Line:
        made.append(number)
        words = f"line {number}" + (" and more words" * 20 if wide else "")
        return ((words, Tone.PLAIN),)

    async with running() as run:
        run.app.push_screen(TextModal("long", ()))
        await run.press("ctrl+l")
        view = run.app.screen.query_one(LinesView)
        if view.is_wrapped:
            view.action_wrap()
        view.show(LazyLines(range(HUGE), make))
        await run.pilot.pause()
        yield run, view, made


async def test_a_hundred_thousand_lines_cost_what_is_seen() -> None:
    async with showing() as (run, view, made):
        await run.shows("line 0")
        made.clear()
        await run.press("G")
        await run.shows(f"line {HUGE - 1}")
        await run.press("g", "ctrl+f", "ctrl+d", "ctrl+u")

        assert len(made) < 20 * view.size.height


async def test_one_stays_at_the_line_when_lines_are_wrapped() -> None:
    async with showing(wide=True) as (run, view, _):
        view.show(view.content[:2000])
        view.jump_to(1234)
        await run.shows("line 1234")
        await run.press("w")
        assert view.is_wrapped
        assert view.top_line == 1234
        await run.press("w")
        assert view.top_line == 1234


async def test_matches_are_found_marked_and_gone_through() -> None:
    async with running() as run:
        run.app.show("cluster/prod-eu-009")
        await run.shows("6 of 6 as desired")
        await run.press("tab", "slash")
        await run.type("objects")
        await run.press("enter")
        pane = run.app.screen.query_one("#detail", LinesView)
        assert pane.has_focus
        assert pane.pattern is not None
        styles = [
            segment.text
            for y in range(pane.size.height)
            for segment in pane.render_line(y)
            if segment.style and segment.style.underline
        ]
        assert styles == ["objects"]
        await run.press("escape")
        assert pane.pattern is None
        await run.press("escape")
        assert run.app.current_mode == "fleet"


@pytest.mark.parametrize(("keys", "first"), [(["n"], 110), (["n", "n"], 120), (["N"], 99_990)])
async def test_n_goes_to_the_next_match(keys: list[str], first: int) -> None:
    async with showing() as (run, view, _):
        view.search(re.compile("line [0-9]+0$"))
        view._match = 100 if keys[0] == "n" else 0
        await run.press(*keys)

        assert view.top_line == min(first - 3, HUGE - view.size.height)
