"""What every table can: filter, sort, faults, marks, copy."""

from tests.fakes import fleets
from tests.tui.running import running
from tui.widgets.prompt import Prompt


async def test_a_filter_applies_while_it_is_typed_and_stays() -> None:
    async with running() as run:
        await run.press("2", "slash")
        await run.type("prod-us")
        assert len(run.table("clusters").model) == 5
        await run.press("enter", "1", "2")

        assert len(run.table("clusters").model) == 5
        assert "5 of 24" in run.text


async def test_letters_go_into_the_filter_and_do_nothing_else() -> None:
    async with running() as run:
        await run.press("2", "slash")
        await run.type("jksTax")

        assert run.app.screen.query_one(Prompt).is_open
        assert run.table("clusters").model.filter.text == "jksTax"
        assert run.server.commands == []


async def test_escape_clears_the_filter_before_it_goes_back() -> None:
    async with running() as run:
        await run.press("2", "slash")
        await run.type("us")
        await run.press("enter", "escape")
        assert (run.app.current_mode, len(run.table("clusters").model)) == ("clusters", 24)
        await run.press("escape")

        assert run.app.current_mode == "fleet"


async def test_a_filter_that_matches_nothing_says_how_to_go_on() -> None:
    async with running() as run:
        await run.press("2", "slash")
        await run.type("zzz")

        assert "No row matches. Esc shows all." in run.text


async def test_a_selector_that_cannot_be_read_is_told() -> None:
    async with running() as run:
        await run.press("2", "slash")
        await run.type("-l a in (")
        await run.press("enter")

        assert "cannot read the selector" in run.notices[0]


async def test_commands_filter_and_sort() -> None:
    async with running() as run:
        await run.press("colon")
        await run.type("clusters env=dev")
        await run.press("enter")
        await run.until(lambda: len(run.table("clusters").model) == 3)
        await run.press("colon")
        await run.type("sort name desc")
        await run.press("enter")

        assert run.table("clusters").model.order[0] == "dev-us-001"


async def test_a_wrong_command_says_what_was_near() -> None:
    async with running() as run:
        await run.press("colon")
        await run.type("clustres")
        await run.press("enter")

        assert run.notices == ["no command 'clustres': did you mean :clusters?"]


async def test_faults_only() -> None:
    async with running() as run:
        await run.press("2", "ctrl+z")
        assert len(run.table("clusters").model) == 8
        await run.press("ctrl+z")

        assert len(run.table("clusters").model) == 24


async def test_sorting_by_keys() -> None:
    async with running() as run:
        await run.press("2", "N")
        table = run.table("clusters")
        assert table.model.order[0] == "dev-ap-002"
        assert "NAME↑" in run.text
        await run.press("N")
        assert table.model.order[0] == "stage-us-007"
        await run.press("S")

        assert table.model.order[0] == "prod-ap-023"


async def test_marks_make_one_question_for_many() -> None:
    async with running() as run:
        await run.press("2", "N", "space", "space", "space")
        assert "3 marked" in run.text
        await run.press("s")
        await run.shows("Sync 3 selected?")
        await run.press("escape", "escape")

        assert not run.table("clusters").model.marks


async def test_star_marks_the_same_cause_and_a_range_is_marked() -> None:
    async with running() as run:
        await run.press("2", "j", "j", "j", "asterisk")
        assert len(run.table("clusters").model.marks) == 2
        await run.press("ctrl+backslash", "g", "space", "j", "j", "shift+down")

        assert len(run.table("clusters").model.marks) == 4


async def test_a_row_is_copied_as_it_reads() -> None:
    async with running() as run:
        await run.press("2", "N", "c")

        assert run.app.clipboard.startswith("✓ Ready\tdev-ap-002\tdev\tap-south-1")


async def test_columns_leave_by_priority_when_it_is_narrow() -> None:
    async with running(size=(80, 24)) as run:
        await run.press("2")
        assert "WHY" in run.text
        assert "REVISION" not in run.text
        await run.pilot.resize_terminal(200, 60)
        await run.shows("REVISION")

        assert "K8S" in run.text


async def test_the_mouse_selects_and_opens() -> None:
    async with running() as run:
        await run.press("2")
        await run.pilot.click("#clusters", offset=(20, 5))
        assert run.table("clusters").cursor == 3
        await run.pilot.click("#clusters", offset=(20, 5), times=2)

        await run.shows("Clusters ▸ prod-eu-009")


async def test_views_and_keys_can_be_clicked() -> None:
    async with running() as run:
        await run.pilot.click("StatusBar", offset=(14, 1))
        await run.until(lambda: run.app.current_mode == "clusters")
        await run.pilot.click("KeyBar", offset=(12, 0))

        assert run.app.screen.query_one(Prompt).is_open


async def test_a_thousand_clusters_are_walked_to_their_end() -> None:
    async with running(fleets.fleet(1000)) as run:
        await run.press("2", "G")
        assert run.table("clusters").cursor == 999
        assert "stage-us-373" in run.text
        await run.press("ctrl+b", "ctrl+u", "ctrl+d", "ctrl+f")

        assert run.table("clusters").cursor == 999


async def test_wide_shows_more_columns_in_place_of_sentences() -> None:
    async with running() as run:
        await run.press("2")
        assert "REGION" not in run.text
        assert "WHY" in run.text
        await run.press("ctrl+w")
        await run.shows("REGION")
        assert "WHY" not in run.text
        assert "its reconciler crashed" in run.text
        await run.press("ctrl+w")

        await run.shows("WHY")
