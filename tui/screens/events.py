"""The audit log as a timeline: Git, clusters, gates and people, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from fleet.api.errors import ApiError
from fleet.view import EventView
from tui import messages
from tui.content.rows import Column, RowModel
from tui.content.sentences import pair
from tui.model.trends import is_error
from tui.screens.paired import PairedView
from tui.screens.table_view import TABLE_ACTIONS
from tui.text import format as fmt
from tui.text.escape import lines as safe_lines
from tui.text.format import Line, Tone

PAGE = 500


class EventsScreen(PairedView):
    """Rows of the audit log; `b` reads older ones."""

    VIEW = "events"
    TABLE = "events"
    NAME = "Events and audit"
    DETAIL = "Row"
    EMPTY = "Nothing happened yet. Commit something to the fleet repository."
    STACKED = True
    ENTITIES = ("event",)
    OFFERS = ("open", "older", *TABLE_ACTIONS[1:])

    def model(self) -> RowModel[EventView]:
        """One row for each event."""
        now = self.session.now
        columns: list[Column[EventView]] = [
            Column(
                "since",
                "time",
                11,
                lambda row: fmt.text(fmt.moment(row.at, now()), Tone.MUTED),
                sort=lambda row: row.seq,
                descending=True,
                priority=0,
            ),
            Column(
                "state",
                "what",
                18,
                lambda row: fmt.text(row.kind, Tone.BAD if is_error(row) else Tone.ACCENT),
                sort=lambda row: row.kind,
                priority=1,
            ),
            Column(
                "name",
                "where",
                16,
                lambda row: fmt.text(row.cluster or row.bundle or "-", Tone.STRONG),
                sort=lambda row: row.cluster or row.bundle,
                priority=2,
            ),
            Column(
                "sentence",
                "what happened",
                24,
                lambda row: fmt.text(row.sentence),
                grow=1,
                priority=0,
            ),
            Column(
                "actor",
                "who",
                10,
                lambda row: fmt.text(row.actor),
                sort=lambda row: row.actor,
                priority=3,
            ),
        ]
        return RowModel(
            columns,
            search=lambda row: f"{row.kind} {row.actor} {row.cluster} {row.bundle} {row.sentence}",
            fault=is_error,
            cause=lambda row: row.kind,
            sort="since",
        )

    def rows(self) -> Mapping[str, EventView]:
        """Everything kept here."""
        return {str(seq): event for seq, event in self.store.events.items()}

    def detail(self, row: EventView) -> Sequence[Line]:
        """The row with its data."""
        data = msgspec.json.format(msgspec.json.encode(row.data), indent=2).decode()
        return [
            pair("audit", ((f"#{row.seq}", Tone.STRONG),)),
            pair("at", fmt.text(row.at.strftime("%Y-%m-%d %H:%M:%SZ"))),
            pair("who", fmt.text(row.actor)),
            pair("what", fmt.text(row.kind, Tone.ACCENT)),
            pair("cluster", fmt.text(row.cluster or "-")),
            pair("bundle", fmt.text(row.bundle or "-")),
            (),
            fmt.text(row.sentence),
            (),
            *([((line, Tone.MUTED),) for line in safe_lines(data)] if row.data else []),
        ]

    def open_row(self, row: object) -> None:
        """Open the cluster or bundle it speaks of."""
        if isinstance(row, EventView):
            place = f"cluster/{row.cluster}" if row.cluster else f"bundle/{row.bundle}"
            self.post_message(messages.Open(place))

    def do_older(self) -> None:
        """Read the rows before the oldest one kept here."""
        oldest = next(iter(self.store.events), 1)
        if oldest <= 1:
            self.notify("This is where the audit log begins.", markup=False)
            return
        after = max(0, oldest - 1 - PAGE)
        self.fetch(
            "older",
            lambda: self.session.client.audit(after=after, limit=PAGE),
            show=self._add,
            fail=self._failed,
        )

    def _add(self, rows: list[EventView]) -> None:
        self.store.add_events(rows)
        self.query_one(f"#{self.TABLE}").focus()
        self.table.replace(self.rows())

    def _failed(self, error: ApiError) -> None:
        self.notify(error.message, severity="error", markup=False)
