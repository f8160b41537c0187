"""A letter goes to its pane; everything else leaves the focus where it is."""

import pytest

from tests.tui.running import running
from tui.modals.jump import JumpModal


async def test_a_letter_stands_on_every_pane_and_leads_there() -> None:
    async with running() as run:
        panes = run.app.screen.focus_chain
        await run.press("ctrl+o")
        assert isinstance(run.app.screen, JumpModal)
        lines = run.text.splitlines()
        for letter, pane in zip("asdf", panes, strict=False):
            corner = pane.region.offset
            assert lines[corner.y].ljust(120)[corner.x : corner.x + 3] == f" {letter} "
        await run.press("d")

        assert run.app.focused is panes[2]


@pytest.mark.parametrize("key", ["escape", "z", "ctrl+o", "s"])
async def test_only_letters_that_are_shown_lead_anywhere(key: str) -> None:
    async with running() as run:
        before, panes = run.app.focused, run.app.screen.focus_chain
        await run.press("ctrl+o", key)

        assert not isinstance(run.app.screen, JumpModal)
        assert run.app.focused is (panes[1] if key == "s" else before)
        assert run.server.commands == []


async def test_a_single_pane_needs_no_letter() -> None:
    async with running() as run:
        await run.press("2", "ctrl+o")

        assert not isinstance(run.app.screen, JumpModal)
        assert run.notices == ["There is one pane here, and it has the keys."]
