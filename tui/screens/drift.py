"""The drift inbox: what somebody changed by hand, grouped by what one looks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import cast

from textual.containers import Horizontal
from textual.widget import Widget

from fleet.api.errors import ApiError
from fleet.view import DriftView, ObjectDetail, ObjectView
from tui import messages
from tui.content.drift_inbox import (
    DriftGroup,
    DriftRow,
    InboxModel,
    name_cell,
    shared,
    urgency,
    what_cell,
    where_cell,
    who_cell,
)
from tui.content.filtering import parse_filter
from tui.content.rows import Column
from tui.content.sentences import drift_lines
from tui.fetching import error_lines
from tui.model.store import Touched
from tui.screens.paired import PairedView
from tui.screens.table_view import TABLE_ACTIONS
from tui.session import Session
from tui.text import format as fmt
from tui.text.diffing import diff_lines
from tui.text.format import Line, Tone
from tui.widgets.lines_view import LinesView
from tui.widgets.virtual_table import VirtualTable

DIFF_REST_S = 0.15
"""The cursor rests so long on a row before its difference is read."""


def inbox_columns(session: Session) -> list[Column[DriftRow]]:
    """Columns of the inbox; they sort by groups, so that members stay with theirs."""
    now = session.now
    return [
        Column(
            "state",
            "state",
            12,
            lambda row: fmt.marked(fmt.DRIFT_GLYPHS, _state(row)),
            sort=lambda row: urgency(row.group)[0],
            priority=0,
        ),
        Column("name", "what", 20, name_cell, sort=lambda row: row.group.title, grow=1, priority=0),
        Column(
            "clusters",
            "on",
            12,
            where_cell,
            sort=lambda row: len(row.group.clusters),
            descending=True,
            priority=1,
        ),
        Column("change", "changed", 20, what_cell, grow=2, priority=2),
        Column("who", "who", 14, who_cell, grow=1, priority=3),
        Column(
            "bundle",
            "bundle",
            12,
            lambda row: shared(row, lambda drift: drift.bundle, "bundles"),
            sort=lambda row: row.group.first.bundle,
            priority=5,
        ),
        Column(
            "policy",
            "policy",
            7,
            lambda row: shared(row, lambda drift: drift.policy, "kinds"),
            priority=6,
        ),
        Column(
            "since",
            "age",
            4,
            lambda row: fmt.text(fmt.age(_seen(row), now()), Tone.MUTED),
            sort=lambda row: row.group.seen_at,
            descending=True,
            right=True,
            priority=4,
        ),
    ]


def _state(row: DriftRow) -> str:
    return row.drift.state if row.drift is not None else row.group.states


def _seen(row: DriftRow) -> datetime:
    return row.drift.seen_at if row.drift is not None else row.group.seen_at


class DriftScreen(PairedView):
    """Groups of drift, and the difference of what is under the cursor."""

    VIEW = "drift"
    TABLE = "drift"
    EMPTY = "No drift: every object is as it was applied."
    OFFERS = ("open", "sync", "acknowledge", "diff", "regroup", "k9s", *TABLE_ACTIONS[1:])

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._bindings.bind("left", "fold(True)", show=False)
        self._bindings.bind("right", "fold(False)", show=False)

    def body(self) -> Iterable[Widget]:
        """The table; below it words about the row, and the difference."""
        table = VirtualTable(
            InboxModel(inbox_columns(self.session)), id=self.TABLE, title="Drift", empty=self.EMPTY
        )
        words, diff = LinesView(id="detail", wrap=True), LinesView(id="diff")
        words.border_title, diff.border_title = "What happened", "Live beside desired"
        yield table
        yield Horizontal(words, diff, classes="paired", id="drift-panes")

    @property
    def inbox(self) -> InboxModel:
        """The table's rows."""
        return cast(InboxModel, self.query_one("#drift", VirtualTable).model)

    def arrived(self, touched: Touched) -> None:
        """Group again when drift came or went."""
        if touched.any_of("drift"):
            self.inbox.take(self.store.drift)
            self._rearranged()
            row = self.query_one("#drift", VirtualTable).current
            if isinstance(row, DriftRow) and row.drifts[0].id in touched.of("drift"):
                self.do_diff()

    def _rearranged(self) -> None:
        self.query_one("#drift", VirtualTable).rows_changed()
        self.show_detail()

    def filter_by(self, text: str) -> None:
        """Filter drifts; groups show what is left of them."""
        self.inbox.set_filter(parse_filter(text))
        self._rearranged()
        self.refresh_bars()

    def do_faults(self) -> None:
        """Show only what is open, or everything again."""
        self.inbox.set_faults_only(not self.inbox.faults_only)
        self._rearranged()

    def do_regroup(self) -> None:
        """Group by the change, the cluster, the bundle, or who did it."""
        inbox = self.inbox
        inbox.group_by(inbox.grouping.following)
        table = self.query_one("#drift", VirtualTable)
        table.set_title(f"Drift by {inbox.grouping}")
        self._rearranged()
        table.action_move_to(0)

    def action_fold(self, closed: bool) -> None:
        """Close or open the group of the row under the cursor."""
        row = self.table.current
        if isinstance(row, DriftRow) and len(row.group.drifts) > 1:
            self.inbox.fold(row.group.key, closed=closed)
            self._rearranged()
            if closed:
                self.table.move_to_key(row.group.key)

    def detail(self, row: DriftRow) -> Sequence[Line]:
        """Words about the group, or one of it."""
        group = row.group
        if row.drift is not None:
            group = DriftGroup(key=group.key, drifts=(row.drift,), grouping=group.grouping)
        return drift_lines(group, self.session.now())

    def show_detail(self, *, keep_place: bool = True) -> None:
        """A new row begins without a difference: `d`, or a moment's rest, reads it."""
        if not keep_place:
            self.query_one("#diff", LinesView).show(())
            self.set_timer(DIFF_REST_S, self.do_diff, name="diff")
        super().show_detail(keep_place=keep_place)

    def do_diff(self) -> None:
        """Read the difference of one of the group from its cluster."""
        row = self.table.current if self.is_built else None
        if not isinstance(row, DriftRow):
            return
        drift = row.drifts[0]
        self.fetch(
            "diff",
            lambda: _difference(self.session.client.object(drift.cluster, object_of(drift))),
            show=self._show_diff,
            fail=self._show_failure,
        )

    def _show_diff(self, lines: Sequence[Line]) -> None:
        self.query_one("#diff", LinesView).show(lines, keep_place=False)

    def _show_failure(self, error: ApiError) -> None:
        self.query_one("#diff", LinesView).show(error_lines(error))

    def subjects(self) -> list[object]:
        """Whole groups, and single drifts whose group is not selected as a whole."""
        rows = [row for row in super().subjects() if isinstance(row, DriftRow)]
        whole = {row.group.key for row in rows if row.drift is None}
        return [
            row.one or row.group for row in rows if row.drift is None or row.group.key not in whole
        ]

    def open_row(self, row: object) -> None:
        """Unfold a group; open a single drift on its cluster, at the object."""
        if not isinstance(row, DriftRow):
            return
        if row.one is None:
            self.action_fold(row.is_open)
        else:
            self.post_message(messages.Open(row.one))

    def do_k9s(self) -> None:
        """Hand over to k9s on the cluster of the row."""
        row = self.table.current
        if isinstance(row, DriftRow):
            self.post_message(messages.OpenK9s(row.drifts[0].cluster))


def _difference(detail: ObjectDetail) -> list[Line]:
    return [fmt.text(f"On {detail.cluster}", Tone.MUTED), *diff_lines(detail)]


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
