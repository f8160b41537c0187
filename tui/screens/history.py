"""Commits of the fleet repository, and where each of them runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.api.errors import ApiError
from fleet.view import CommitView
from tui.content.rows import Column, RowModel
from tui.content.sentences import commit_lines
from tui.fetching import error_lines
from tui.model.queries import runs_of
from tui.model.store import Touched
from tui.screens.paired import PairedView
from tui.screens.table_view import TABLE_ACTIONS
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.widgets.lines_view import LinesView
from tui.widgets.virtual_table import VirtualTable


class HistoryScreen(PairedView):
    """The log of the repository with the fleet's state beside it."""

    VIEW = "history"
    TABLE = "history"
    NAME = "Git history"
    DETAIL = "Commit"
    EMPTY = "No commit was read yet."
    STACKED = True
    ENTITIES = ("git", "placement", "rollout")
    OFFERS = TABLE_ACTIONS[1:]

    _commits: tuple[CommitView, ...] = ()
    _runs: Mapping[str, int] = {}

    def model(self) -> RowModel[CommitView]:
        """One row for each commit."""
        now = self.session.now
        columns: list[Column[CommitView]] = [
            Column(
                "revision",
                "commit",
                9,
                lambda row: fmt.text(fmt.short_revision(row.revision), Tone.STRONG),
                priority=0,
            ),
            Column("state", "state", 12, _state, sort=lambda row: row.state, priority=1),
            Column(
                "runs",
                "runs",
                5,
                self._runs_cell,
                sort=lambda row: self._runs.get(row.revision, 0),
                descending=True,
                right=True,
                priority=2,
            ),
            Column(
                "name",
                "subject",
                20,
                lambda row: fmt.text(row.subject),
                sort=lambda row: row.subject,
                grow=1,
                priority=0,
            ),
            Column(
                "author",
                "author",
                8,
                lambda row: fmt.text(row.author),
                sort=lambda row: row.author,
                priority=3,
            ),
            Column(
                "since",
                "age",
                4,
                lambda row: fmt.text(fmt.age(row.at, now()), Tone.MUTED),
                sort=lambda row: row.at,
                descending=True,
                right=True,
                priority=4,
            ),
        ]
        return RowModel(
            columns,
            search=lambda row: f"{row.revision} {row.subject} {row.author} {row.state}",
            fault=lambda row: row.state == "refused",
        )

    def arrived(self, touched: Touched) -> None:
        """Read the log again when the repository moved; count again when clusters did."""
        if touched.any_of("git"):
            self.fetch("history", self.session.client.history, show=self._show, fail=self._failed)
        if touched.any_of("placement"):
            self._runs = runs_of(self.store.placements.values())
        super().arrived(touched)

    def _show(self, commits: list[CommitView]) -> None:
        self._commits = tuple(commits)
        self.query_one(f"#{self.TABLE}", VirtualTable).replace(self.rows())
        self.show_detail()

    def _failed(self, error: ApiError) -> None:
        self.query_one("#detail", LinesView).show(error_lines(error))

    def rows(self) -> Mapping[str, CommitView]:
        """The commits, newest first."""
        return {commit.revision: commit for commit in self._commits}

    def detail(self, row: CommitView) -> Sequence[Line]:
        """The commit and where it runs."""
        return commit_lines(row, self.store, self.session.now())

    def open_row(self, row: object) -> None:
        """The pane beside it says everything."""

    def _runs_cell(self, row: CommitView) -> Line:
        number = self._runs.get(row.revision, 0)
        return ((str(number) if number else "-", Tone.PLAIN if number else Tone.MUTED),)


def _state(row: CommitView) -> Line:
    return fmt.marked(fmt.COMMIT_GLYPHS, row.state) if row.state else (("-", Tone.MUTED),)
