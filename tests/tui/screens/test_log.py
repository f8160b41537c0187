"""The log: it follows, stops where one reads, and finds."""

import msgspec
import pytest

from fleet.view import Change, EventView
from tests.fakes import fleets
from tests.tui.running import Running, running
from tui.command_line import Log, Wrong, parse_command
from tui.places import LogPlace
from tui.screens.log import LogScreen, LogView

MANY = [
    EventView(
        seq=number,
        at=fleets.NOW,
        actor="flotilla",
        kind="Degraded" if number % 10 == 0 else "Converged",
        cluster="dev-eu-000",
        bundle="web",
        sentence=f"step {number}",
    )
    for number in range(1, 201)
]


def happen(run: Running, number: int, **changed: object) -> None:
    event = msgspec.structs.replace(MANY[0], seq=number, sentence=f"step {number}", **changed)
    run.server.send([Change(entity="event", key=str(number), value=event)])


def crowded() -> object:
    return msgspec.structs.replace(fleets.fleet(24), events=tuple(MANY))


def log(run: Running) -> LogView:
    return run.app.screen.query_one(LogView)


async def test_it_follows_what_happens_until_one_scrolls_up() -> None:
    async with running(crowded()) as run:
        run.app.show(LogPlace())
        await run.shows("step 200")
        happen(run, 201)
        await run.shows("step 201")
        await run.press("k", "k")
        assert not log(run).follows
        happen(run, 202)
        await run.until(lambda: 202 in run.app.session.store.events)
        await run.pilot.pause(0.3)
        assert "step 202" not in run.text
        assert "stands still" in run.text
        await run.press("s")
        await run.shows("step 202")
        await run.press("k", "G")
        await run.until(lambda: log(run).follows)


async def test_it_holds_only_what_belongs_to_what_was_selected() -> None:
    async with running(crowded()) as run:
        await run.press("2", "end", "l")
        assert isinstance(run.app.screen, LogScreen)
        selected = run.app.screen._place.cluster
        assert selected
        assert f"Log of {selected}" in run.text
        happen(run, 201, cluster="elsewhere")
        happen(run, 202, cluster=selected)
        await run.shows("step 202")
        assert "step 201" not in run.text


async def test_times_faults_and_words_can_be_chosen() -> None:
    async with running(crowded()) as run:
        run.app.show(LogPlace(cluster="dev-eu-000", bundle="web"))
        await run.shows("web @ dev-eu-000  200 lines  follows")
        assert "12:41:07" in run.text.splitlines()[-4]
        await run.press("t")
        assert "12:41:07" not in run.text.splitlines()[-4]
        await run.press("ctrl+z")
        await run.shows("20 lines")
        assert "step 199" not in run.text
        await run.press("escape", "slash")
        await run.type("step 42")
        await run.press("enter")
        await run.shows("find step 42")
        assert "step 42" in run.text
        await run.press("escape", "escape")
        assert run.app.current_mode == "fleet"


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("log prod-eu-009", Log(cluster="prod-eu-009")),
        ("log web", Log(bundle="web")),
        ("log wep", Wrong(message="no cluster or bundle 'wep': did you mean web?")),
    ],
)
async def test_it_is_opened_by_name(typed: str, command: object) -> None:
    async with running() as run:
        assert parse_command(typed, run.app.session.store) == command
