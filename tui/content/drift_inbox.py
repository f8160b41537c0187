"""The drift inbox as rows: drift in groups that can be folded, grouped by what one looks for.

Pure.  The filter looks at single drifts: a group shows what is left of it, and goes with its last.
A group of one stands for itself and has nothing to unfold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet.view import DriftView
from tui.content.rows import Column, RowModel
from tui.text import format as fmt
from tui.text.format import Line, Tone

_URGENCY = {"fighting": 0, "open": 1, "acknowledged": 2, "corrected": 3}
_UNKNOWN_URGENCY = 0


class Grouping(StrEnum):
    """What the drifts of one group have in common."""

    CHANGE = "change"
    CLUSTER = "cluster"
    BUNDLE = "bundle"
    MANAGER = "manager"

    @property
    def following(self) -> Grouping:
        """The next one, round the end."""
        every = list(Grouping)
        return every[(every.index(self) + 1) % len(every)]

    def of(self, drift: DriftView) -> str:
        """What `drift` has in common with others of its group."""
        match self:
            case Grouping.CHANGE:
                return drift.same_as or drift.id
            case Grouping.CLUSTER:
                return drift.cluster
            case Grouping.BUNDLE:
                return drift.bundle
            case Grouping.MANAGER:
                return drift.who


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftGroup:
    """Drifts that have something in common; by `CHANGE`, the same change on several clusters."""

    key: str
    drifts: Sequence[DriftView]
    grouping: Grouping = Grouping.CHANGE

    @property
    def first(self) -> DriftView:
        """One that stands for all."""
        return self.drifts[0]

    @property
    def seen_at(self) -> datetime:
        """When it was first seen anywhere."""
        return min(drift.seen_at for drift in self.drifts)

    @property
    def clusters(self) -> list[str]:
        """Names of the clusters, each once."""
        return sorted({drift.cluster for drift in self.drifts})

    @property
    def states(self) -> str:
        """The state all share, or how the worst of them is."""
        states = {drift.state for drift in self.drifts}
        if len(states) == 1:
            return next(iter(states))
        return "fighting" if "fighting" in states else "open"

    @property
    def title(self) -> str:
        """What the group is called."""
        match self.grouping:
            case Grouping.CHANGE:
                return object_name(self.first)
            case _:
                return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """A line of the inbox: a group (`drift` is None), or one of its members below it."""

    group: DriftGroup
    drift: DriftView | None = None
    is_open: bool = False
    is_last: bool = False

    @property
    def key(self) -> str:
        """Names the row; those of members sort after their group's and before the next one's."""
        return self.group.key if self.drift is None else f"{self.group.key}\0{self.drift.id}"

    @property
    def drifts(self) -> Sequence[DriftView]:
        """What an action on this row is meant for."""
        return self.group.drifts if self.drift is None else (self.drift,)

    @property
    def one(self) -> DriftView | None:
        """The only drift this row stands for, or None when there are several."""
        return self.drifts[0] if len(self.drifts) == 1 else None


def object_name(drift: DriftView) -> str:
    """`Kind/name` of the object that drifted."""
    return f"{drift.kind}/{drift.name}"


def fields_of(drift: DriftView) -> str:
    """The fields that differ, in one line."""
    return ", ".join(drift.paths) or "object is gone"


def urgency(group: DriftGroup) -> tuple[int, float]:
    """Open before settled, newest first; a state nobody knows counts as urgent."""
    return _URGENCY.get(group.states, _UNKNOWN_URGENCY), -group.seen_at.timestamp()


def drift_groups(
    drifts: Iterable[DriftView], grouping: Grouping = Grouping.CHANGE
) -> list[DriftGroup]:
    """Group drifts; what is open and newest comes first."""
    groups: dict[str, list[DriftView]] = {}
    for drift in drifts:
        groups.setdefault(grouping.of(drift), []).append(drift)
    made = [
        DriftGroup(
            key=key,
            drifts=sorted(rows, key=lambda each: (each.cluster, each.bundle, each.id)),
            grouping=grouping,
        )
        for key, rows in groups.items()
    ]
    return sorted(made, key=urgency)


def drift_rows(groups: Iterable[DriftGroup], *, opened: set[str]) -> list[DriftRow]:
    """Rows from top to bottom; `opened` are keys of groups whose members are shown."""
    rows: list[DriftRow] = []
    for group in groups:
        is_open = group.key in opened and len(group.drifts) > 1
        rows.append(DriftRow(group=group, is_open=is_open))
        if is_open:
            last = len(group.drifts) - 1
            rows += [
                DriftRow(group=group, drift=drift, is_last=position == last)
                for position, drift in enumerate(group.drifts)
            ]
    return rows


class InboxModel(RowModel[DriftRow]):
    """The inbox's rows: given drifts, it groups, filters and folds them itself."""

    def __init__(self, columns: Sequence[Column[DriftRow]]) -> None:
        super().__init__(columns, search=lambda row: "", cause=_cause)
        self.grouping = Grouping.CHANGE
        self.opened: set[str] = set()
        self._drifts: Sequence[DriftView] = ()
        self._groups = 0

    def take(self, drifts: Mapping[str, DriftView]) -> None:
        """Take all drifts anew."""
        self._drifts = list(drifts.values())
        self._arrange()

    def group_by(self, grouping: Grouping) -> None:
        """Group by something else; everything is folded again, and marks are gone."""
        self.grouping = grouping
        self.opened.clear()
        self.marks.clear()
        self._arrange()

    def fold(self, key: str, *, closed: bool) -> None:
        """Close or open a group."""
        if closed:
            self.opened.discard(key)
        else:
            self.opened.add(key)
        self._arrange()

    @property
    def tally(self) -> str:
        """How many of what is shown."""
        shown = [row for row in self.rows.values() if row.drift is None]
        drifts = sum(len(row.group.drifts) for row in shown)
        groups = fmt.count(len(shown), self.grouping)
        objects = fmt.count(drifts, "object")
        return f"{groups} · {objects}" + (
            f" of {len(self._drifts):,}" if drifts < len(self._drifts) else ""
        )

    def _wanted(self, drift: DriftView) -> bool:
        if self.faults_only and drift.state not in {"open", "fighting"}:
            return False
        return not self.filter or self.filter.matches(_text(drift), {"cluster": drift.cluster})

    def _shown(self, row: DriftRow) -> bool:
        return True  # what is not wanted is no row at all

    def _arrange(self) -> None:
        groups = drift_groups(filter(self._wanted, self._drifts), self.grouping)
        self.rows = {row.key: row for row in drift_rows(groups, opened=self.opened)}
        self.marks &= self.rows.keys()
        super()._arrange()


