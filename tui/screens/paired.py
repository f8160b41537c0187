"""A table with a pane beside it that tells more about the row under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget

from tui.content.rows import RowModel
from tui.model.store import Touched
from tui.screens.table_view import TableView
from tui.text.format import Line
from tui.widgets.lines_view import LinesView
from tui.widgets.virtual_table import VirtualTable


class PairedView(TableView):
    """Base of views of a table and its detail; on narrow terminals one stands above the other."""

    ENTITIES: tuple[str, ...] = ()
    """Which changes matter to this view."""
    NAME = ""
    EMPTY = ""
    DETAIL = "Detail"
    STACKED = False
    """Whether the pane stands below the table even where there is room beside it."""

    def model(self) -> RowModel[Any]:
        """The table's columns and rules."""
        raise NotImplementedError

    def rows(self) -> Mapping[str, object]:
        """The table's rows by key."""
        raise NotImplementedError

    def detail(self, row: Any) -> Sequence[Line]:
        """What the pane says about a row."""
        raise NotImplementedError

    def body(self) -> Iterable[Widget]:
        """The table and the pane."""
        table: VirtualTable[Any] = VirtualTable(
            self.model(), id=self.TABLE, title=self.NAME, empty=self.EMPTY
        )
        pane = LinesView(id="detail", wrap=True)
        pane.border_title = self.DETAIL
        yield Horizontal(table, pane, classes="paired -stacked" if self.STACKED else "paired")

    def arrived(self, touched: Touched) -> None:
        """Show rows again when they may have changed."""
        if touched.any_of(*self.ENTITIES):
            self.query_one(f"#{self.TABLE}", VirtualTable).replace(self.rows())
            self.show_detail()

    def show_detail(self, *, keep_place: bool = True) -> None:
        """Fill the pane for the row under the cursor."""
        row = self.query_one(f"#{self.TABLE}", VirtualTable).current
        pane = self.query_one("#detail", LinesView)
        pane.show(() if row is None else self.detail(row), keep_place=keep_place)

    @on(VirtualTable.Moved)
    def _follow(self) -> None:
        if self.is_built:
            self.show_detail(keep_place=False)
