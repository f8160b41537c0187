"""Long texts as lines that are made and wrapped only when they are seen.

Pure.  A log or a manifest may have a hundred thousand lines, a screen has fifty.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Generic, TypeVar, overload

from rich.cells import cell_len, set_cell_size

from tui.text.format import Line, Tone, plain

T = TypeVar("T")
_LEAST_ROOM = 12
"""Words are not squeezed into fewer cells than these, however far a line is indented."""


class LazyLines(Sequence[Line], Generic[T]):
    """`items` as lines, each made when it is asked for; `head` stands before them."""

    def __init__(
        self, items: Sequence[T], make: Callable[[T], Line], *, head: Sequence[Line] = ()
    ) -> None:
        self._items, self._make, self._head = items, make, head

    def __len__(self) -> int:
        return len(self._head) + len(self._items)

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        place = index if index >= 0 else len(self) + index
        if place < len(self._head):
            return self._head[place]
        return self._make(self._items[place - len(self._head)])

    def __iter__(self) -> Iterator[Line]:
        return (self[index] for index in range(len(self)))


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
    room = max(_LEAST_ROOM, width - indent)
    pieces: list[str] = []
    for word in last.split(" "):
        if pieces and cell_len(pieces[-1]) + 1 + cell_len(word) <= room:
            pieces[-1] += f" {word}"
        else:
            pieces.append(word)
    first: Line = (*head, (pieces[0], tone))
    rest: list[Line] = [((" " * indent, Tone.PLAIN), (piece, tone)) for piece in pieces[1:]]
    return [first, *rest]


class Layout:
    """Where each line stands on rows of `width` cells; without `wrap` a line is one row."""

    def __init__(self, lines: Sequence[Line], width: int, *, wrap: bool) -> None:
        self._lines, self._width = lines, width
        self._ends: list[int] | None = None
        if wrap and width > 0:
            self._ends = list(accumulate(len(wrapped(line, width)) for line in lines))

    @property
    def rows(self) -> int:
        """How many rows there are."""
        if self._ends is None:
            return len(self._lines)
        return self._ends[-1] if self._ends else 0

    def line_at(self, row: int) -> int:
        """Which line stands on a row."""
        return row if self._ends is None else bisect_right(self._ends, row)

    def row_of(self, line: int) -> int:
        """The first row of a line."""
        if self._ends is None or line == 0:
            return line
        return self._ends[line - 1]

    def row(self, row: int) -> Line:
        """What stands on a row; nothing beyond the end."""
        if not 0 <= row < self.rows:
            return ()
        line = self.line_at(row)
        if self._ends is None:
            return self._lines[line]
        return wrapped(self._lines[line], self._width)[row - self.row_of(line)]


def next_match(
    lines: Sequence[Line], pattern: re.Pattern[str], *, start: int, by: int
) -> int | None:
    """The next (1) or previous (-1) line after `start` that matches, round the ends; or None."""
    size = len(lines)
    for step in range(1, size + 1):
        index = (start + by * step) % size
        if pattern.search(plain(lines[index])):
            return index
    return None
