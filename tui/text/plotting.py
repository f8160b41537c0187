"""Numbers as pictures of characters: lines and areas in braille, with an axis.

Pure.  A cell is two by four dots, so that twelve rows show forty-eight steps.  Shape alone carries
the meaning: it is the same without colours, and `format.ASCII` makes dots and colons of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.text.lines import cut

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a braille character by column and by row from the top."""
_BLANK = 0x2800
LEAST_WIDTH, LEAST_HEIGHT = 16, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is plotted over time, oldest first; None where nothing is known."""

    title: str
    values: Sequence[float | None]
    begins: str = ""
    """What stands below the left end."""
    ends: str = "now"
    top: float | None = None
    """The value at the upper edge; left out, the largest one."""
    unit: str = ""
    filled: bool = False
    """An area, for counts; else a line, for measures."""
    tone: Tone = Tone.ACCENT
    empty: str = "nothing yet"


def resampled(values: Sequence[float | None], count: int) -> list[float | None]:
    """Make `count` values: the largest of those that fall together, or each repeated."""
    if not values or count <= 0:
        return [None] * max(0, count)
    made: list[float | None] = []
    for place in range(count):
        start = place * len(values) // count
        stop = max(start + 1, (place + 1) * len(values) // count)
        known = [value for value in values[start:stop] if value is not None]
        made.append(max(known) if known else None)
    return made


def drawn(
    values: Sequence[float | None], *, width: int, height: int, top: float, filled: bool
) -> list[str]:
    """The values as `height` strings of `width` characters: an area, or a line.

    A value that is known draws at least one dot, and one below the top never looks like it.
    """
    dots = height * 4
    levels = [_level(value, dots, top) for value in resampled(values, width * 2)]
    bits = [[0] * width for _ in range(height)]
    before = 0
    for place, level in enumerate(levels):
        lowest = 1 if filled else min(level, before + 1) if before and level else level
        highest = level if filled or not before else max(level, before - 1)
        for dot in range(lowest, highest + 1) if level else ():
            row, line = divmod(dots - dot, 4)
            bits[row][place // 2] |= _DOTS[place % 2][line]
        before = level
    return ["".join(chr(_BLANK + each) if each else " " for each in row) for row in bits]


def _level(value: float | None, dots: int, top: float) -> int:
    if value is None:
        return 0
    share = max(0.0, min(1.0, value / top)) if top > 0 else 0.0
    level = round(share * dots)
    if level == dots and share < 1:
        level = dots - 1
    return max(1, level)


def plot_lines(plot: Plot, *, width: int, height: int) -> list[Line]:
    """A plot with its title above, its scale at the left and its span below."""
    known = [value for value in plot.values if value is not None]
    newest = f"  {_number(known[-1])}{plot.unit}" if known else ""
    title: Line = (
        *fmt.text(plot.title, Tone.STRONG),
        (newest, plot.tone if known and known[-1] else Tone.MUTED),
    )
    if not known or width < LEAST_WIDTH or height < LEAST_HEIGHT:
        rest: list[Line] = [fmt.text(plot.empty, Tone.MUTED)] if not known else []
        return _filled([title, *rest], height)
    highest = max(known)
    top = plot.top if plot.top is not None else highest or 1.0
    scale = [f"{_number(top)}{plot.unit}", f"0{plot.unit}"]
    margin = max(map(cell_len, scale)) + 1
    rows = drawn(
        plot.values, width=width - margin - 1, height=height - 2, top=top, filled=plot.filled
    )
    tone = plot.tone if highest else Tone.MUTED
    lines: list[Line] = [title]
    for number, row in enumerate(rows):
        label = scale[0] if number == 0 else scale[1] if number == len(rows) - 1 else ""
        edge = "┤" if label else "│"
        lines.append(((f"{label:>{margin}}{edge}", Tone.MUTED), (row, tone)))
    gap = max(1, width - margin - 1 - cell_len(plot.begins) - cell_len(plot.ends))
    below = " " * (margin + 1) + plot.begins + " " * gap + plot.ends
    return [*lines, fmt.text(below, Tone.MUTED)]


def _filled(lines: list[Line], height: int) -> list[Line]:
    return [*lines, *([()] * (height - len(lines)))][:height]


def _number(value: float) -> str:
    """At most four characters that mean something: 0.25, 3.1, 120, 12k."""
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def beside(plots: Sequence[Sequence[Line]], widths: Sequence[int]) -> list[Line]:
    """Set blocks of lines beside each other, two cells apart."""
    height = max((len(block) for block in plots), default=0)
    rows: list[Line] = []
    for y in range(height):
        spans: list[tuple[str, Tone]] = []
        for block, width in zip(plots, widths, strict=True):
            spans += [*cut(block[y] if y < len(block) else (), width), ("  ", Tone.PLAIN)]
        rows.append(tuple(spans[:-1]))
    return rows
