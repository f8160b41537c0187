"""What every view looks like, as text, over sizes and states.

`FLOTILLA_GOLDENS=write pytest tests/tui/test_goldens.py` writes them anew: read the diff then.
"""

import os
import re
import socket
import string
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style

from fleet.api.client import ApiClient
from fleet.view import FleetView
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tests.tui.running import Running, running
from tui.actions import ACTIONS
from tui.app import FlotillaApp
from tui.config import Config
from tui.places import HelpPlace, LogPlace, SearchPlace, SettingsPlace, TrendsPlace
from tui.session import Session
from tui.themes import THEMES

FOLDER = Path(__file__).parent / "goldens"
VIEWS: dict[str, object] = {
    "fleet": "1",
    "clusters": "2",
    "bundles": "3",
    "rollouts": "4",
    "drift": "5",
    "events": "6",
    "history": "7",
    "approvals": "8",
}
DETAILS = {
    "cluster": ("cluster/prod-eu-009", "6 of 6 as desired"),
    "bundle": ("bundle/payments", "On clusters"),
    "rollout": ("rollout/payments-7", "Gates of prod"),
}
PLACES: dict[str, tuple[object, str]] = {
    "help": (HelpPlace(view="fleet", actions=ACTIONS), "Keys in fleet"),
    "log": (LogPlace(bundle="web"), "Log of web"),
    "search": (SearchPlace(text="payments"), "Deployment payments"),
    "settings": (SettingsPlace(), "kept for this run only"),
    "trends": (TrendsPlace(), "Errors, a minute"),
}
LOOKS = 20
"""How often a screen must look the same before it is taken for what it will be."""
WAITS = re.compile(r"in \d+s")
LETTERS = string.ascii_letters + string.digits
STATES: dict[str, Callable[[], FleetView]] = {
    "empty": lambda: fleets.fleet(0),
    "one": lambda: fleets.fleet(1),
    "thousand": lambda: fleets.fleet(1000),
}


async def compare(run: Running, name: str) -> None:
    """Compare the screen with a golden, or write it; the wait for a server may be any."""
    await check(run, name, lambda: WAITS.sub("in Ns", run.text) + "\n")


async def check(run: Running, name: str, shown: Callable[[], str]) -> None:
    """Wait until what is shown is the golden, or changes no more: then it is different.

    What counts are looks, not seconds: a machine that stands still does not look either.
    """
    path = FOLDER / f"{name}.txt"
    writing = os.environ.get("FLOTILLA_GOLDENS") == "write"
    golden = "" if writing else path.read_text(encoding="utf-8")
    seen, looks = shown(), 0
    while seen != golden and looks < LOOKS:
        await run.pilot.pause(0.02)
        before, seen = seen, shown()
        looks = looks + 1 if seen == before else 0
    if writing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(seen, encoding="utf-8")
        return
    assert seen == golden, f"{name} looks different"


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=lambda s: f"{s[0]}x{s[1]}")
async def test_views_look_as_they_did(size: tuple[int, int]) -> None:
    folder = f"{size[0]}x{size[1]}"
    async with running(size=size) as run:
        for name, key in VIEWS.items():
            await run.press(str(key))
            if name == "drift":
                await run.shows("- live, in the cluster")
            if name == "history":
                await run.shows("first commit")
            await compare(run, f"{folder}/{name}")
        for name, (subject, words) in (DETAILS | PLACES).items():
            run.app.show(subject)
            await run.shows(words)
            await compare(run, f"{folder}/{name}")
            await run.press("escape")


@pytest.mark.parametrize("state", STATES)
async def test_states_look_as_they_did(state: str) -> None:
    async with running(STATES[state]()) as run:
        await compare(run, f"states/{state}")


async def test_a_stale_screen_looks_as_it_did() -> None:
    moments = [fleets.NOW]
    async with running(now=lambda: moments[0]) as run:
        moments[0] += timedelta(seconds=30)
        run.app._tick()
        await run.shows("stale for 30s")
        await run.until(lambda: run.app.is_stale)
        await compare(run, "states/stale")


async def test_a_lost_server_looks_as_it_did() -> None:
    async with running() as run:
        run.server.status_of |= dict.fromkeys(("/v1/events", "/v1/snapshot"), 503)
        run.server.drop()
        await run.shows("◌ offline for")
        await run.until(lambda: run.app.is_stale)
        await run.press("2")
        await compare(run, "states/offline")


@pytest.mark.parametrize("state", ["loading", "error"])
async def test_before_anything_is_known_it_looks_as_it_did(
    state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as silent:
        if state == "loading":
            silent.bind("api.sock")
            silent.listen()
        client = ApiClient("unix:api.sock", timeout_s=60.0)
        app = FlotillaApp(Session(client=client, actor="alice", now=lambda: fleets.NOW))
        async with app.run_test(size=(120, 36), notifications=True) as pilot:
            run = Running(app, pilot, ApiServer(fleets.fleet(0)))
            await run.shows("Connecting to" if state == "loading" else "Next try in")
            await compare(run, f"states/{state}")


async def test_ascii_looks_as_it_did() -> None:
    async with running(config=Config(ascii=True)) as run:
        await compare(run, "states/ascii")


async def test_compact_looks_as_it_did() -> None:
    async with running(config=Config(density="compact")) as run:
        await compare(run, "states/compact")


@pytest.mark.parametrize("theme", [*(each.name for each in THEMES), "ansi-dark", "no-colour"])
async def test_themes_colour_as_they_did(theme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if theme == "no-colour":
        monkeypatch.setenv("NO_COLOR", "1")
    config = Config(theme="" if theme == "no-colour" else theme)
    async with running(config=config, size=(100, 30)) as run:
        await run.press("end")
        await compare_colours(run, f"themes/{theme}")


def style_of(segment: Segment) -> str:
    """What of a segment's style is seen."""
    style = segment.style or Style()
    seen = Style(
        color=style.color,
        bgcolor=style.bgcolor,
        bold=style.bold,
        reverse=style.reverse,
        dim=style.dim,
        underline=style.underline,
    )
    return str(seen)


async def compare_colours(run: Running, name: str) -> None:
    """Compare text and, below it, a letter for the style of each cell, with a legend."""
    await check(run, name, lambda: colours(run)[0])
    if name.endswith("no-colour"):
        legend = colours(run)[1]
        assert not any("#" in style or "color" in style for style in legend)
        assert any("reverse" in style for style in legend)


def colours(run: Running) -> tuple[str, Collection[str]]:
    """The text of the screen, letters for the styles of its cells, a legend; and the styles."""
    legend: dict[str, str] = {}
    rows: list[str] = []
    for strip in run.app.screen._compositor.render_strips():
        row = ""
        for segment in strip:
            style = style_of(segment)
            letter = legend.setdefault(style, LETTERS[len(legend)])
            row += letter * segment.cell_length
        rows.append(row)
    said = [f"{letter} {style}" for style, letter in legend.items()]
    return "\n".join([run.text, *rows, *said]) + "\n", legend
