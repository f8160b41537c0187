"""A table for thousands of live rows, on Textual's line API.

Only rows that changed and are visible are painted; a painted row is kept until its value changes.
(A DataTable repaints every visible cell when one changes: 30 to 44 ms a frame against 1 to 2 ms.)
Rows and their order are `tui.content.rows`, the cursor and marks `tui.widgets.cursor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from textual.geometry import Size
from textual.strip import Strip

from tui.content.filtering import Filter
from tui.content.rows import COLUMN_GAP, Fitted, RowModel, fit_columns
from tui.text.escape import one_line
from tui.text.format import Line, Tone
from tui.text.lines import cut, wrapped
from tui.widgets.cursor import MarkTable

T = TypeVar("T")
_GUTTER = 2


class VirtualTable(MarkTable[T]):
    """Shows a `RowModel`.  `empty` says what belongs here while there is nothing."""

    def __init__(
        self,
        model: RowModel[T],
        *,
        id: str,
        title: str = "",
        empty: str = "",
        header: bool = True,
    ) -> None:
        super().__init__(model, id=id, title=title, header_rows=1 if header else 0)
        self.empty = empty
        self.is_wide = False
        """Whether as many columns as possible are shown, at the cost of sentences."""
        self._strips: dict[str, Strip] = {}
        self._fitted: list[Fitted[T]] = []

    def replace(self, rows: Mapping[str, T]) -> None:
        """Take all rows anew."""
        known = self.model.rows
        for key in [k for k in self._strips if k not in rows or rows[k] != known.get(k)]:
            del self._strips[key]
        self.model.replace(rows)
        self.rearranged()

    def rows_changed(self) -> None:
        """The model made its rows anew."""
        self._strips.clear()
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
            if self.cursor_key in dirty:
                self.show_footnote()

    def set_filter(self, wanted: Filter) -> None:
        """Show only rows that match."""
        self.model.set_filter(wanted)
        self.rearranged()

    def rearranged(self) -> None:
        """The order changed: keep the cursor on its row, or near where it was."""
        self.virtual_size = Size(0, len(self.model) + self.header_rows)
        if not self.is_moved:
            self._set_cursor(0)
        elif self.cursor_key is None or self.model.position(self.cursor_key) is None:
            self._set_cursor(self._last_index)
        self._last_index = self.cursor
        self._retitle()
        self.show_footnote()
        self.refresh()

    def repaint(self) -> None:
        """Forget painted rows."""
        self._strips.clear()
        self._retitle()
        self.refresh()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """Fit the columns to the new width."""
        self.fit()

    def fit(self) -> None:
        """Choose columns and widths again."""
        width = self.scrollable_content_region.width - _GUTTER
        self._fitted = (
            fit_columns(self.model.columns, width, wide=self.is_wide) if width > 0 else []
        )
        self._strips.clear()
        self._reveal()
        self.show_footnote()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Paint line `y` of what is seen; the header stays at the top."""
        width = self.size.width
        if y < self.header_rows:
            return self.paint(self._header_line(), width)
        index = y - self.header_rows + self.scroll_offset.y
        if index >= len(self.model):
            return self.paint(self._nothing(index, width) if not self.model.order else (), width)
        return self._row_strip(self.model.order[index], width)

    def _row_strip(self, key: str, width: int) -> Strip:
        mark = "*" if key in self.model.marks else " "
        if key == self.cursor_key:
            line: Line = (("▌", Tone.ACCENT), (mark, Tone.STRONG), *self._row_line(key))
            return self.paint(
                line, width, over=self.canvas.palette.cursor if self.has_focus else None
            )
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
            title = ((one_line(column.title).upper() + arrow, Tone.MUTED),)
            if position:
                spans.append((" " * COLUMN_GAP, Tone.MUTED))
            spans += cut(title, fitted.width, right=column.right)
        return tuple(spans)

    def _nothing(self, row: int, width: int) -> Line:
        """What stands where rows would be, over as many lines as it takes."""
        filtered = self.model.rows or self.model.filter or self.model.faults_only
        words = "No row matches. Esc shows all." if filtered else self.empty
        lines = wrapped((("  ", Tone.PLAIN), (words, Tone.MUTED)), width)
        return lines[row] if row < len(lines) else ()
