"""The cursor of a table: it stands on a key, not on a number, and stays there when rows move.

Also the mouse, and what is selected.  `tui.widgets.virtual_table` paints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from tui.content.rows import RowModel
from tui.widgets.painting import ScrollPainter

T = TypeVar("T")
_CORNERS = 4
"""Cells of an edge that its words leave free."""


class CursorTable(ScrollPainter, Generic[T], can_focus=True):
    """Rows of a `RowModel` with one of them under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", id="cursor_down", show=False),
        Binding("k,up", "move(-1)", "Up", id="cursor_up", show=False),
        Binding("g,home", "move_to(0)", "First", id="cursor_first", show=False),
        Binding("G,end", "move_to(-1)", "Last", id="cursor_last", show=False),
        Binding("ctrl+d", "page(0.5)", "Half page down", id="half_page_down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half page up", id="half_page_up", show=False),
        Binding("ctrl+f,pagedown", "page(1.0)", "Page down", id="page_down", show=False),
        Binding("ctrl+b,pageup", "page(-1.0)", "Page up", id="page_up", show=False),
        Binding("enter", "choose", "Open", id="choose", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Enter or a second click on a row."""

        table: CursorTable[Any]
        key: str

        @property
        def control(self) -> CursorTable[Any]:
            """The table, for `@on` selectors."""
            return self.table

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        table: CursorTable[Any]
        key: str | None

        @property
        def control(self) -> CursorTable[Any]:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        model: RowModel[T],
        *,
        id: str,
        title: str,
        header_rows: int,
    ) -> None:
        super().__init__(id=id)
        self.model = model
        self.header_rows = header_rows
        self.cursor_key: str | None = None
        self._title = title
        self._last_index = 0
        self.footnote: Callable[[T], str] = lambda row: ""
        """What the lower edge says in full of the row under the cursor."""
        self.is_moved = False
        """Whether a person moved the cursor: until then it stays on the first row."""

    @property
    def current(self) -> T | None:
        """The row under the cursor."""
        return None if self.cursor_key is None else self.model.rows.get(self.cursor_key)

    @property
    def cursor(self) -> int:
        """Where the cursor stands in the order; 0 when nowhere."""
        return (self.model.position(self.cursor_key) or 0) if self.cursor_key else 0

    @property
    def selected(self) -> list[T]:
        """Marked rows in their order, or else the one under the cursor."""
        model = self.model
        marked = [model.rows[key] for key in model.order if key in model.marks]
        if marked:
            return marked
        return [] if self.current is None else [self.current]

    def _set_cursor(self, index: int) -> None:
        old = self.cursor_key
        order = self.model.order
        new = order[max(0, min(index, len(order) - 1))] if order else None
        if new == old:
            return
        self.cursor_key = new
        self._last_index = self.cursor
        for key in (old, new):
            if key is not None:
                self._refresh_key(key)
        self._reveal()
        self.show_footnote()
        self.post_message(self.Moved(self, new))

    def show_footnote(self) -> None:
        """Say in full, as far as there is room, what a column had to cut."""
        row = self.current
        words = self.footnote(row) if row is not None else ""
        room = max(0, self.size.width - _CORNERS)
        text = self.title_text(words)
        text.truncate(room, overflow="ellipsis")
        if str(self.border_subtitle or "") != text.plain:
            self.border_subtitle = text

    def _reveal(self) -> None:
        top, height = self.scroll_offset.y, self.size.height - self.header_rows
        if height <= 0:
            return
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def _refresh_key(self, key: str) -> None:
        position = self.model.position(key)
        if position is None:
            return
        y = position - self.scroll_offset.y
        if 0 <= y < self.size.height - self.header_rows:
            self.refresh(Region(0, y + self.header_rows, self.size.width, 1))

    def move_to_key(self, key: str) -> None:
        """Put the cursor on a row, if it is shown."""
        position = self.model.position(key)
        if position is not None:
            self.is_moved = True
            self._set_cursor(position)

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self.is_moved = True
        self._set_cursor(self.cursor + by)

    def action_move_to(self, index: int) -> None:
        """Move to the first row (0) or the last (-1)."""
        self.is_moved = index != 0
        self._set_cursor(len(self.model) - 1 if index < 0 else index)

    def action_page(self, pages: float) -> None:
        """Move by pages."""
        self.is_moved = True
        self._set_cursor(self.cursor + int(pages * max(2, self.size.height - self.header_rows)))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor there; a click on the row under the cursor opens it."""
        place = event.get_content_offset(self)
        if place is None or place.y < self.header_rows:
            return
        index = place.y - self.header_rows + self.scroll_offset.y
        if index >= len(self.model):
            return
        if index == self.cursor and event.chain > 1:
            self.action_choose()
        else:
            self.is_moved = True
            self._set_cursor(index)

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.Chosen(self, self.cursor_key))

    def on_focus(self) -> None:
        """Show the cursor's row as the focused one."""
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor's row as not focused."""
        self.refresh()


class MarkTable(CursorTable[T]):
    """Rows that can be marked, for doing one thing to many."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", id="mark", show=False),
        Binding("ctrl+@,shift+down", "mark_range", "Mark range", id="mark_range", show=False),
        Binding("ctrl+backslash", "clear_marks", "Clear marks", id="clear_marks", show=False),
        Binding("asterisk", "mark_same", "Mark same cause", id="mark_same", show=False),
    ]
    _anchor: str | None = None

    def action_mark(self) -> None:
        """Mark the row, or take its mark away; go on to the next."""
        if self.cursor_key is None:
            return
        self._anchor = self.cursor_key
        self.model.marks ^= {self.cursor_key}
        self._refresh_key(self.cursor_key)
        self._retitle()
        self.action_move(1)

    def action_mark_range(self) -> None:
        """Mark from the last mark to here."""
        if self.cursor_key is None:
            return
        anchor = self.model.position(self._anchor) if self._anchor else None
        start, end = sorted((self.cursor if anchor is None else anchor, self.cursor))
        self.model.marks |= set(self.model.order[start : end + 1])
        self._retitle()
        self.refresh()
        self.action_move(1)

    def action_clear_marks(self) -> None:
        """Take all marks away."""
        self.model.marks.clear()
        self._retitle()
        self.refresh()

    def action_mark_same(self) -> None:
        """Mark every row with the same cause."""
        if self.cursor_key is not None:
            self.model.mark_same(self.cursor_key)
            self._retitle()
            self.refresh()

    def set_title(self, title: str) -> None:
        """Call the table something else."""
        self._title = title
        self._retitle()

    def _retitle(self) -> None:
        model = self.model
        parts = [self._title]
        parts.append(model.tally)
        parts += [f"/{model.filter.text}"] if model.filter else []
        parts += ["faults only"] if model.faults_only else []
        if model.marks:
            parts.append(f"{len(model.marks)} marked")
        if self._title:
            self.border_title = self.title_text("  ".join(parts))
