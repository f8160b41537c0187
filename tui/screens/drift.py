"""The drift inbox: what somebody changed by hand, identical changes as one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from textual.containers import Horizontal
from textual.widget import Widget

from fleet.api.errors import ApiError
from fleet.view import DriftView, ObjectDetail, ObjectView
from tui import format as fmt
from tui import messages
from tui.diffing import diff_lines
from tui.fetching import error_lines
from tui.format import Line, Tone
from tui.queries import DriftGroup, drift_groups
from tui.rows import Column, RowModel
from tui.screens.paired import PairedView
from tui.screens.table_view import TABLE_ACTIONS
from tui.sentences import drift_lines
from tui.widgets.painting import LinesView
from tui.widgets.virtual_table import VirtualTable

_COLUMNS: list[Column[DriftGroup]] = [
    Column(
        "state",
        "state",
        14,
        lambda row: fmt.marked(fmt.DRIFT_GLYPHS, row.states),
        sort=lambda row: row.states,
        priority=0,
    ),
    Column(
        "name",
        "object",
        22,
        lambda row: fmt.text(f"{row.first.kind}/{row.first.name}", Tone.STRONG),
        sort=lambda row: f"{row.first.kind}/{row.first.name}",
        priority=0,
    ),
    Column(
        "clusters",
        "clusters",
        8,
        lambda row: ((str(len(row.drifts)), Tone.PLAIN),),
        sort=lambda row: len(row.drifts),
        descending=True,
        right=True,
        priority=1,
    ),
    Column(
        "bundle",
        "bundle",
        12,
        lambda row: fmt.text(row.first.bundle),
        sort=lambda row: row.first.bundle,
        priority=5,
    ),
    Column(
        "what",
        "what",
        24,
        lambda row: fmt.text(", ".join(row.first.paths) or "object is gone", Tone.WARN),
        grow=2,
        priority=2,
    ),
    Column(
        "who",
        "who",
        14,
        lambda row: fmt.text(row.first.who),
        sort=lambda row: row.first.who,
        grow=1,
        priority=3,
    ),
    Column(
        "policy",
        "policy",
        7,
        lambda row: fmt.text(row.first.policy, Tone.MUTED),
        priority=6,
    ),
]


class DriftScreen(PairedView):
    """Groups of drift, and the difference of one of them."""

    VIEW = "drift"
    TABLE = "drift"
    NAME = "Drift"
    EMPTY = "No drift: every object is as it was applied."
    ENTITIES = ("drift",)
    OFFERS = ("open", "sync", "acknowledge", "diff", *TABLE_ACTIONS[1:])

    def body(self) -> Iterable[Widget]:
        """The table; below it words about the group, and the difference."""
        table: VirtualTable[DriftGroup] = VirtualTable(
            self.model(), id=self.TABLE, title=self.NAME, empty=self.EMPTY
        )
        words, diff = LinesView(id="detail", wrap=True), LinesView(id="diff")
        words.border_title, diff.border_title = "One change", "Live beside desired"
        yield table
        yield Horizontal(words, diff, classes="paired", id="drift-panes")

    def model(self) -> RowModel[DriftGroup]:
        """One row for each change."""
        now = self.session.now
        columns: list[Column[DriftGroup]] = [
            *_COLUMNS,
            Column(
                "since",
                "age",
                4,
                lambda row: fmt.text(fmt.age(row.seen_at, now()), Tone.MUTED),
                sort=lambda row: row.seen_at,
                descending=True,
                right=True,
                priority=4,
            ),
        ]
        return RowModel(
            columns,
            search=_text,
            fault=lambda row: row.states in {"open", "fighting"},
            cause=lambda row: f"{row.first.kind}|{row.first.paths}|{row.first.who}",
        )

    def rows(self) -> Mapping[str, DriftGroup]:
        """Groups of identical changes."""
        return {group.key: group for group in drift_groups(self.store.drift.values())}

    def detail(self, row: DriftGroup) -> Sequence[Line]:
        """Words about the group."""
        return drift_lines(row, self.session.now())

    def show_detail(self, *, keep_place: bool = True) -> None:
        """A new row begins without a difference: `d`, or a moment's rest, reads it."""
        if not keep_place:
            self.query_one("#diff", LinesView).show(())
            self.set_timer(0.15, self.do_diff, name="diff")
        super().show_detail(keep_place=keep_place)

    def do_diff(self) -> None:
        """Read the difference of one of the group from its cluster."""
        group = self.table.current if self.is_built else None
        if not isinstance(group, DriftGroup):
            return
        drift = group.first
        self.fetch(
            "diff",
            lambda: self.session.client.object(drift.cluster, object_of(drift)),
            show=self._show_diff,
            fail=self._show_failure,
        )

    def _show_diff(self, detail: ObjectDetail) -> None:
        where = fmt.text(f"On {detail.cluster}", Tone.MUTED)
        self.query_one("#diff", LinesView).show([where, *diff_lines(detail)], keep_place=False)

    def _show_failure(self, error: ApiError) -> None:
        self.query_one("#diff", LinesView).show(error_lines(error))

    def open_row(self, row: object) -> None:
        """Open the first cluster of the group at the object."""
        if isinstance(row, DriftGroup):
            self.post_message(messages.Open(row.first))


def object_of(drift: DriftView) -> ObjectView:
    """The object that drifted, as far as the drift names it."""
    return ObjectView(
        bundle=drift.bundle,
        group=drift.group,
        kind=drift.kind,
        namespace=drift.namespace,
        name=drift.name,
        health="Unknown",
        drifted=True,
    )


def _text(row: DriftGroup) -> str:
    first = row.first
    clusters = " ".join(drift.cluster for drift in row.drifts)
    paths = " ".join(first.paths)
    return f"{first.kind}/{first.name} {first.bundle} {first.who} {paths} {row.states} {clusters}"
