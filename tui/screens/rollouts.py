"""Releases on their way, and those that are through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.view import RolloutView
from tui.content.columns import done_cell, stage_strip
from tui.content.rows import Column, RowModel
from tui.content.sentences import rollout_lines
from tui.model.queries import is_finished, needs_of_rollout
from tui.screens.paired import PairedView
from tui.screens.table_view import TABLE_ACTIONS
from tui.text import format as fmt
from tui.text.format import Line, Tone

ROLLOUT_ACTIONS = ("approve", "reject", "promote", "suspend", "retry", "rollback", "release_hold")


def _target(row: RolloutView) -> Line:
    return fmt.text(fmt.short_revision(row.to_revision), Tone.MUTED)


_COLUMNS: list[Column[RolloutView]] = [
    Column(
        "state",
        "phase",
        12,
        lambda row: fmt.marked(fmt.PROGRESS_GLYPHS, row.phase),
        sort=lambda row: row.phase,
        priority=0,
    ),
    Column(
        "name",
        "bundle",
        14,
        lambda row: fmt.text(row.bundle, Tone.STRONG),
        sort=lambda row: row.bundle,
        priority=0,
    ),
    Column("revision", "to", 7, _target, priority=2),
    Column("done", "done", 7, done_cell, right=True, priority=3),
    Column("stages", "stages", 14, stage_strip, grow=2, priority=1),
    Column(
        "author",
        "author",
        8,
        lambda row: fmt.text(row.author),
        sort=lambda row: row.author,
        priority=5,
    ),
]


class RolloutsScreen(PairedView):
    """All rollouts, unfinished ones first."""

    VIEW = "rollouts"
    TABLE = "rollouts"
    NAME = "Rollouts"
    DETAIL = "Why it is where it is"
    EMPTY = "No rollout yet: the first commit that changes a bundle starts one."
    ENTITIES = ("rollout", "need")
    OFFERS = ("open", *ROLLOUT_ACTIONS, *TABLE_ACTIONS[1:])

    def model(self) -> RowModel[RolloutView]:
        """One row for each rollout."""
        now = self.session.now
        columns: list[Column[RolloutView]] = [
            *_COLUMNS,
            Column(
                "since",
                "age",
                4,
                lambda row: fmt.text(fmt.age(row.started_at, now()), Tone.MUTED),
                sort=lambda row: row.started_at,
                descending=True,
                right=True,
                priority=4,
            ),
        ]
        return RowModel(
            columns,
            search=lambda row: f"{row.id} {row.bundle} {row.phase} {row.subject} {row.author}",
            fault=lambda row: not is_finished(row),
            cause=lambda row: row.phase,
        )

    def rows(self) -> Mapping[str, RolloutView]:
        """Unfinished first, each part newest first."""
        ordered = sorted(
            self.store.rollouts.values(),
            key=lambda row: (is_finished(row), -row.started_at.timestamp()),
        )
        return {row.id: row for row in ordered}

    def detail(self, row: RolloutView) -> Sequence[Line]:
        """Subject, then why it is where it is."""
        by = f" by {row.author}"
        return [
            (*fmt.text(row.subject, Tone.STRONG), *fmt.text(by, Tone.MUTED)),
            (),
            *rollout_lines(row, self.session.now(), needs=needs_of_rollout(self.store, row.id)),
        ]

    def tick(self) -> None:
        """Countdowns move on."""
        super().tick()
        self.show_detail()