def _text(drift: DriftView) -> str:
    paths = " ".join(drift.paths)
    return (
        f"{object_name(drift)} {drift.namespace} {drift.bundle} {drift.who} {paths} {drift.state} "
        f"{drift.cluster} {drift.policy}"
    )


def _cause(row: DriftRow) -> str:
    first = row.drifts[0]
    return f"{first.kind}|{first.paths}|{first.who}"


def name_cell(row: DriftRow) -> Line:
    """The row's name, with the lines of the tree."""
    if row.drift is None:
        fold = "▾ " if row.is_open else "▸ " if len(row.group.drifts) > 1 else "  "
        return ((fold, Tone.MUTED), *fmt.text(row.group.title, Tone.STRONG))
    branch = "  └ " if row.is_last else "  ├ "
    by_cluster = row.group.grouping is not Grouping.CHANGE
    name = object_name(row.drift) if by_cluster else row.drift.cluster
    return ((branch, Tone.MUTED), *fmt.text(name))


def where_cell(row: DriftRow) -> Line:
    """The cluster, or how many; a member says it where its name does not."""
    clusters = {drift.cluster for drift in row.drifts}
    if row.drift is not None and row.group.grouping is Grouping.CHANGE:
        return ()
    if len(clusters) == 1:
        return fmt.text(row.drifts[0].cluster)
    return ((fmt.count(len(clusters), "cluster"), Tone.PLAIN),)


def what_cell(row: DriftRow) -> Line:
    """The fields; for different changes, how many."""
    changes = {(object_name(drift), tuple(drift.paths)) for drift in row.drifts}
    if len(changes) == 1:
        return fmt.text(_change(row, row.drifts[0]), Tone.WARN)
    return ((fmt.count(len(changes), "change"), Tone.WARN),)


def _change(row: DriftRow, drift: DriftView) -> str:
    named = row.group.grouping is Grouping.CHANGE or row.drift is not None
    return fields_of(drift) if named else f"{object_name(drift)} {fields_of(drift)}"


def who_cell(row: DriftRow) -> Line:
    """Who holds the fields now; several people are counted."""
    return shared(row, lambda drift: drift.who, "people")


def shared(row: DriftRow, of: Callable[[DriftView], str], many: str) -> Line:
    """A value all drifts of a row share, or how many different ones there are."""
    values = {of(drift) for drift in row.drifts}
    if len(values) == 1:
        return fmt.text(next(iter(values)))
    return ((f"{len(values)} {many}", Tone.PLAIN),)
