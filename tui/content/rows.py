"""The model of a table: rows, their order, the filter, marks and column widths.

Pure, and knows no widget.  `update` says what must be painted again: the keys whose row changed,
and whether the order did.  Keys stay the identity of a row: the cursor and marks follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Generic, TypeVar

from tui.content.filtering import Filter
from tui.text.format import Line

T = TypeVar("T")
COLUMN_GAP = 2
_NO_LABELS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column.  `width` is in cells; `grow` shares what is left over among columns."""

    id: str
    title: str
    width: int
    cell: Callable[[T], Line]
    _: KW_ONLY
    sort: Callable[[T], Any] | None = None
    priority: int = 1
    """Columns of higher numbers go first when the terminal is narrow; 0 never goes."""
    grow: int = 0
    right: bool = False
    descending: bool = False
    """Whether sorting by it starts with the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted(Generic[T]):
    """A column with the width it got."""

    column: Column[T]
    width: int


def fit_columns(columns: Sequence[Column[T]], width: int, *, wide: bool = False) -> list[Fitted[T]]:
    """Choose the columns that fit into `width` cells, by priority, and give away what is left.

    When `wide`, sentences go first (columns that grow), so that more of the short ones fit.
    """
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        expendable = max(
            kept,
            key=lambda column: (
                wide and column.grow > 0 and column.priority > 0,
                column.priority,
                kept.index(column),
            ),
        )
        if expendable.priority == 0:
            break
        kept.remove(expendable)
    spare = max(0, width - _needed(kept))
    weight = sum(column.grow for column in kept)
    fitted: list[Fitted[T]] = []
    for column in kept:
        extra = spare * column.grow // weight if weight else 0
        fitted.append(Fitted(column=column, width=column.width + extra))
    return fitted


def _needed(columns: Sequence[Column[T]]) -> int:
    return sum(column.width for column in columns) + COLUMN_GAP * (len(columns) - 1)


class RowModel(Generic[T]):
    """Rows of one table."""

    def __init__(
        self,
        columns: Sequence[Column[T]],
        *,
        search: Callable[[T], str],
        labels: Callable[[T], Mapping[str, str]] = lambda row: _NO_LABELS,
        fault: Callable[[T], bool] = lambda row: False,
        cause: Callable[[T], str] = lambda row: "",
        sort: str = "",
    ) -> None:
        self.columns = list(columns)
        self.rows: dict[str, T] = {}
        self.order: list[str] = []
        self.marks: set[str] = set()
        self.filter = Filter()
        self.faults_only = False
        self.sort_id = sort
        self.reverse = self._column(sort).descending if sort else False
        self._search, self._labels, self._fault, self._cause = search, labels, fault, cause
        self._positions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self.order)

    @property
    def tally(self) -> str:
        """How many rows there are, and how many of them are shown."""
        if self.filter or self.faults_only:
            return f"{len(self):,} of {len(self.rows):,}"
        return f"{len(self.rows):,}"

    def position(self, key: str) -> int | None:
        """Where a key stands in the order, or None when it is not shown."""
        return self._positions.get(key)

    def replace(self, rows: Mapping[str, T]) -> None:
        """Take all rows anew; marks on rows that are gone go with them."""
        self.rows = dict(rows)
        self.marks &= self.rows.keys()
        self._arrange()

    def update(self, changed: Mapping[str, T | None]) -> tuple[set[str], bool]:
        """Replace some rows; None takes one away.

        Returns:
            The keys to paint again, and whether the order changed.
        """
        dirty: set[str] = set()
        moved = False
        for key, row in changed.items():
            old = self.rows.get(key)
            if row == old:
                continue
            dirty.add(key)
            if row is None:
                del self.rows[key]
                self.marks.discard(key)
                moved = True
            else:
                self.rows[key] = row
                moved = moved or old is None or self._moves(key, old, row)
        if moved:
            self._arrange()
        return dirty, moved

    def sort_by(self, column_id: str) -> None:
        """Sort by a column; a second time turns the order round."""
        if column_id == self.sort_id:
            self.reverse = not self.reverse
        else:
            self.sort_id, self.reverse = column_id, self._column(column_id).descending
        self._arrange()

    def sort_next(self) -> None:
        """Sort by the next column that can be sorted."""
        ids = [column.id for column in self.columns if column.sort]
        if ids:
            following = (ids.index(self.sort_id) + 1) % len(ids) if self.sort_id in ids else 0
            self.sort_by(ids[following])

    def set_filter(self, wanted: Filter) -> None:
        """Show only rows that match."""
        self.filter = wanted
        self._arrange()

    def set_faults_only(self, on: bool) -> None:
        """Show only rows where something is wrong."""
        self.faults_only = on
        self._arrange()

    def mark_same(self, key: str) -> int:
        """Mark every shown row with the same cause as `key`; say how many."""
        cause = self._cause(self.rows[key])
        same = [each for each in self.order if self._cause(self.rows[each]) == cause]
        self.marks |= set(same)
        return len(same)

    def _column(self, column_id: str) -> Column[T]:
        return next(column for column in self.columns if column.id == column_id)

    def _shown(self, row: T) -> bool:
        if self.faults_only and not self._fault(row):
            return False
        return not self.filter or self.filter.matches(self._search(row), self._labels(row))

    def _moves(self, key: str, old: T, new: T) -> bool:
        if self._shown(new) != (key in self._positions):
            return True
        if not self.sort_id:
            return False
        sort = self._column(self.sort_id).sort
        return sort is not None and sort(old) != sort(new)

    def _arrange(self) -> None:
        rows = self.rows
        keys = [key for key, row in rows.items() if self._shown(row)]
        sort = self._column(self.sort_id).sort if self.sort_id else None
        if sort is not None:
            keys.sort()
            keys.sort(key=lambda key: sort(rows[key]), reverse=self.reverse)
        self.order = keys
        self._positions = {key: position for position, key in enumerate(keys)}
