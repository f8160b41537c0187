"""Words chosen by somebody who means harm, everywhere: nothing breaks, nothing lies."""

from collections.abc import Iterator

import msgspec
import pytest
from rich.cells import cell_len
from textual.screen import ModalScreen

from fleet.view import FleetView, ObjectDetail
from tests.fakes import fleets
from tests.fakes.api_server import ApiServer, detail
from tests.tui.running import Running, running
from tui.config import Config
from tui.content.rows import COLUMN_GAP
from tui.places import LogPlace, SearchPlace
from tui.screens.view import ViewScreen
from tui.text.format import plain
from tui.widgets.lines_view import LinesView
from tui.widgets.virtual_table import VirtualTable

HOSTILE = (
    "[red]markup[/red]",
    "[/nonsense]",
    "\x1b[31mansi\x1b[0m",
    "\x1b]0;title\x07",
    "\u202egnp.exe",
    "\u2066isolated\u2069 \u2067text",
    "zero\u200bwidth\ufeff",
    "שלום-עולם",
    "集群-生产-一",
    "集" * 84,
    "n" * 253,
    "a\nb\tc\rd",
    "e\u0301" * 40,
    "z" + "\u0301" * 40,
    "\u0301first",
    "\u3164\u2800",
    "☁\ufe0f cloud",
    "👩\u200d👩\u200d👧 family",
    "{{ jinja }} %s $HOME `id`",
    "",
)
TABLES = ("fleet", "clusters", "bundles", "rollouts", "drift", "events", "history", "approvals")
GAP = " " * COLUMN_GAP


def spoiled(value: object, names: dict[str, str]) -> object:
    """`value` with every word in `names` replaced, however deep it is."""
    match value:
        case str():
            return names.get(value, value)
        case list() | tuple():
            return [spoiled(each, names) for each in value]
        case dict():
            return {key: spoiled(each, names) for key, each in value.items()}
        case _:
            return value


