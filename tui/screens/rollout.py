"""One rollout: its stages, the gates with their countdowns, its clusters, what happened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from fleet.api.errors import ApiError
from fleet.view import RolloutView
from tui import messages
from tui.content.rows import Column, RowModel
from tui.content.sentences import rollout_lines, timeline, why_lines
from tui.fetching import error_lines
from tui.model.queries import is_finished, needs_of_rollout
from tui.model.store import Touched
from tui.orders.plans import RolloutCluster
from tui.screens.rollouts import ROLLOUT_ACTIONS
from tui.screens.table_view import TABLE_ACTIONS, TableView
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.widgets.lines_view import LinesView
from tui.widgets.painting import LinesWidget
from tui.widgets.stages import Stages
from tui.widgets.virtual_table import VirtualTable

TIMELINE_ROWS = 100
_FAULTS = frozenset({"needshuman", "failed", "timedout", "rollingback", "deferred"})
_STATE_ORDER = (
    "needshuman",
    "failed",
    "timedout",
    "rollingback",
    "applying",
    "verifying",
    "soaking",
    "deferred",
    "blocked",
    "pending",
)


class RolloutScreen(TableView):
    """The pipeline of one release."""

    VIEW = "rollouts"
    TABLE = "members"
    OFFERS = (*ROLLOUT_ACTIONS[:4], "skip", *ROLLOUT_ACTIONS[4:], "why", *TABLE_ACTIONS)

    def __init__(self, session: Session, rollout: RolloutView) -> None:
        super().__init__(session, crumbs=("Rollouts", rollout.id))
        self._rollout_id = rollout.id
        self._last = rollout
        self._why: Sequence[Line] = ()

    @property
    def rollout(self) -> RolloutView:
        """The newest state known; kept when the server forgets the rollout."""
        self._last = self.store.rollouts.get(self._rollout_id, self._last)
        return self._last

    def body(self) -> Iterable[Widget]:
        """Head, pipeline, then gates beside clusters and the timeline."""
        gates = LinesView(id="gates", wrap=True)
        gates.border_title = "Gates and changes"
        members = VirtualTable(
            member_model(self.session), id="members", title="Clusters", empty="No cluster yet."
        )
        events = LinesView(id="timeline")
        events.border_title = "Timeline"
        yield RolloutHead(self)
        yield Stages(self.session.now)
        yield Horizontal(gates, Vertical(members, events), classes="paired", id="rollout-panes")

    def arrived(self, touched: Touched) -> None:
        """Show the rollout's newest state."""
        if touched.any_of("rollout"):
            rollout = self.rollout
            self.query_one(Stages).show(rollout)
            rows = {
                each.name: RolloutCluster(
                    rollout=rollout,
                    name=each.name,
                    stage=each.stage,
                    state=each.state,
                    since=each.since,
                    note=each.note,
                )
                for each in rollout.clusters
            }
            self.query_one("#members", VirtualTable).replace(rows)
            self._show_gates()
        elif touched.any_of("need"):
            self._show_gates()
        if touched.any_of("event", "rollout"):
            self._show_timeline()

    def _show_gates(self) -> None:
        needs = needs_of_rollout(self.store, self._rollout_id)
        lines = [*rollout_lines(self.rollout, self.session.now(), needs=needs)]
        if self._why:
            lines += [(), *self._why]
        self.query_one("#gates", LinesView).show(lines)

    def _show_timeline(self) -> None:
        rollout = self.rollout
        rows = [
            event
            for event in self.store.events.values()
            if event.at >= rollout.started_at
            and (event.bundle == rollout.bundle or f"rollout {rollout.id}" in event.sentence)
        ]
        lines = timeline(rows[-TIMELINE_ROWS:], self.session.now(), empty="Nothing happened yet.")
        self.query_one("#timeline", LinesView).show(lines)

    def tick(self) -> None:
        """Countdowns move on."""
        super().tick()
        if self.store.loaded:
            self._show_gates()
        self.query_one(RolloutHead).refresh()
        self.query_one(Stages).refresh()

    def subjects(self) -> list[object]:
        """Marked clusters; else the cluster under the cursor, which stands for its rollout too."""
        chosen = super().subjects()
        return chosen or [self.rollout]

    def open_row(self, row: object) -> None:
        """The cluster."""
        if isinstance(row, RolloutCluster):
            self.post_message(messages.Open(f"cluster/{row.name}"))

    def do_why(self) -> None:
        """Ask the server."""
        self.fetch(
            "why",
            lambda: self.session.client.why(f"rollout/{self._rollout_id}"),
            show=self._show_why,
            fail=self._show_failure,
        )

    def _show_why(self, sentences: Sequence[str]) -> None:
        self._why = [(("The server says", Tone.MUTED),), *why_lines(sentences)]
        self._show_gates()
        self.query_one("#gates", LinesView).scroll_end(animate=False)

    def _show_failure(self, error: ApiError) -> None:
        self._why = error_lines(error)
        self._show_gates()


