"""The app as a whole: the link, the clock, themes, sizes, what is hostile or missing."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from textual.color import Color

from fleet.api.client import ApiClient
from fleet.view import Change, ClusterState
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer
from tests.tui.running import Running, running
from tui.app import FlotillaApp
from tui.config import Config
from tui.model.link import LinkState
from tui.screens.rollout import RolloutScreen
from tui.session import Session
from tui.themes import THEMES


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = fleets.NOW

    def __call__(self) -> datetime:
        return self.now


async def test_a_silent_server_makes_everything_stale_and_stops_writes() -> None:
    clock = Clock()
    async with running(now=clock) as run:
        await run.press("2")
        clock.now += timedelta(seconds=30)
        await run.shows("◌ stale for 30s")
        await run.until(lambda: run.app.is_stale)
        await run.press("s")

        assert "what you see is old" in run.notices[0]
        assert "prod-ap-023" in run.text
        assert run.server.commands == []


async def test_what_is_stale_is_grey_but_keeps_its_words() -> None:
    clock = Clock()
    async with running(now=clock) as run:
        await run.press("2")

        def colours() -> set[str]:
            strip = run.app.screen._compositor.render_strips()[6]
            assert "Failed" in strip.text
            styles = [part.style for part in strip if part.style]
            return {str(style.color.triplet) for style in styles if style.color}

        lively = colours()
        clock.now += timedelta(seconds=30)
        await run.shows("◌ stale")
        await run.until(lambda: run.app.is_stale)

        grey = Color.parse(run.app.theme_variables["tone-stale"]).rich_color.triplet
        await run.until(lambda: str(grey) in colours())
        assert len(colours()) < len(lively)


async def test_a_server_that_went_away_and_came_back(tmp_path: Path) -> None:
    path = tmp_path / "api.sock"
    async with running(server=ApiServer(fleets.fleet(24), socket_path=path)) as run:
        run.server.status_of = {"/v1/events": 503, "/v1/snapshot": 503}
        run.server.drop()
        await run.until(lambda: run.app.session.link_state() is not LinkState.LIVE)
        await run.shows("retry in")
        run.server.status_of = {}
        await run.press("ctrl+r")
        await run.until(lambda: run.app.session.link_state() is LinkState.LIVE)

        await run.shows("● live")


async def test_looking_again_reads_everything_and_changes_nothing() -> None:
    async with running(read_only=True) as run:
        run.server.view = fleets.fleet(30)
        await run.press("2", "r")
        await run.until(lambda: len(run.app.session.store.clusters) == 30)
        await run.shows("Clusters  30")

        assert run.notices == ["Read again: this is what the server knows now."]
        assert not [each for each in run.server.requests if each.startswith("POST")]


async def test_the_server_is_told_to_look_at_git() -> None:
    async with running() as run:
        await run.press("7", "R")
        await run.until(lambda: run.server.commands)

        (sent,) = run.server.commands
        assert (sent.command, sent.target) == ("reconcile", "git")


@pytest.mark.parametrize("status", [401, 403, 503])
async def test_an_error_before_anything_was_shown_is_a_screen(status: int) -> None:
    with ApiServer(fleets.fleet(1)) as server:
        server.status_of = {"/v1/snapshot": status}
        app = FlotillaApp(Session(client=ApiClient(server.address)))
        async with app.run_test(size=(100, 20)) as pilot:
            run = Running(app, pilot, server)
            await run.shows(f"✖ Told to answer {status}.")
            assert "Nothing to do." in run.text
            assert "ctrl+r tries now" in run.text
            await run.press("s", "2", "enter", "escape")
            assert app.is_running
            server.status_of = {}
            await run.press("ctrl+r")

            await run.until(lambda: app.session.store.loaded)


async def test_without_a_server_the_screen_says_what_to_do(tmp_path: Path) -> None:
    app = FlotillaApp(Session(client=ApiClient(f"unix:{tmp_path}/no.sock")))
    async with app.run_test(size=(100, 20)) as pilot:
        run = Running(app, pilot, ApiServer(fleets.fleet(0)))
        await run.shows("✖ No server at")
        assert "flotilla demo" in run.text


async def test_an_empty_fleet_says_what_belongs_here() -> None:
    async with running(fleets.fleet(0)) as run:
        for key, words in {
            "1": "Nothing needs you.",
            "2": "No clusters yet. Commit a Cluster document",
            "3": "No bundles yet.",
            "4": "No rollout yet",
            "5": "No drift",
            "6": "Nothing happened yet.",
            "8": "Nothing waits for approval.",
        }.items():
            await run.press(key)
            assert words in run.text, key


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60), (60, 15)])
async def test_every_view_fits_its_terminal(size: tuple[int, int]) -> None:
    async with running(size=size) as run:
        for key in "12345678":
            await run.press(key)
            strips = run.app.screen._compositor.render_strips()
            assert len(strips) == size[1]
            assert {strip.cell_length for strip in strips} == {size[0]}
            assert "too small" not in run.text


async def test_a_terminal_too_small_says_so_and_recovers() -> None:
    async with running() as run:
        await run.pilot.resize_terminal(40, 10)
        await run.shows("This window is too small.")
        await run.pilot.resize_terminal(80, 24)

        await run.shows("Needs you")


@pytest.mark.parametrize(("light", "theme"), [(True, "flotilla-light"), (False, "flotilla-dark")])
async def test_the_theme_auto_is_as_light_as_the_terminal(light: bool, theme: str) -> None:
    client = ApiClient("unix:/nowhere")
    app = FlotillaApp(Session(client=client, config=Config(theme="auto"), terminal_is_light=light))
    async with app.run_test():
        assert app.theme == theme


async def test_every_theme_paints_every_view_in_its_own_colours() -> None:
    async with running() as run:
        seen = set()
        for theme in [*(theme.name for theme in THEMES), "ansi-dark", "ansi-light"]:
            await run.press("colon")
            await run.type(f"theme {theme}")
            await run.press("enter")
            assert run.app.theme == theme
            for key in "451":
                await run.press(key)
            strip = run.app.screen._compositor.render_strips()[4]
            seen.add(str([part.style.color for part in strip if part.style]))

        # The two of 16 colours name the same ones; the terminal tells them apart.
        assert len(seen) == len(THEMES) + 1


async def test_the_cursor_is_seen_without_colours() -> None:
    async with running(config=Config(theme="ansi-dark")) as run:
        await run.press("2", "j")
        strip = run.app.screen._compositor.render_strips()[5]

        assert "▌" in strip.text
        assert any(part.style and part.style.reverse for part in strip)


async def test_ascii_means_ascii() -> None:
    async with running(config=Config(ascii=True)) as run:
        for key in "12345678":
            await run.press(key)
            assert run.text.isascii(), [char for char in run.text if not char.isascii()]


async def test_the_coach_line_goes_with_the_first_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with running(coach=True) as run:
        assert "Start: 1 enter opens" in run.text
        await run.press("escape")

        assert "Start:" not in run.text
        assert (tmp_path / "flotilla" / "coach-dismissed").exists()


async def test_bursts_are_shown_a_few_times_a_second() -> None:
    async with running(fleets.fleet(200)) as run:
        store = run.app.session.store
        for number in range(400):
            cluster = msgspec.structs.replace(
                run.server.view.clusters[number % 200], why=f"change {number}"
            )
            run.server.send([Change(entity="cluster", key=cluster.name, value=cluster)])
        await run.until(lambda: store.changes_seen == 400)

        assert store.clusters[run.server.view.clusters[199].name].why == "change 399"


async def test_a_refused_commit_is_seen_everywhere() -> None:
    async with running() as run:
        problem = fleets.ProblemView(
            file="clusters/prod.yaml", line=12, field="spec.labels", message="must be a mapping"
        )
        git = fleets.git(problems=[problem])
        run.server.send([Change(entity="git", key="git", value=git)])
        await run.shows("✖ 77aa012 refused")
        await run.press("7")

        await run.shows("clusters/prod.yaml:12")
        assert "must be a mapping" in run.text


async def test_unknown_is_never_shown_as_well() -> None:
    async with running() as run:
        silent = msgspec.structs.replace(
            run.server.view.clusters[0], state=ClusterState.OFFLINE, health="Unknown"
        )
        run.server.send([Change(entity="cluster", key=silent.name, value=silent)])
        await run.press("2", "slash")
        await run.type(silent.name)
        await run.shows("◌ Offline")

        row = next(line for line in run.text.splitlines() if "Offline" in line)
        assert "✓" not in row
        assert " ? " in row


async def test_timers_that_fire_while_the_app_closes_find_nothing_and_say_nothing() -> None:
    async with running() as run:
        await run.press("4", "enter")
        detail = run.app.screen
    run.app._tick()
    run.app._take()

    assert isinstance(detail, RolloutScreen)
    assert not detail.is_built
    assert detail.subjects() == [detail.rollout]
