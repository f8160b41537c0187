"""The settings screen: seen at once, kept at once."""

from pathlib import Path

from tests.tui.running import Running, running
from tui.config import Config, load_config
from tui.screens.settings import SettingsScreen


async def choose(run: Running, name: str) -> None:
    run.table("settings").move_to_key(name)


async def test_a_change_is_seen_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("# mine\n")
    async with running() as run:
        run.app.session.config_file = path
        await run.press("comma")
        assert isinstance(run.app.screen, SettingsScreen)
        assert str(path) in run.text
        await run.press("right")
        assert run.app.theme == "flotilla-light"
        assert load_config(path).theme == "flotilla-light"
        await run.press("left", "left")
        assert run.app.theme == "ansi-light"
        await run.press("backspace")
        assert run.app.theme == "flotilla-dark"
        assert path.read_text() == "# mine\n"


async def test_glyphs_and_density_are_previewed(tmp_path: Path) -> None:
    async with running() as run:
        await run.press("comma")
        await choose(run, "ascii")
        await run.press("enter")
        assert run.text.isascii()
        await choose(run, "density")
        await run.press("right")
        assert run.app.has_class("-compact")
        await run.press("escape")
        await run.until(lambda: run.text.isascii())
        assert run.app.session.config == Config(ascii=True, density="compact")


async def test_columns_and_grouping_reach_views_that_stand_already() -> None:
    async with running() as run:
        await run.press("2")
        assert "REVISION" in run.text
        await run.press("comma")
        await choose(run, "columns.clusters:revision")
        await run.press("right")
        await choose(run, "group_by")
        await run.press("right")
        await run.press("2")
        assert "REVISION" not in run.text
        await run.press("1")
        assert "24 by region" in run.text
        assert "REVISION" not in run.text


async def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("x = 1\n")
    async with running() as run:
        run.app.session.config_file = path
        await run.press("comma", "right")

        assert "unknown setting 'x'" in run.notices[0]
        assert run.app.theme == "flotilla-light"
        assert path.read_text() == "x = 1\n"
