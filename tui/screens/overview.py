"""The whole fleet on one screen: what needs a person, what moves, what is ill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from fleet.view import ClusterState, EventView, RolloutView
from tui import messages
from tui.content.columns import done_cell, need_model, stage_strip
from tui.content.rows import Column, RowModel
from tui.model.queries import group_labels, in_flight, sorted_needs
from tui.model.store import Touched
from tui.model.trends import is_error, per_bucket
from tui.screens.clusters import (
    CLUSTER_ACTIONS,
    ClusterActions,
    choose_columns,
    cluster_table,
    show_clusters,
)
from tui.screens.table_view import TABLE_ACTIONS
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.widgets.heatmap import Heatmap
from tui.widgets.painting import LinesWidget
from tui.widgets.virtual_table import VirtualTable


class OverviewScreen(ClusterActions):
    """The first screen."""

    VIEW = "fleet"
    TABLE = "worst"
    OFFERS = (
        "open",
        "approve",
        "filter",
        "regroup",
        *CLUSTER_ACTIONS,
        "reject",
        "acknowledge",
        *TABLE_ACTIONS[2:],
    )

    def body(self) -> Iterable[Widget]:
        """Needs and rollouts beside each other, the heatmap, and the worst clusters."""
        session = self.session
        needs = VirtualTable(
            need_model(session.now),
            id="needs",
            title="Needs you",
            empty="Nothing needs you.",
            header=False,
        )
        flights = VirtualTable(
            flight_model(),
            id="flights",
            title="Rollouts in flight",
            empty="No rollout is under way.",
            header=False,
        )
        needs.footnote = lambda need: need.sentence
        yield Horizontal(
            needs, Vertical(flights, TrendLines(session), id="moving"), id="overview-top"
        )
        yield Heatmap(id="heat")
        yield cluster_table(session, id="worst")

    def focus_main(self) -> None:
        """The queue has the keys when something needs a person, else the clusters."""
        needs = self.query_one("#needs", VirtualTable)
        (needs if self.store.needs else self.query_one("#worst")).focus()

    def arrived(self, touched: Touched) -> None:
        """Show what changed in each pane."""
        store = self.store
        if touched.any_of("need"):
            first = not self.query_one("#needs", VirtualTable).model.rows
            rows = {need.id: need for need in sorted_needs(store.needs.values())}
            self.query_one("#needs", VirtualTable).replace(rows)
            if first and rows and touched.all:
                self.focus_main()
        if touched.any_of("rollout"):
            flights = {rollout.id: rollout for rollout in in_flight(store)}
            self.query_one("#flights", VirtualTable).replace(flights)
        if touched.any_of("cluster"):
            heat = self.query_one(Heatmap)
            label = self.session.config.group_by if touched.all and not heat.current else heat.label
            heat.show(store.clusters.values(), label)
            show_clusters(self.query_one("#worst", VirtualTable), store.clusters, touched)
        if touched.any_of("event", "cluster"):
            self.query_one(TrendLines).refresh()

    def tick(self) -> None:
        """Time goes on in the charts, too."""
        super().tick()
        self.query_one(TrendLines).refresh()

    def configured(self) -> None:
        """Other columns, another label to group by."""
        choose_columns(self.query_one("#worst", VirtualTable), self.session)
        self.query_one(Heatmap).show(self.store.clusters.values(), self.session.config.group_by)
        super().configured()

    def subjects(self) -> list[object]:
        """What the focused pane has selected: a need, a rollout or clusters."""
        if isinstance(self.focused, Heatmap):
            return [self.focused.current] if self.focused.current else []
        return super().subjects()

    def do_regroup(self) -> None:
        """Group the heatmap by the next label."""
        heat = self.query_one(Heatmap)
        labels = group_labels(self.store.clusters.values())
        following = (labels.index(heat.label) + 1) % len(labels) if heat.label in labels else 0
        heat.show(self.store.clusters.values(), labels[following])

    def do_open(self) -> None:
        """Open what the focused pane has selected."""
        if isinstance(self.focused, Heatmap):
            self.focused.action_choose()
        else:
            super().do_open()

    @on(Heatmap.Chosen)
    def _cluster_chosen(self, event: Heatmap.Chosen) -> None:
        self.post_message(messages.Open(event.cluster))


def flight_model() -> RowModel[RolloutView]:
    """Rollouts under way: their stages in one line each."""
    columns: list[Column[RolloutView]] = [
        Column("bundle", "bundle", 10, lambda row: fmt.text(row.bundle, Tone.STRONG), priority=0),
        Column(
            "revision",
            "to",
            7,
            lambda row: fmt.text(fmt.short_revision(row.to_revision), Tone.MUTED),
            priority=3,
        ),
        Column("stages", "stages", 16, stage_strip, grow=1, priority=0),
        Column("done", "done", 7, done_cell, right=True, priority=1),
    ]
    return RowModel(columns, search=lambda row: f"{row.bundle} {row.phase} {row.subject}")


class TrendLines(LinesWidget):
    """Small charts: clusters that are ready, releases that became healthy, and errors."""

    DEFAULT_CSS = "TrendLines { height: 3; padding: 0 2; }"
    TITLE_WIDTH, COUNT_WIDTH = 10, 6

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def lines(self, width: int) -> list[Line]:
        """Ready since one is here; the others over the last hour."""
        events = self.session.store.events.values()
        healthy = [event for event in events if event.kind == "Converged"]
        errors = [event for event in events if is_error(event)]
        return [
            self._ready(width),
            self._chart("healthy/h", healthy, width=width, tone=Tone.GOOD),
            self._chart("errors/h", errors, width=width, tone=Tone.BAD),
        ]

    def _room(self, width: int) -> int:
        return max(8, width - self.TITLE_WIDTH - self.COUNT_WIDTH)

    def _ready(self, width: int) -> Line:
        clusters = self.session.store.clusters.values()
        ready = sum(cluster.state is ClusterState.READY for cluster in clusters)
        share = ready / len(clusters) if clusters else 0.0
        shares = [*self.session.trends.ready, share][-self._room(width) :]
        # With a 1 at the end the full height means all clusters, not the best moment.
        line = fmt.sparkline([*shares, 1.0], len(shares) + 1)[:-1]
        tone = Tone.GOOD if share == 1 else Tone.ACTIVE
        return self._line("ready", line, f"{share:.0%}", width=width, tone=tone)

    def _chart(self, title: str, events: Sequence[EventView], *, width: int, tone: Tone) -> Line:
        room = self._room(width)
        bucket = timedelta(hours=1) / room
        values = per_bucket(events, now=self.session.now(), bucket=bucket, buckets=room)
        total = int(sum(values))
        line = fmt.sparkline(values, room)
        return self._line(
            title, line, f"{total:,}", width=width, tone=tone if total else Tone.MUTED
        )

    def _line(self, title: str, line: str, number: str, *, width: int, tone: Tone) -> Line:
        return (
            (f"{title:<{self.TITLE_WIDTH}}", Tone.MUTED),
            (f"{line:>{self._room(width)}}", tone),
            (f"{number:>{self.COUNT_WIDTH}}", Tone.PLAIN),
        )