def member_model(session: Session) -> RowModel[RolloutCluster]:
    """Clusters of one rollout in the order they were planned."""
    columns: list[Column[RolloutCluster]] = [
        Column(
            "state",
            "state",
            13,
            lambda row: fmt.marked(fmt.PROGRESS_GLYPHS, row.state),
            sort=lambda row: _urgency(row.state),
            priority=0,
        ),
        Column(
            "stage",
            "stage",
            9,
            lambda row: fmt.text(row.stage, Tone.MUTED),
            sort=lambda row: row.stage,
            priority=2,
        ),
        Column(
            "name",
            "cluster",
            18,
            lambda row: fmt.text(row.name, Tone.STRONG),
            sort=lambda row: row.name,
            priority=0,
        ),
        Column(
            "since",
            "for",
            4,
            lambda row: fmt.text(fmt.age(row.since, session.now()), Tone.MUTED),
            right=True,
            priority=3,
        ),
        Column("note", "note", 8, lambda row: fmt.text(row.note), grow=1, priority=1),
    ]
    return RowModel(
        columns,
        search=lambda row: f"{row.name} {row.stage} {row.state} {row.note}",
        fault=lambda row: row.state.lower() in _FAULTS,
        cause=lambda row: f"{row.state}|{row.note}",
    )


def _urgency(state: str) -> int:
    word = state.lower()
    return _STATE_ORDER.index(word) if word in _STATE_ORDER else len(_STATE_ORDER)


class RolloutHead(LinesWidget):
    """What is rolled out, by whom, and how far it is over time."""

    DEFAULT_CSS = "RolloutHead { height: 2; padding: 0 2; }"

    def __init__(self, screen: RolloutScreen) -> None:
        super().__init__()
        self._screen = screen

    def lines(self, width: int) -> list[Line]:
        """Two lines: what, and how far."""
        rollout = self._screen.rollout
        now = self._screen.session.now()
        old, new = (
            fmt.short_revision(rollout.from_revision),
            fmt.short_revision(rollout.to_revision),
        )
        done = sum(stage.good + stage.unchanged for stage in rollout.stages)
        total = sum(stage.total for stage in rollout.stages)
        ended = rollout.finished_at if is_finished(rollout) and rollout.finished_at else now
        return [
            (
                *fmt.text(rollout.bundle, Tone.STRONG),
                (f"  {old} → {new}  ", Tone.ACCENT),
                *fmt.text(f"{rollout.subject} by {rollout.author}"),
                *fmt.text(f"  strategy {rollout.strategy}", Tone.MUTED),
            ),
            (
                *fmt.marked(fmt.PROGRESS_GLYPHS, rollout.phase),
                (f"  {done} of {total} clusters  ", Tone.PLAIN),
                (f"{fmt.duration(ended - rollout.started_at)}", Tone.MUTED),
                *fmt.text(f"  plan {rollout.plan_hash[:10]}", Tone.MUTED),
            ),
        ]
