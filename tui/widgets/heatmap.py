"""Every cluster as one glyph, grouped by a label: the fleet at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from fleet.view import ClusterState, ClusterView
from tui.model.queries import HeatGroup, heat_groups
from tui.text import format as fmt
from tui.text.format import Line, Span, Tone
from tui.text.lines import cut
from tui.widgets.painting import ScrollPainter

NAME_WIDTH = 12
COUNT_WIDTH = 7
TALLY_WIDTH = 34
DENSE_FROM = 400
"""From so many clusters on, glyphs stand without a gap."""
_WORDS = {
    ClusterState.READY: "ready",
    ClusterState.RECONCILING: "reconciling",
    ClusterState.SUSPENDED: "suspended",
    ClusterState.PENDING: "pending",
    ClusterState.DRIFTED: "drifted",
    ClusterState.FAILED: "FAILED",
    ClusterState.OFFLINE: "offline",
    ClusterState.QUARANTINED: "QUARANTINED",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One painted line: a group's head, some of its clusters, and its tally at the first line."""

    head: str
    count: int
    clusters: Sequence[ClusterView]
    tally: Line


def heat_rows(groups: Iterable[HeatGroup], *, per_row: int) -> list[HeatRow]:
    """Break groups into lines of at most `per_row` clusters."""
    return [
        HeatRow(
            head="" if start else group.name,
            count=0 if start else len(group.clusters),
            clusters=group.clusters[start : start + per_row],
            tally=() if start else tally_line(group),
        )
        for group in groups
        for start in range(0, len(group.clusters), per_row)
    ]


def tally_line(group: HeatGroup) -> Line:
    """`1 FAILED · 2 drifted · 28 ready`: worst first, so that a narrow line keeps it."""
    parts: list[Line] = []
    for state, number in reversed(group.tally):
        calm = state is ClusterState.READY
        tone = Tone.MUTED if calm else fmt.STATE_GLYPHS[state][1]
        parts.append(((f"{number} {_WORDS[state]}", tone),))
    return fmt.join(parts, (" · ", Tone.MUTED))


class Heatmap(ScrollPainter, can_focus=True):
    """One glyph a cluster; arrow keys move over them, enter opens one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "step(-1)", "Left", show=False),
        Binding("l,right", "step(1)", "Right", show=False),
        Binding("j,down", "line(1)", "Down", show=False),
        Binding("k,up", "line(-1)", "Up", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    @dataclass
    class Chosen(Message):
        """A cluster was opened."""

        cluster: ClusterView

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.label = "env"
        self._clusters: Sequence[ClusterView] = ()
        self._rows: list[HeatRow] = []
        self._at = (0, 0)
        self._step = 2

    def show(self, clusters: Iterable[ClusterView], label: str) -> None:
        """Show these clusters grouped by `label`."""
        self._clusters = list(clusters)
        self.label = label
        self._layout()

    def _layout(self) -> None:
        width = self.scrollable_content_region.width
        if not width:
            return
        self._step = 1 if len(self._clusters) >= DENSE_FROM else 2
        room = width - NAME_WIDTH - COUNT_WIDTH - (TALLY_WIDTH if width >= 90 else 0)
        groups = heat_groups(self._clusters, self.label)
        self._rows = heat_rows(groups, per_row=max(4, room // self._step))
        self.virtual_size = Size(0, len(self._rows))
        self.styles.height = max(1, len(self._rows)) + self.gutter.height
        self._at = self._within(*self._at)
        self._retitle()
        self.refresh()

    def on_resize(self) -> None:
        """Lay out anew."""
        self._layout()

    @property
    def current(self) -> ClusterView | None:
        """The cluster under the cursor."""
        if not self._rows:
            return None
        y, x = self._at
        return self._rows[y].clusters[x]

    def _retitle(self) -> None:
        title = f"Heatmap  {len(self._clusters):,} by {self.label}"
        if self.has_focus and (cluster := self.current):
            title += f"  {cluster.name} {cluster.state}"
            title += f": {cluster.why}" if cluster.why else ""
        self.border_title = self.title_text(title)

    def repaint(self) -> None:
        """The title too: it may have to do without glyphs."""
        self._retitle()
        super().repaint()

    def _within(self, y: int, x: int) -> tuple[int, int]:
        if not self._rows:
            return 0, 0
        y = max(0, min(y, len(self._rows) - 1))
        return y, max(0, min(x, len(self._rows[y].clusters) - 1))

    def _move(self, y: int, x: int) -> None:
        old = self._at[0]
        self._at = self._within(y, x)
        for line in {old, self._at[0]}:
            seen = line - self.scroll_offset.y
            if 0 <= seen < self.size.height:
                self.refresh(Region(0, seen, self.size.width, 1))
        self.scroll_to_region(Region(0, self._at[0], 1, 1), animate=False)
        self._retitle()

    def action_step(self, by: int) -> None:
        """Move along the clusters, over the ends of lines."""
        y, x = self._at
        if not self._rows:
            return
        if 0 <= x + by < len(self._rows[y].clusters):
            self._move(y, x + by)
        elif by > 0 and y + 1 < len(self._rows):
            self._move(y + 1, 0)
        elif by < 0 and y:
            self._move(y - 1, len(self._rows[y - 1].clusters) - 1)

    def action_line(self, by: int) -> None:
        """Move to the line above or below."""
        self._move(self._at[0] + by, self._at[1])

    def action_choose(self) -> None:
        """Open the cluster under the cursor."""
        if self.current is not None:
            self.post_message(self.Chosen(self.current))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on a cluster; a double click opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        y = offset.y + self.scroll_offset.y
        x = (offset.x - NAME_WIDTH - COUNT_WIDTH) // self._step
        if y < len(self._rows) and 0 <= x < len(self._rows[y].clusters):
            self._move(y, x)
            if event.chain > 1:
                self.action_choose()

    def watch_has_focus(self, focused: bool) -> None:
        """Name the cluster under the cursor while the keys are here, the whole otherwise."""
        super().watch_has_focus(focused)
        self._retitle()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Paint line `y` of what is seen."""
        width = self.size.width
        index = y + self.scroll_offset.y
        if index >= len(self._rows):
            shown = index == 0
            return self.paint((("No clusters yet.", Tone.MUTED),) if shown else (), width)
        row = self._rows[index]
        count = f"({row.count})" if row.count else ""
        spans: list[Span] = [
            *cut(fmt.text(row.head, Tone.STRONG), NAME_WIDTH),
            (count.rjust(COUNT_WIDTH - 2) + "  ", Tone.MUTED),
        ]
        gap = " " * (self._step - 1)
        for x, cluster in enumerate(row.clusters):
            glyph, tone = fmt.STATE_GLYPHS.get(cluster.state, fmt.UNKNOWN_GLYPH)
            if self.has_focus and (index, x) == self._at:
                spans.append((glyph, Tone.PROD))
                spans[-1] = ("■", tone)
                spans += [(gap, Tone.PLAIN)] if gap else []
            else:
                spans.append((glyph + gap, tone))
        if width >= 90 and row.tally:
            widest = max(len(each.clusters) for each in self._rows)
            space = (widest - len(row.clusters)) * self._step + 2
            spans += [(" " * space, Tone.PLAIN), *row.tally]
        return self.paint(tuple(spans), width)
