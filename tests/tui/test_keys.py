"""Every key in every view: none crashes, none writes unasked, escape ends at the root."""

from typing import Any

import pytest
from textual.screen import Screen

from fleet.api.client import ApiClient
from tests.fakes import fleets
from tests.tui.running import Running, running
from tui.actions import ACTIONS, BY_ID
from tui.config import Config
from tui.places import HelpPlace, LogPlace, SearchPlace, SettingsPlace, TrendsPlace
from tui.screens.registry import view_factories
from tui.screens.view import ViewScreen
from tui.session import Session
from tui.widgets.cursor import CursorTable, MarkTable
from tui.widgets.prompt import Prompt

TOP = {
    "fleet": "1",
    "clusters": "2",
    "bundles": "3",
    "rollouts": "4",
    "drift": "5",
    "events": "6",
    "history": "7",
    "approvals": "8",
}
DETAILS: dict[str, object] = {
    "a cluster": "cluster/prod-eu-009",
    "a bundle": "bundle/web",
    "a rollout": "rollout/payments-7",
    "a search": SearchPlace(text="web"),
    "help": HelpPlace(view="fleet", actions=ACTIONS),
    "settings": SettingsPlace(),
    "a log": LogPlace(),
    "trends": TrendsPlace(),
}
SIZE = (100, 30)
"""The smallest that shows every pane: what is painted is what these tests take time for."""
LEAVING = {"ctrl+q", "K", "o"}
"""Keys that end the app or hand the terminal over: tested on their own."""
KEYS = [
    key
    for key in (
        *(key for action in ACTIONS for key in action.keys.split(",")),
        *(
            key
            for table in (CursorTable, MarkTable)
            for binding in table.BINDINGS
            for key in binding.key.split(",")
        ),
        "tab",
        "shift+tab",
        "left",
        "right",
        "backspace",
        "delete",
    )
    if key not in LEAVING and key not in TOP.values()
]


async def to_the_root(run: Running) -> None:
    """Press escape until nothing is left to close; it must not take many."""
    for _ in range(8):
        if at_root(run) and not prompting(run):
            return
        await run.press("escape")
    raise AssertionError(f"escape does not end at the root:\n{run.text}")


async def back_to(run: Running, here: Screen[Any]) -> bool:
    """Press escape until the view is seen again; say whether it is there at all.

    What a key opened on top of a view is one escape away from it, and the view itself is some more
    away from the root: that is looked at when all keys were pressed.
    """
    for _ in range(4):
        if run.app.screen is here and not prompting(run):
            return True
        if here not in run.app.screen_stack:
            return False
        await run.press("escape")
    raise AssertionError(f"escape does not lead back:\n{run.text}")


def prompting(run: Running) -> bool:
    return any(prompt.is_open for prompt in run.app.screen.query(Prompt))


def at_root(run: Running) -> bool:
    app = run.app
    return app.is_running and app.current_mode == "fleet" and len(app.screen_stack) == 1


async def visit(run: Running, view: str) -> None:
    if view in TOP:
        await run.press(TOP[view])
    else:
        await run.show(DETAILS[view])
        await run.press("ctrl+l")


@pytest.mark.parametrize("view", [*TOP, *DETAILS])
async def test_no_key_crashes_and_none_writes_by_itself(view: str) -> None:
    async with running(size=SIZE) as run:
        await visit(run, view)
        here = run.app.screen
        for key in KEYS:
            await run.press(key)
            if not await back_to(run, here):
                await to_the_root(run)
                await visit(run, view)
                here = run.app.screen
        await to_the_root(run)

        # T0: pausing a rollout, and looking at Git sooner, are sent without a question.
        sent = {f"{each.command} {each.target}" for each in run.server.commands}
        assert sent <= {"pause rollout/payments-7", "reconcile git"}


async def test_a_read_only_session_sends_nothing_from_any_view() -> None:
    async with running(size=SIZE, read_only=True) as run:
        for view in (*TOP, *DETAILS):
            await visit(run, view)
            for action in ACTIONS:
                if action.writes:
                    await run.press(action.keys.split(",")[0])
                    assert isinstance(run.app.screen, ViewScreen), (view, action.id)

        assert run.server.commands == []
        assert not [each for each in run.server.requests if each.startswith("POST")]


async def test_a_disabled_key_says_why() -> None:
    async with running(read_only=True) as run:
        await run.press("2", "s")

        assert run.notices == ["sync: this session is read-only (started with --read-only)."]


async def test_an_action_that_does_not_apply_says_why() -> None:
    async with running() as run:
        await run.press("2", "end", "t")

        (notice,) = run.notices
        assert "only failed clusters of a rollout" in notice


async def test_the_users_keys_take_the_place_of_ours() -> None:
    async with running(config=Config(keys={"sync": "ctrl+s", "go_drift": "f5"})) as run:
        await run.press("f5")
        assert run.app.current_mode == "drift"
        await run.press("2", "end", "s")
        assert isinstance(run.app.screen, ViewScreen)
        await run.press("ctrl+s")
        assert not isinstance(run.app.screen, ViewScreen)


async def test_q_never_quits() -> None:
    async with running() as run:
        await run.press("2", "q")
        assert at_root(run)
        await run.press("q")

        assert at_root(run)
        assert run.notices == ["Leave with ctrl+q or :q."]


@pytest.mark.parametrize("keys", [["ctrl+q"], ["colon", "q", "enter"], ["ctrl+c", "ctrl+c"]])
async def test_there_are_three_ways_to_leave(keys: list[str]) -> None:
    async with running() as run:
        await run.press(*keys)
        await run.until(lambda: not run.app.is_running)

        assert run.app.return_code == 0


async def test_one_interrupt_only_says_how_to_leave() -> None:
    async with running() as run:
        await run.press("ctrl+c", "j")

        assert run.app.is_running
        assert run.notices == ["ctrl+c again leaves."]


def test_every_view_offers_only_what_exists() -> None:
    session = Session(client=ApiClient("unix:/nowhere"))
    for screen in (type(factory()) for factory in view_factories(session).values()):
        for name in screen.OFFERS:
            assert name in BY_ID
            action = BY_ID[name]
            assert action.writes or hasattr(screen, f"do_{name}"), (screen, name)
        assert len(set(screen.OFFERS)) == len(screen.OFFERS)


async def test_every_view_is_one_key_away() -> None:
    async with running() as run:
        for view, key in TOP.items():
            await run.show("cluster/prod-eu-009")
            await run.press(key)

            assert run.app.current_mode == view
            assert len(run.app.screen_stack) == 1


async def test_all_details_were_reached() -> None:
    async with running(fleets.fleet(24)) as run:
        for view in DETAILS:
            await visit(run, view)
            assert len(run.app.screen_stack) > 1, view
            await to_the_root(run)
