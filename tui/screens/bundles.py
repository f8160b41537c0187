"""Which revision of what runs where: bundles by groups of clusters, and one bundle everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from textual.widget import Widget

from fleet.view import BundleOnCluster, BundleView
from tui import messages
from tui.content.columns import placement_model, state_cell
from tui.content.matrix import MatrixRow, bundle_matrix
from tui.content.rows import Column, RowModel
from tui.content.sentences import why_lines
from tui.fetching import error_lines
from tui.modals.text import TextModal
from tui.model.queries import badness, group_labels, placements_of_bundle
from tui.model.store import Touched, placement_key
from tui.screens.table_view import TABLE_ACTIONS, TableView
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.widgets.painting import LinesWidget
from tui.widgets.virtual_table import VirtualTable

BUNDLE_ACTIONS = ("sync", "suspend", "rollback", "release_hold", "why")


class BundleActions(TableView):
    """What can be looked up for the bundle that is selected."""

    def do_why(self) -> None:
        """Ask the server why the bundle is as it is."""
        bundle = next((each for each in self.subjects() if isinstance(each, BundleView)), None)
        if bundle is None:
            self.notify("No bundle is selected.", markup=False)
            return
        self.fetch(
            "why",
            lambda: self.session.client.why(f"bundle/{bundle.name}"),
            show=lambda said: self._explain(bundle.name, why_lines(said)),
            fail=lambda error: self._explain(bundle.name, error_lines(error)),
        )

    def _explain(self, name: str, lines: Sequence[Line]) -> None:
        self.app.push_screen(TextModal(f"Why is {name} as it is?", lines))


class BundlesScreen(BundleActions):
    """The matrix; a column for each value of a label."""

    VIEW = "bundles"
    TABLE = "bundles"
    OFFERS = ("open", *BUNDLE_ACTIONS, "regroup", *TABLE_ACTIONS[1:])
    _label = ""

    def body(self) -> Iterable[Widget]:
        """One table."""
        self._label = self.session.config.group_by
        yield VirtualTable(
            matrix_model([]),
            id="bundles",
            title="Bundles",
            empty="No bundles yet. Commit a Bundle document to the fleet repository.",
        )

    def arrived(self, touched: Touched) -> None:
        """Count again."""
        if touched.any_of("bundle", "placement", "cluster"):
            self._show()

    def _show(self) -> None:
        groups, rows = bundle_matrix(self.store, self._label)
        table = self.query_one("#bundles", VirtualTable)
        columns = matrix_columns(groups)
        if [column.id for column in columns] != [column.id for column in table.model.columns]:
            table.model.columns = columns
            table.fit()
        table.replace({row.bundle.name: row for row in rows})

    def configured(self) -> None:
        """Another label to group by."""
        self._label = self.session.config.group_by
        self._show()
        super().configured()

    def do_regroup(self) -> None:
        """Columns by the next label."""
        labels = group_labels(self.store.clusters.values())
        following = (labels.index(self._label) + 1) % len(labels) if self._label in labels else 0
        self._label = labels[following]
        self._show()
        self.notify(f"Columns by {self._label}.", timeout=2, markup=False)

    def subjects(self) -> list[object]:
        """The bundles of the selected rows."""
        return [row.bundle for row in super().subjects() if isinstance(row, MatrixRow)]

    def open_row(self, row: object) -> None:
        """One bundle everywhere."""
        if isinstance(row, MatrixRow):
            self.post_message(messages.Open(row.bundle))


def matrix_model(groups: list[str]) -> RowModel[MatrixRow]:
    """The matrix's table."""
    return RowModel(
        matrix_columns(groups),
        search=lambda row: f"{row.bundle.name} {row.bundle.source} {row.bundle.strategy}",
        fault=lambda row: badness(row.worst) > 0,
        cause=lambda row: row.worst,
        sort="name",
    )


def matrix_columns(groups: list[str]) -> list[Column[MatrixRow]]:
    """Name, worst state, then a column for each group."""
    shown: list[Column[MatrixRow]] = [
        # Where there is no room for all, what changes reach last (prod) is what one looks for.
        Column(f"group:{name}", name, 17, partial(_cell, name), priority=1 + len(groups) - position)
        for position, name in enumerate(groups)
    ]
    return [
        Column(
            "name",
            "bundle",
            18,
            lambda row: fmt.text(row.bundle.name, Tone.STRONG),
            sort=lambda row: row.bundle.name,
            priority=0,
        ),
        Column(
            "state",
            "worst",
            13,
            lambda row: state_cell(row.worst),
            sort=lambda row: badness(row.worst),
            descending=True,
            priority=1,
        ),
        *shown,
        Column("note", "note", 12, lambda row: fmt.text(_note(row)), grow=1, priority=1),
    ]