def hostile_fleet() -> FleetView:
    """A fleet whose every word was chosen by somebody who means harm."""
    view = fleets.fleet(len(HOSTILE))
    names = {cluster.name: word for cluster, word in zip(view.clusters, HOSTILE, strict=True)}
    raw = spoiled(msgspec.to_builtins(view), names)
    assert isinstance(raw, dict)
    for word, cluster in zip(HOSTILE, raw["clusters"], strict=True):
        cluster["why"] = word
        cluster["labels"] = {"env": word, "region": word}
    for key in ("needs", "events", "drift", "bundles", "rollouts"):
        for number, row in enumerate(raw[key]):
            word = HOSTILE[number % len(HOSTILE)]
            for field in ("sentence", "subject", "message", "who", "author", "actor", "source"):
                if field in row:
                    row[field] = word
    first = raw["drift"][0]
    raw["drift"] = [
        {**first, "id": f"d{number}", "cluster": word, "name": word, "who": word, "paths": [word],
         "same_as": HOSTILE[number // 2], "note": word, "bundle": word}
        for number, word in enumerate(HOSTILE)
    ]  # fmt: skip
    for rollout in raw["rollouts"]:
        rollout["waiting_on"] = list(HOSTILE)
        rollout["changes"] = list(HOSTILE)
        for number, stage in enumerate(rollout["stages"]):
            stage["bound"] = HOSTILE[number]
            for gate in stage.get("gates_before", ()):
                gate |= {"name": HOSTILE[8], "sentence": HOSTILE[2], "approvals": [HOSTILE[4]]}
    raw["git"] |= {"error": HOSTILE[2], "subject": HOSTILE[4]}
    return msgspec.convert(raw, type=FleetView)


def hostile_detail() -> ObjectDetail:
    """An object whose YAML holds all of them."""
    made = detail("x", fleets.objects(fleets.cluster(0, 1))[0])
    text = "\n".join(f"key: {word}" for word in HOSTILE)
    return msgspec.structs.replace(
        made, live_yaml=text, desired_yaml="other\n" + text, last_changed_by=HOSTILE[4]
    )


def hostile_server() -> ApiServer:
    server = ApiServer(hostile_fleet())
    kinds = {each.kind for each in fleets.objects(fleets.cluster(0, 1))}
    server.details = dict.fromkeys(kinds, hostile_detail())
    server.why = HOSTILE
    return server


def honest(run: Running) -> None:
    """Every line is as wide as the screen and holds nothing that a terminal would act on."""
    width = run.app.size.width
    for strip in run.app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in strip)
        assert text.isprintable(), text
        assert cell_len(text) == strip.cell_length == width, text
    for table in run.app.screen.query(VirtualTable):
        for text in rows_of(table):
            assert_gaps(table, text)


def rows_of(table: VirtualTable[object]) -> Iterator[str]:
    """The rows of a table that are seen, with what is before them cut off."""
    for y in range(table.header_rows, min(table.size.height, len(table.model) + table.header_rows)):
        yield table.render_line(y).crop(2).text


def assert_gaps(table: VirtualTable[object], text: str) -> None:
    """Between two columns there is nothing, in every row at the same place."""
    at = 0
    for fitted in table._fitted[:-1]:
        at += fitted.width
        assert cells(text, at, at + COLUMN_GAP) == GAP, (at, text)
        at += COLUMN_GAP


def cells(text: str, start: int, stop: int) -> str:
    """The characters that stand from one cell to another."""
    found, at = "", 0
    for char in text:
        if start <= at < stop:
            found += char
        at += cell_len(char)
    return found


@pytest.mark.parametrize("size", [(80, 24), (120, 36)], ids=str)
async def test_cve_2026_45738_every_view_stays_straight_and_says_what_is_there(
    size: tuple[int, int],
) -> None:
    async with running(server=hostile_server(), size=size) as run:
        for key in "12345678":
            await run.press(key)
            honest(run)
        await run.press("5", "asterisk", "right", "end", "v", "right", "v", "right")
        honest(run)
        await run.press("2")
        await run.press("home")
        for words in ("[red]markup[/red]", "\\e[31mansi\\e[0m", "\\u{202e}gnp.exe"):
            assert any(words in plain_row for plain_row in cluster_names(run)), words


def cluster_names(run: Running) -> list[str]:
    table = run.table("clusters")
    column = next(each for each in table.model.columns if each.id == "name")
    return [plain(column.cell(row)) for row in table.model.rows.values()]


async def test_details_and_questions_of_every_name() -> None:
    async with running(server=hostile_server(), size=(100, 24)) as run:
        for word in HOSTILE:
            await run.show(f"cluster/{word}")
            await run.until(lambda: run.table("tree").current is not None)
            await run.press("T")
            await run.until(lambda: isinstance(run.app.screen, ModalScreen))
            honest(run)
            await run.press("escape", "W")
            honest(run)
            await run.press("l")
            honest(run)
            await run.press("1")
            await run.until(lambda: run.app.screen_stack[0].is_current)


async def test_texts_searches_and_the_palette() -> None:
    async with running(server=hostile_server()) as run:
        await run.show("cluster/" + HOSTILE[0])
        await run.press("right")
        tree = run.table("tree")
        await run.until(lambda: any("|" in key for key in tree.model.rows))
        tree.move_to_key(next(key for key in tree.model.rows if "|" in key))
        pane = run.app.screen.query_one("#detail", LinesView)
        await run.shows("+other")
        honest(run)
        await run.press("y")
        await run.until(lambda: len(pane.content) > len(HOSTILE))
        honest(run)
        for word in HOSTILE[:4]:
            await run.show(SearchPlace(text=word))
            await run.press("ctrl+l")
            honest(run)
        await run.show(LogPlace())
        await run.press("w")
        honest(run)
        await run.press("ctrl+p")
        await run.type("cluster")
        honest(run)
        await run.press("escape")
        for key in ("1", "8", "a"):
            await run.press(key)
            honest(run)
        assert isinstance(run.app.screen, ModalScreen)


async def test_cve_2025_47933_notices_do_not_read_markup() -> None:
    async with running(server=hostile_server()) as run:
        assert isinstance(run.app.screen, ViewScreen)
        await run.press("colon")
        await run.type("cluster [red]nowhere[/red]")
        await run.press("enter")
        honest(run)
        assert "no cluster '[red]nowhere[/red]'" in run.notices[0]
        await run.shows("[red]nowhere")


async def test_ascii_only_still_shows_foreign_words() -> None:
    async with running(server=hostile_server(), config=Config(ascii=True)) as run:
        await run.press("2")
        honest(run)
