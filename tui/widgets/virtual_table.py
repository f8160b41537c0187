"""A table for thousands of live rows, on Textual's line API.

Only rows that changed and are visible are painted; a painted row is kept until its value changes.
(A DataTable repaints every visible cell when one changes: 30 to 44 ms a frame against 1 to 2 ms.)
Rows, order and marks are `tui.rows`; this widget moves the cursor and paints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from tui.filtering import Filter
from tui.format import Line, Tone
from tui.rows import COLUMN_GAP, Fitted, RowModel, fit_columns
from tui.widgets.painting import ScrollPainter, cut

T = TypeVar("T")
_GUTTER = 2


class VirtualTable(ScrollPainter, Generic[T], can_focus=True):
    """Shows a `RowModel`.  `empty` says what belongs here while there is nothing."""

    BINDINGS = [
        Binding("j,down", "move(1)", "Down", id="cursor_down", show=False),
        Binding("k,up", "move(-1)", "Up", id="cursor_up", show=False),
        Binding("g,home", "move_to(0)", "First", id="cursor_first", show=False),
        Binding("G,end", "move_to(-1)", "Last", id="cursor_last", show=False),
        Binding("ctrl+d", "page(0.5)", "Half page down", id="half_page_down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half page up", id="half_page_up", show=False),
        Binding("ctrl+f,pagedown", "page(1.0)", "Page down", id="page_down", show=False),
        Binding("ctrl+b,pageup", "page(-1.0)", "Page up", id="page_up", show=False),
        Binding("space", "mark", "Mark", id="mark", show=False),
        Binding("ctrl+@,shift+down", "mark_range", "Mark range", id="mark_range", show=False),
        Binding("ctrl+backslash", "clear_marks", "Clear marks", id="clear_marks", show=False),
        Binding("asterisk", "mark_same", "Mark same cause", id="mark_same", show=False),
        Binding("enter", "choose", "Open", id="choose", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """Enter or a second click on a row."""

        table: VirtualTable[Any]
        key: str

        @property
        def control(self) -> VirtualTable[Any]:
            """The table, for `@on` selectors."""
            return self.table

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        table: VirtualTable[Any]
        key: str | None

        @property
        def control(self) -> VirtualTable[Any]:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        model: RowModel[T],
        *,
        id: str,
        title: str = "",
        empty: str = "",
        header: bool = True,
    ) -> None:
        super().__init__(id=id)
        self.model = model
        self.header_rows = 1 if header else 0
        self.cursor_key: str | None = None
        self.empty = empty
        self._title = title
        self._anchor: str | None = None
        self._strips: dict[str, Strip] = {}
        self._fitted: list[Fitted[T]] = []

    # What is shown

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

    def replace(self, rows: Mapping[str, T]) -> None:
        """Take all rows anew."""
        known = self.model.rows
        for key in [k for k in self._strips if k not in rows or rows[k] != known.get(k)]:
            del self._strips[key]
        self.model.replace(rows)
        self.rearranged()

    def update_rows(self, changed: Mapping[str, T | None]) -> None:
        """Replace some rows, and paint those that are visible."""
        dirty, moved = self.model.update(changed)
        for key in dirty:
            self._strips.pop(key, None)
        if moved:
            self.rearranged()
        else:
            for key in dirty:
                self._refresh_key(key)

    def set_filter(self, wanted: Filter) -> None:
        """Show only rows that match."""
        self.model.set_filter(wanted)
        self.rearranged()

    def rearranged(self) -> None:
        """The order changed: keep the cursor on its row, or near where it was."""
        old = self.cursor
        self.virtual_size = Size(0, len(self.model) + self.header_rows)
        if self.cursor_key is None or self.model.position(self.cursor_key) is None:
            self._set_cursor(min(old, len(self.model) - 1))
        self._retitle()
        self.refresh()

    def repaint(self) -> None:
        """Forget painted rows."""
        self._strips.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._strips.clear()

    def _retitle(self) -> None:
        model = self.model
        parts = [self._title]
        if model.filter or model.faults_only:
            parts.append(f"{len(model):,} of {len(model.rows):,}")
            parts += [f"/{model.filter.text}"] if model.filter else []
            parts += ["faults only"] if model.faults_only else []
        else:
            parts.append(f"{len(model.rows):,}")
        if model.marks:
            parts.append(f"{len(model.marks)} marked")
        if self._title:
            self.border_title = Text("  ".join(parts))

    # Moving

    def _set_cursor(self, index: int) -> None:
        old = self.cursor_key
        order = self.model.order
        new = order[max(0, min(index, len(order) - 1))] if order else None
        if new == old:
            return
        self.cursor_key = new
        for key in (old, new):
            if key is not None:
                self._refresh_key(key)
        self._reveal()
        self.post_message(self.Moved(self, new))

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
            self._set_cursor(position)

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        self._set_cursor(self.cursor + by)

    def action_move_to(self, index: int) -> None:
        """Move to the first row (0) or the last (-1)."""
        self._set_cursor(len(self.model) - 1 if index < 0 else index)

    def action_page(self, pages: float) -> None:
        """Move by pages."""
        self._set_cursor(self.cursor + int(pages * max(2, self.size.height - self.header_rows)))

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

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_key is not None:
            self.post_message(self.Chosen(self, self.cursor_key))

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
            self._set_cursor(index)

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self.fit()

    def fit(self) -> None:
        """Choose columns and widths again."""
        width = self.scrollable_content_region.width - _GUTTER
        self._fitted = fit_columns(self.model.columns, width) if width > 0 else []
        self._strips.clear()
        self._reveal()
        self.refresh()

    def on_focus(self) -> None:
        """Show the cursor's row as the focused one."""
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor's row as not focused."""
        self.refresh()

    # Painting

    def render_line(self, y: int) -> Strip:
        """Paint line `y` of what is seen; the header stays at the top."""
        width = self.size.width
        if y < self.header_rows:
            style = self.get_component_rich_style("paint--header", partial=True)
            return self.paint(self._header_line(), width, over=style)
        index = y - self.header_rows + self.scroll_offset.y
        if index >= len(self.model):
            shown = y == self.header_rows and not self.model.order
            return self.paint(self._nothing() if shown else (), width)
        return self._row_strip(self.model.order[index], width)

    def _row_strip(self, key: str, width: int) -> Strip:
        mark = "*" if key in self.model.marks else " "
        if key == self.cursor_key:
            focused = self.has_focus
            name = "paint--cursor" if focused else "paint--cursor-blurred"
            over = self.get_component_rich_style(name, partial=True)
            line: Line = (("▌", Tone.ACCENT), (mark, Tone.STRONG), *self._row_line(key))
            return self.paint(line, width, over=over if focused else Style())
        if mark == "*":
            return self.paint(((" *", Tone.STRONG), *self._row_line(key)), width)
        strip = self._strips.get(key)
        if strip is None or strip.cell_length != width:
            strip = self.paint((("  ", Tone.PLAIN), *self._row_line(key)), width)
            self._strips[key] = strip
        return strip

    def _row_line(self, key: str) -> Line:
        row = self.model.rows[key]
        spans: list[tuple[str, Tone]] = []
        for fitted in self._fitted:
            if spans:
                spans.append((" " * COLUMN_GAP, Tone.PLAIN))
            spans += cut(fitted.column.cell(row), fitted.width, right=fitted.column.right)
        return tuple(spans)

    def _header_line(self) -> Line:
        spans: list[tuple[str, Tone]] = [("  ", Tone.MUTED)]
        for position, fitted in enumerate(self._fitted):
            column = fitted.column
            arrow = ("↓" if self.model.reverse else "↑") if column.id == self.model.sort_id else ""
            title = ((column.title.upper() + arrow, Tone.MUTED),)
            if position:
                spans.append((" " * COLUMN_GAP, Tone.MUTED))
            spans += cut(title, fitted.width, right=column.right)
        return tuple(spans)

    def _nothing(self) -> Line:
        if self.model.rows:
            return (("  No row matches. Esc shows all.", Tone.MUTED),)
        return ((f"  {self.empty}", Tone.MUTED),)
