"""A view around one table: filter, sort, faults, copy, open."""

from __future__ import annotations

from typing import Any

from textual import on

from tui import messages
from tui.content.filtering import parse_filter
from tui.screens.view import ViewScreen
from tui.text.format import plain
from tui.widgets.prompt import Prompt
from tui.widgets.virtual_table import VirtualTable

TABLE_ACTIONS = (
    "open",
    "filter",
    "faults",
    "sort_state",
    "sort_name",
    "sort_age",
    "sort_next",
    "copy",
    "wide",
)


class TableScreen(ViewScreen):
    """A table and what is done to it by keys."""

    TABLE = ""
    """Id of the main table."""
    SORTS = {"sort_state": "state", "sort_name": "name", "sort_age": "since"}  # noqa: RUF012

    @property
    def table(self) -> VirtualTable[Any]:
        """The table that has the focus, or else the main one."""
        focused = self.focused
        if isinstance(focused, VirtualTable):
            return focused
        return self.query_one(f"#{self.TABLE}", VirtualTable)

    def subjects(self) -> list[object]:
        """Marked rows, or the one under the cursor."""
        return list(self.table.selected) if self.is_built else []

    def begin(self) -> None:
        """The main table has the keys."""
        self.focus_main()

    def focus_main(self) -> None:
        """The main table has the keys."""
        self.query_one(f"#{self.TABLE}").focus()

    @on(VirtualTable.Moved)
    def _moved(self) -> None:
        self.refresh_bars()

    @on(VirtualTable.Chosen)
    def _chosen(self, event: VirtualTable.Chosen) -> None:
        self.open_row(event.table.model.rows[event.key])

    def open_row(self, row: object) -> None:
        """Open what a row stands for."""
        self.post_message(messages.Open(row))

    def do_open(self) -> None:
        """Open the row under the cursor."""
        self.table.action_choose()

    def do_faults(self) -> None:
        """Show only what is wrong, or everything again."""
        table = self.table
        table.model.set_faults_only(not table.model.faults_only)
        table.rearranged()

    def sort(self, column: str) -> bool:
        """Sort by a column, if there is such a one; a second time turns the order round."""
        model = self.table.model
        if not any(each.id == column and each.sort for each in model.columns):
            return False
        model.sort_by(column)
        self._sorted()
        return True

    def _sorted(self) -> None:
        self.table.rearranged()
        self.table.action_move_to(0)

    def _sort_as(self, action: str) -> None:
        column = self.SORTS[action]
        if not self.sort(column) and not (column == "since" and self.sort("seen")):
            self.notify(f"This table has no column to sort by {column}.", markup=False)

    def do_sort_state(self) -> None:
        """Worst first."""
        self._sort_as("sort_state")

    def do_sort_name(self) -> None:
        """By name."""
        self._sort_as("sort_name")

    def do_sort_age(self) -> None:
        """By age."""
        self._sort_as("sort_age")

    def do_sort_next(self) -> None:
        """By the next column."""
        self.table.model.sort_next()
        self._sorted()

    def do_wide(self) -> None:
        """More columns in place of sentences, or as before; the lower edge has the sentence."""
        self.table.is_wide = not self.table.is_wide
        self.table.fit()

    def do_copy(self) -> None:
        """Copy the selected rows as they read."""
        table = self.table
        rows = [
            "\t".join(plain(column.cell(row)).strip() for column in table.model.columns)
            for row in table.selected
        ]
        if rows:
            self.app.copy_to_clipboard("\n".join(rows))
            self.notify(f"Copied {len(rows)} to the clipboard.", timeout=2, markup=False)


class TableView(TableScreen):
    """Base of views whose main widget is a table: with the filter one types."""

    def do_filter(self) -> None:
        """Type a filter; in a text, what to search for."""
        if not self.search_in_text():
            self.query_one(Prompt).open("/", self.table.model.filter.text)

    def filter_by(self, text: str) -> None:
        """Filter the main table."""
        wanted = parse_filter(text)
        self.query_one(f"#{self.TABLE}", VirtualTable).set_filter(wanted)
        self.refresh_bars()

    @on(Prompt.Typed)
    def _typed(self, event: Prompt.Typed) -> None:
        if event.kind == "/":
            self.filter_by(event.value)

    @on(Prompt.Entered)
    def _kept(self, event: Prompt.Entered) -> None:
        if event.kind == "/":
            error = parse_filter(event.value).error
            if error:
                self.notify(error, severity="warning", markup=False)
            self.close_prompt()

    def leave_once(self) -> bool:
        """Escape clears the search and the filter first, then marks, then goes back."""
        closed = self.close_prompt()
        if self.stop_searching():
            return True
        table = self.query_one(f"#{self.TABLE}", VirtualTable)
        model = table.model
        if model.filter or model.faults_only:
            model.set_faults_only(False)
            self.filter_by("")
            return True
        if model.marks:
            table.action_clear_marks()
            return True
        return closed
