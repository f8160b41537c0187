"""A scrolling text of painted lines: a diff, YAML, sentences, a timeline, a log.

Only what is seen is made, wrapped and painted (`tui.text.lines`).  `/` searches in it, `n` and `N`
go from match to match, `w` wraps.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from tui.text.format import Line, plain
from tui.text.lines import Layout, next_match
from tui.widgets.painting import ScrollPainter

MATCH_FROM_TOP = 3
"""Lines that are left above a match one went to."""


class LinesView(ScrollPainter, can_focus=True):
    """Shows a sequence of lines; `wrap` says whether long ones are broken at first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", "Down", show=False),
        Binding("k,up", "scroll_up", "Up", show=False),
        Binding("g,home", "scroll_home", "Top", show=False),
        Binding("G,end", "scroll_end", "Bottom", show=False),
        Binding("ctrl+d", "half_page(1)", "Half page down", show=False),
        Binding("ctrl+u", "half_page(-1)", "Half page up", show=False),
        Binding("ctrl+f", "page_down", "Page down", show=False),
        Binding("ctrl+b", "page_up", "Page up", show=False),
        Binding("n", "find(1)", "Next match", id="next_match", show=False),
        Binding("N", "find(-1)", "Previous match", id="previous_match", show=False),
        Binding("w", "wrap", "Wrap long lines", id="wrap", show=False),
    ]

    def __init__(
        self, *, id: str | None = None, wrap: bool = False, lines: Sequence[Line] = ()
    ) -> None:
        super().__init__(id=id)
        self._given = lines
        self._wrap = wrap
        self._rows = Layout((), 0, wrap=False)
        self._pattern: re.Pattern[str] | None = None
        self._match: int | None = None

    @property
    def content(self) -> Sequence[Line]:
        """The lines as they were given."""
        return self._given

    @property
    def is_wrapped(self) -> bool:
        """Whether long lines are broken."""
        return self._wrap

    @property
    def pattern(self) -> re.Pattern[str] | None:
        """What is searched for."""
        return self._pattern

    def show(self, lines: Sequence[Line], *, keep_place: bool = True) -> None:
        """Show these lines; stay where the reader is unless told to start at the top."""
        self._given = lines
        self._layout()
        if not keep_place:
            self.scroll_to(0, 0, animate=False)

    def _layout(self) -> None:
        width = self.scrollable_content_region.width
        self._rows = Layout(self._given, width, wrap=self._wrap)
        self.virtual_size = Size(width, self._rows.rows)
        self.refresh()

    def on_resize(self) -> None:
        """Lay out anew for the new width."""
        self._layout()

    def action_half_page(self, direction: int) -> None:
        """Scroll by half of what is seen."""
        self.scroll_relative(y=direction * self.size.height // 2, animate=False)

    def action_wrap(self) -> None:
        """Break long lines, or cut them; stay at the line that is at the top."""
        top = self._rows.line_at(self.scroll_offset.y)
        self._wrap = not self._wrap
        self._layout()
        self.jump_to(top)

    def jump_to(self, line: int) -> None:
        """Bring a line to the top."""
        self.scroll_to(y=self._rows.row_of(line), animate=False)

    @property
    def top_line(self) -> int:
        """The line at the top."""
        return self._rows.line_at(self.scroll_offset.y)

    def search(self, pattern: re.Pattern[str] | None) -> bool:
        """Search from what is seen on; None stops searching.  Say whether there is a match."""
        self._pattern, self._match = pattern, None
        self.refresh()
        if pattern is None:
            return False
        return self._go_to_match(self.top_line - 1, 1)

    def action_find(self, by: int) -> None:
        """Go to the next or the previous match."""
        if self._pattern is None:
            self.notify("/ searches in this text.", timeout=2, markup=False)
            return
        start = self.top_line if self._match is None else self._match
        if not self._go_to_match(start, by):
            self.notify("Nothing matches.", timeout=2, markup=False)

    def _go_to_match(self, start: int, by: int) -> bool:
        assert self._pattern is not None
        self._match = next_match(self._given, self._pattern, start=start, by=by)
        if self._match is None:
            return False
        self.jump_to(max(0, self._match - MATCH_FROM_TOP))
        self.refresh()
        return True

    def render_line(self, y: int) -> Strip:
        """Paint line `y` of what is seen."""
        width = self.scrollable_content_region.width
        line = self._rows.row(y + self.scroll_offset.y)
        strip = self._marked(line, self.paint(line, width))
        return strip.adjust_cell_length(self.size.width, self.rich_style)

    def _marked(self, line: Line, strip: Strip) -> Strip:
        """The strip with every match in it set apart."""
        if self._pattern is None or not line:
            return strip
        return self.underlined(strip, plain(line), self._pattern)
