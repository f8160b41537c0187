"""From lines of tones to strips of a terminal: what every widget of ours paints with.

Tones take their colours from the app's palette (`tui.themes`).  While the link is not live, every
tone is painted as stale: glyphs and words stay, colours do not claim anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.escape import one_line
from tui.format import ASCII, Line, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.canvas import Canvas


def cut(line: Line, width: int, *, right: bool = False) -> Line:
    """Make a line exactly `width` cells wide; what is cut off leaves an ellipsis."""
    used = sum(cell_len(part) for part, _ in line)
    if used <= width:
        padding = (" " * (width - used), Tone.PLAIN)
        return (padding, *line) if right else (*line, padding)
    kept: list[tuple[str, Tone]] = []
    room = width - 1
    for part, tone in line:
        size = cell_len(part)
        if size > room:
            kept.append((set_cell_size(part, max(0, room)) + "…", tone))
            break
        kept.append((part, tone))
        room -= size
    return tuple(kept)


def wrapped(line: Line, width: int) -> list[Line]:
    """Break one long span over several lines at spaces; later lines are indented like the first."""
    if sum(cell_len(part) for part, _ in line) <= width or not line:
        return [line]
    *head, (last, tone) = line
    indent = sum(cell_len(part) for part, _ in head)
    room = max(12, width - indent)
    pieces: list[str] = []
    for word in last.split(" "):
        if pieces and cell_len(pieces[-1]) + 1 + cell_len(word) <= room:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    first: Line = (*head, (pieces[0], tone))
    rest: list[Line] = [((" " * indent, Tone.PLAIN), (piece, tone)) for piece in pieces[1:]]
    return [first, *rest]


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

    def title_text(self, words: str) -> Text:
        """Words for a border: safe whoever wrote them, and ASCII where that is asked for."""
        safe = one_line(words)
        return Text(safe.translate(ASCII) if self.canvas.ascii_only else safe)

    def repaint(self) -> None:
        """Forget what was painted: the theme, the link or the clock changed."""
        self.refresh()


class LinesWidget(Painter):
    """A widget of fixed height that paints lines it makes itself."""

    def lines(self, width: int) -> Sequence[Line]:
        """What to show in `width` cells, top to bottom."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Paint line `y`."""
        width = self.size.width
        shown = self.lines(width)
        return self.paint(shown[y] if y < len(shown) else (), width)


class ScrollPainter(ScrollView, Painter):
    """A painter that scrolls its own lines."""


class LinesView(ScrollPainter, can_focus=True):
    """A scrolling text of painted lines: a diff, YAML, sentences, a timeline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("j,down", "scroll_down", "Down"),
        ("k,up", "scroll_up", "Up"),
        ("g,home", "scroll_home", "Top"),
        ("G,end", "scroll_end", "Bottom"),
        ("ctrl+d", "half_page(1)", "Half page down"),
        ("ctrl+u", "half_page(-1)", "Half page up"),
        ("ctrl+f", "page_down", "Page down"),
        ("ctrl+b", "page_up", "Page up"),
    ]

    def __init__(self, *, id: str | None = None, wrap: bool = False) -> None:
        super().__init__(id=id)
        self._given: Sequence[Line] = ()
        self._lines: Sequence[Line] = ()
        self._wrap = wrap

    @property
    def content(self) -> Sequence[Line]:
        """The lines as they were given."""
        return self._given

    def show(self, lines: Sequence[Line], *, keep_place: bool = True) -> None:
        """Show these lines; stay where the reader is unless told to start at the top."""
        self._given = lines
        self._layout()
        if not keep_place:
            self.scroll_to(0, 0, animate=False)

    def _layout(self) -> None:
        width = self.scrollable_content_region.width
        self._lines = (
            [part for line in self._given for part in wrapped(line, width)]
            if self._wrap and width
            else self._given
        )
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def on_resize(self) -> None:
        """Lay out anew for the new width."""
        self._layout()

    def action_half_page(self, direction: int) -> None:
        """Scroll by half of what is seen."""
        self.scroll_relative(y=direction * self.size.height // 2, animate=False)

    def jump_to(self, y: int) -> None:
        """Bring line `y` to the top."""
        self.scroll_to(y=y, animate=False)

    def render_line(self, y: int) -> Strip:
        """Paint line `y` of what is seen."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        strip = self.paint(self._lines[index] if index < len(self._lines) else (), width)
        return strip.adjust_cell_length(self.size.width, self.rich_style)
