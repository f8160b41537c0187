"""Keys of the view one came from: searchable, and enter runs one."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from tui import messages
from tui.actions import Action, key_label
from tui.content.rows import Column, RowModel
from tui.keymap import keys_of
from tui.model.store import Touched
from tui.places import HelpPlace
from tui.screens.table_view import TableView
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.widgets.painting import LinesWidget
from tui.widgets.virtual_table import VirtualTable

_MOVES = (
    "j k g G ctrl+d ctrl+u move · space mark · * mark same · tab next pane · shift+drag selects"
)


class HelpScreen(TableView):
    """A table of actions."""

    VIEW = "help"
    TABLE = "help"
    OFFERS = ("open", "filter", "copy")

    def __init__(self, session: Session, place: HelpPlace) -> None:
        super().__init__(session, crumbs=("Help", place.view))
        self._place = place

    def body(self) -> Iterable[Widget]:
        """The table, and a line about moving."""
        config = self.session.config
        columns: list[Column[Action]] = [
            Column(
                "key",
                "key",
                10,
                lambda row: ((key_label(keys_of(row, config.keys)), Tone.ACCENT),),
                priority=0,
            ),
            Column("name", "does", 44, lambda row: fmt.text(row.help), grow=1, priority=0),
            Column("group", "kind", 8, lambda row: fmt.text(row.group, Tone.MUTED), priority=2),
            Column(
                "id", "id (config, :)", 14, lambda row: fmt.text(row.id, Tone.MUTED), priority=3
            ),
        ]
        model = RowModel(
            columns, search=lambda row: f"{row.keys} {row.label} {row.help} {row.id} {row.group}"
        )
        yield VirtualTable(model, id="help", title=f"Keys in {self._place.view}")
        yield MovesLine()

    def begin(self) -> None:
        """Actions never change."""
        super().begin()
        rows = {action.id: action for action in self._place.actions}
        self.query_one("#help", VirtualTable).replace(rows)

    def arrived(self, touched: Touched) -> None:
        """Nothing of the fleet is shown here."""

    def subjects(self) -> list[object]:
        """Nothing of the fleet is selected here."""
        return []

    def open_row(self, row: object) -> None:
        """Go back and run it there."""
        if isinstance(row, Action):
            self.post_message(messages.Back(row.id))


class MovesLine(LinesWidget):
    """Keys every table has."""

    DEFAULT_CSS = "MovesLine { height: 1; padding: 0 2; }"

    def lines(self, width: int) -> list[Line]:
        """One line."""
        return [((_MOVES, Tone.MUTED),)]
