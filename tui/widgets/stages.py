"""The stages of a rollout as a pipeline of boxes, or as lines where there is no room."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.cells import cell_len
from textual.geometry import Size

from fleet.view import RolloutView, StageView
from tui.model.trends import burn_up
from tui.text import format as fmt
from tui.text.escape import one_line
from tui.text.format import Line, Span, Tone
from tui.text.lines import cut
from tui.text.plotting import Plot, beside, plot_lines
from tui.widgets.painting import LinesWidget

BOX_MIN = 14
BOX_MAX = 26
ARROW = "──▸"
PLOT_GAP, PLOT_LEAST = 2, 30


class Stages(LinesWidget):
    """Painted from a rollout; `show` gives it a newer one."""

    DEFAULT_CSS = "Stages { height: auto; padding: 0 1; }"

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._rollout: RolloutView | None = None
        self._now = now

    def show(self, rollout: RolloutView) -> None:
        """Show this state of the rollout."""
        before, self._rollout = self._rollout, rollout
        self.refresh(layout=before is None or len(before.stages) != len(rollout.stages))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Five lines of boxes, or one for each stage."""
        return len(self.lines(width))

    def lines(self, width: int) -> list[Line]:
        """Boxes beside each other when they fit, and what is done over time where there is room."""
        if self._rollout is None:
            return []
        stages = self._rollout.stages
        boxes = stage_boxes(stages, width)
        if not boxes:
            return stage_rows(stages, width)
        used = sum(cell_len(part) for part, _ in boxes[0])
        room = width - used - 2 * PLOT_GAP
        if room < PLOT_LEAST:
            return boxes
        plot = burn_up_plot(self._rollout, self._now(), points=2 * room)
        return beside(
            [boxes, plot_lines(plot, width=room, height=len(boxes))], [used + PLOT_GAP, room]
        )


def burn_up_plot(rollout: RolloutView, now: datetime, *, points: int) -> Plot:
    """Clusters that are done, from the start to the end or to now; full height is all of them."""
    ended = rollout.finished_at
    total = sum(stage.total for stage in rollout.stages)
    return Plot(
        title="Clusters done",
        values=burn_up(rollout, now=now, points=points),
        begins=fmt.moment(rollout.started_at, now),
        ends=fmt.moment(ended, now) if ended else "now",
        top=float(total or 1),
        filled=True,
        tone=Tone.GOOD,
    )


def stage_boxes(stages: Sequence[StageView], width: int) -> list[Line]:
    """Boxes with arrows between; nothing when `width` is too small."""
    if not stages:
        return []
    widest = max(cell_len(one_line(stage.name)) for stage in stages)
    inner = min(max(BOX_MIN, widest + 4), BOX_MAX)
    if len(stages) * (inner + 2) + (len(stages) - 1) * len(ARROW) > width:
        return []
    rows: list[list[Span]] = [[] for _ in range(5)]
    for position, stage in enumerate(stages):
        if position:
            for y, row in enumerate(rows):
                row.append((ARROW if y == 2 else " " * len(ARROW), Tone.MUTED))
        tone = fmt.glyph_of(fmt.PROGRESS_GLYPHS, stage.state)[1]
        rows[0].append(("╭" + "─" * inner + "╮", tone))
        for y, line in enumerate(_box_lines(stage), start=1):
            rows[y] += [("│ ", tone), *cut(line, inner - 1), ("│", tone)]
        rows[4].append(("╰" + "─" * inner + "╯", tone))
    return [tuple(row) for row in rows]


def _box_lines(stage: StageView) -> list[Line]:
    glyph, tone = fmt.glyph_of(fmt.PROGRESS_GLYPHS, stage.state)
    done = stage.good + stage.unchanged
    notes = [
        f"{number} {word}"
        for number, word in (
            (stage.in_flight, "moving"),
            (stage.failed, "failed"),
            (stage.deferred, "deferred"),
        )
        if number
    ]
    share = done / stage.total if stage.total else 1.0
    return [
        ((f"{glyph} ", tone), *fmt.text(stage.name, Tone.STRONG)),
        ((f"{done}/{stage.total} ", Tone.PLAIN), (fmt.bar(share, 6).rstrip(), tone)),
        (
            (", ".join(notes), Tone.BAD if stage.failed else Tone.ACTIVE)
            if notes
            else (one_line(stage.state), tone),
        ),
    ]


def stage_rows(stages: Sequence[StageView], width: int) -> list[Line]:
    """One line for each stage."""
    rows: list[Line] = []
    for stage in stages:
        done = stage.good + stage.unchanged
        head: Line = (
            *fmt.marked(fmt.PROGRESS_GLYPHS, stage.state),
            ("  ", Tone.PLAIN),
            *fmt.text(stage.name, Tone.STRONG),
            (f"  {done}/{stage.total}", Tone.PLAIN),
        )
        rows.append(cut(head, width))
    return rows
