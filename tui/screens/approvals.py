"""Gates that wait for a person: what would be let through, and who agreed already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tui import messages
from tui.content.rows import Column, RowModel
from tui.content.sentences import approval_lines
from tui.model.queries import Approval, approvals
from tui.screens.paired import PairedView
from tui.screens.table_view import TABLE_ACTIONS
from tui.text import format as fmt
from tui.text.format import Line, Tone


def _given(row: Approval) -> Line:
    return (("◆ ", Tone.ASK), (f"{len(row.gate.approvals)}/{row.gate.approvals_needed}", Tone.ASK))


_COLUMNS: list[Column[Approval]] = [
    Column("state", "given", 8, _given, sort=lambda row: row.missing, priority=0),
    Column(
        "name",
        "bundle",
        14,
        lambda row: fmt.text(row.rollout.bundle, Tone.STRONG),
        sort=lambda row: row.rollout.bundle,
        priority=0,
    ),
    Column(
        "stage",
        "stage",
        10,
        lambda row: fmt.text(row.stage.name),
        sort=lambda row: row.stage.name,
        priority=0,
    ),
    Column(
        "clusters",
        "clusters",
        8,
        lambda row: ((str(row.stage.total), Tone.PLAIN),),
        sort=lambda row: row.stage.total,
        right=True,
        priority=3,
    ),
]


class ApprovalsScreen(PairedView):
    """Approvals of all rollouts."""

    VIEW = "approvals"
    TABLE = "approvals"
    NAME = "Approvals"
    DETAIL = "What you would let through"
    EMPTY = "Nothing waits for approval. Gates of kind approval appear here when they are reached."
    ENTITIES = ("rollout",)
    OFFERS = ("approve", "reject", "suspend", "why", *TABLE_ACTIONS)

    def model(self) -> RowModel[Approval]:
        """One row for each gate."""
        now = self.session.now
        columns: list[Column[Approval]] = [
            *_COLUMNS,
            Column(
                "since",
                "age",
                4,
                lambda row: fmt.text(fmt.age(row.rollout.started_at, now()), Tone.MUTED),
                sort=lambda row: row.rollout.started_at,
                right=True,
                priority=2,
            ),
            Column(
                "author", "author", 8, lambda row: fmt.text(row.rollout.author), grow=1, priority=4
            ),
        ]
        return RowModel(
            columns,
            search=lambda row: f"{row.rollout.bundle} {row.stage.name} {row.rollout.author}",
            cause=lambda row: row.stage.name,
        )

    def rows(self) -> Mapping[str, Approval]:
        """Open approval gates."""
        return {each.key: each for each in approvals(self.store.rollouts.values())}

    def detail(self, row: Approval) -> Sequence[Line]:
        """The release behind the gate."""
        return approval_lines(row, self.session.now())

    def open_row(self, row: object) -> None:
        """Open the rollout."""
        if isinstance(row, Approval):
            self.post_message(messages.Open(row.rollout))

    def do_why(self) -> None:
        """The rollout says why it waits."""
        self.do_open()
