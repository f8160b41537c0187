"""From lines of tones to strips of a terminal: what every widget of ours paints with.

Tones take their colours from the app's palette (`tui.themes`).  While the link is not live, every
tone is painted as stale: glyphs and words stay, colours do not claim anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self, cast

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.text.escape import one_line
from tui.text.format import ASCII, Line
from tui.text.lines import cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.geometry import Region

    from tui.canvas import Canvas


class Painter(Widget):
    """Gives a widget `paint`: a line of tones in, a strip out."""

    @property
    def canvas(self) -> Canvas:
        """The app, as far as painting is concerned."""
        return cast("Canvas", self.app)

    @property
    def is_stale(self) -> bool:
        """Whether colours would claim more than is known."""
        return self.canvas.is_stale

    def paint(self, line: Line, width: int, *, over: Style | None = None) -> Strip:
        """Paint a line into `width` cells, `over` (a cursor's style) on top."""
        ground = self.rich_style
        ascii_only, palette = self.canvas.ascii_only, self.canvas.palette
        stale = palette.stale if self.is_stale else None
        segments = []
        for part, tone in cut(line, width):
            style = ground + (stale or palette.tones[tone])
            if over is not None:
                style += over
            segments.append(Segment(part.translate(ASCII) if ascii_only else part, style))
        return Strip(segments, width)

    def underlined(self, strip: Strip, text: str, pattern: re.Pattern[str]) -> Strip:
        """Set every match of `pattern` in `text`, of which `strip` was made, apart."""
        for found in pattern.finditer(text):
            start = cell_len(text[: found.start()])
            end = min(start + cell_len(found.group()), strip.cell_length)
            if end > start:
                marked = strip.crop(start, end).apply_style(self.canvas.palette.found)
                parts = [strip.crop(0, start), marked, strip.crop(end, strip.cell_length)]
                strip = Strip.join(parts)
        return strip

    def title_text(self, words: str) -> Text:
        """Words for a border: safe whoever wrote them, and ASCII where that is asked for."""
        safe = one_line(words)
        return Text(safe.translate(ASCII) if self.canvas.ascii_only else safe)

    def repaint(self) -> None:
        """Forget what was painted: the theme, the link or the clock changed."""
        self.refresh()


class LinesWidget(Painter):
    """A widget of fixed height that makes its lines itself, once for each painting."""

    _made: tuple[int, Sequence[Line]] | None = None

    def lines(self, width: int) -> Sequence[Line]:
        """What to show in `width` cells, top to bottom."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Paint line `y`."""
        width = self.size.width
        if self._made is None or self._made[0] != width:
            self._made = width, self.lines(width)
        shown = self._made[1]
        return self.paint(shown[y] if y < len(shown) else (), width)

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Paint anew: what was made before counts no more."""
        self._made = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class ScrollPainter(ScrollView, Painter):
    """A painter that scrolls its own lines."""