def _cell(group: str, row: MatrixRow) -> Line:
    cell = row.cells.get(group)
    if cell is None:
        return (("-", Tone.MUTED),)
    glyph = fmt.glyph_of(fmt.STATE_GLYPHS, cell.state)
    runs = fmt.short_revision(cell.revisions[0])
    more = f"+{len(cell.revisions) - 1}" if len(cell.revisions) > 1 else ""
    whole = cell.ready == cell.total
    return (
        (f"{glyph[0]} ", glyph[1]),
        (f"{runs}{more} ", Tone.PLAIN),
        (f"{cell.ready}/{cell.total}", Tone.MUTED if whole else Tone.WARN),
    )


def _note(row: MatrixRow) -> str:
    bundle = row.bundle
    if bundle.suspended:
        return f"suspended: {bundle.suspended}"
    return bundle.message


class BundleScreen(BundleActions):
    """One bundle on all its clusters."""

    VIEW = "bundles"
    TABLE = "placements"
    OFFERS = ("open", *BUNDLE_ACTIONS, *TABLE_ACTIONS[1:])

    def __init__(self, session: Session, bundle: str) -> None:
        super().__init__(session, crumbs=("Bundles", bundle))
        self.bundle = bundle

    def body(self) -> Iterable[Widget]:
        """Facts above, clusters below."""
        model = placement_model(self.session.now, first="cluster", labels_of=self._labels)
        yield BundleFacts(self.session, self.bundle)
        yield VirtualTable(
            model,
            id="placements",
            title="On clusters",
            empty="This bundle is placed on no cluster: its selector matches none.",
        )

    def _labels(self, row: BundleOnCluster) -> Mapping[str, str]:
        cluster = self.store.clusters.get(row.cluster)
        return cluster.labels if cluster else {}

    def arrived(self, touched: Touched) -> None:
        """Show placements again."""
        if touched.any_of("placement", "bundle"):
            rows = {placement_key(each): each for each in self._rows()}
            self.query_one("#placements", VirtualTable).replace(rows)
            self.query_one(BundleFacts).refresh()

    def _rows(self) -> list[BundleOnCluster]:
        return placements_of_bundle(self.store, self.bundle)

    def subjects(self) -> list[object]:
        """Marked placements for sync; the bundle itself for everything else."""
        marked = self.table.model.marks
        if marked:
            return super().subjects()
        bundle = self.store.bundles.get(self.bundle)
        return [bundle] if bundle else []

    def open_row(self, row: object) -> None:
        """The cluster."""
        if isinstance(row, BundleOnCluster):
            self.post_message(messages.Open(f"cluster/{row.cluster}"))


class BundleFacts(LinesWidget):
    """Where a bundle comes from and how far it is."""

    DEFAULT_CSS = "BundleFacts { height: 2; padding: 0 2; }"

    def __init__(self, session: Session, bundle: str) -> None:
        super().__init__()
        self.session = session
        self.bundle = bundle

    def lines(self, width: int) -> list[Line]:
        """Two lines."""
        bundle = self.session.store.bundles.get(self.bundle)
        if bundle is None:
            return [fmt.text(f"{self.bundle} is no longer declared in Git.", Tone.WARN)]
        share = bundle.clusters_ready / bundle.clusters_total if bundle.clusters_total else 0.0
        first: Line = (
            *fmt.text(bundle.name, Tone.STRONG),
            *fmt.text(f"  {fmt.short_revision(bundle.revision)}  from {bundle.source}"),
            *fmt.text(f"  strategy {bundle.strategy or 'none'}", Tone.MUTED),
            *fmt.text(f"  policy: {'; '.join(bundle.policy)}" if bundle.policy else "", Tone.MUTED),
        )
        second: Line = (
            (f"▕{fmt.bar(share, 20)}▏", Tone.GOOD if share == 1 else Tone.ACTIVE),
            (f" {bundle.clusters_ready} of {bundle.clusters_total} clusters ready", Tone.PLAIN),
            *fmt.text(f"  {bundle.message}" if bundle.message else "", Tone.WARN),
            *fmt.text(f"  ‖ suspended: {bundle.suspended}" if bundle.suspended else "", Tone.OFF),
        )
        return [first, second]
