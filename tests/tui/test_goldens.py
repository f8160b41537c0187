"""What every view looks like, as text, over sizes and states.

`FLOTILLA_GOLDENS=write pytest tests/tui/test_goldens.py` writes them anew: read the diff then.
"""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from fleet.view import FleetView
from tests.fakes import fleets
from tests.tui.running import Running, running
from tui.config import Config

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
STATES: dict[str, Callable[[], FleetView]] = {
    "empty": lambda: fleets.fleet(0),
    "one": lambda: fleets.fleet(1),
    "thousand": lambda: fleets.fleet(1000),
}


def compare(run: Running, name: str) -> None:
    """Compare the screen with a golden, or write it."""
    path = FOLDER / f"{name}.txt"
    if os.environ.get("FLOTILLA_GOLDENS") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(run.text + "\n", encoding="utf-8")
    assert run.text + "\n" == path.read_text(encoding="utf-8"), f"{name} looks different"


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
            await run.pilot.pause(0.05)
            compare(run, f"{folder}/{name}")
        for name, (subject, words) in DETAILS.items():
            run.app.show(subject)
            await run.shows(words)
            await run.pilot.pause(0.3)
            compare(run, f"{folder}/{name}")
            await run.press("escape")


@pytest.mark.parametrize("state", STATES)
async def test_states_look_as_they_did(state: str) -> None:
    async with running(STATES[state]()) as run:
        compare(run, f"states/{state}")


async def test_a_stale_screen_looks_as_it_did() -> None:
    moments = [fleets.NOW]
    async with running(now=lambda: moments[0]) as run:
        moments[0] += timedelta(seconds=30)
        await run.shows("stale for 30s")
        await run.until(lambda: run.app.is_stale)
        compare(run, "states/stale")


async def test_ascii_looks_as_it_did() -> None:
    async with running(config=Config(ascii=True)) as run:
        compare(run, "states/ascii")
