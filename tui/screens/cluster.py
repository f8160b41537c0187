"""One cluster: its bundles and objects as a tree, and what there is to know of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from fleet.view import ClusterView, ObjectView
from tui import format as fmt
from tui import messages
from tui.columns import state_cell
from tui.format import Line, Span, Tone
from tui.queries import is_production, placements_of_cluster
from tui.rows import Column, RowModel
from tui.screens.cluster_detail import TABS, DetailPane
from tui.screens.clusters import CLUSTER_ACTIONS
from tui.screens.table_view import TableView
from tui.session import Session
from tui.store import Touched
from tui.tree import TreeRow, is_ill, status_cell, tree_cell, tree_rows
from tui.widgets.painting import LinesWidget
from tui.widgets.tabs import TabLine
from tui.widgets.virtual_table import VirtualTable


class ClusterScreen(TableView):
    """The tree at the left, tabs at the right; below each other when it is narrow."""

    VIEW = "clusters"
    TABLE = "tree"
    OFFERS = (
        "open",
        "diff",
        "yaml",
        *CLUSTER_ACTIONS,
        "next_tab",
        "previous_tab",
        "next_hunk",
        "previous_hunk",
        "filter",
        "faults",
        "external",
        "copy",
    )

    def __init__(self, session: Session, cluster: str, *, tab: str = "", at: str = "") -> None:
        super().__init__(session, crumbs=("Clusters", cluster))
        self.cluster = cluster
        self._at = at
        self._tab_first = tab or TABS[0]
        self._objects: Sequence[ObjectView] = ()
        self._folded: dict[str, bool] = {}
        self._bindings.bind("left", "fold(True)", show=False)
        self._bindings.bind("right", "fold(False)", show=False)

    def body(self) -> Iterable[Widget]:
        """Facts, tree, and the pane with its tabs."""
        tree = VirtualTable(
            tree_model(),
            id="tree",
            title="Bundles and resources",
            empty="Nothing is applied here yet.",
            header=False,
        )
        yield ClusterFacts(self.session, self.cluster)
        pane = DetailPane(self, id="detail", wrap=True)
        yield Horizontal(
            tree, Vertical(TabLine(TABS, current=self._tab_first), pane), classes="paired"
        )

    @property
    def pane(self) -> DetailPane:
        """The pane at the right."""
        return self.query_one(DetailPane)

    def view(self) -> ClusterView | None:
        """The cluster's newest state, or None when it left the inventory."""
        return self.store.clusters.get(self.cluster)

    def arrived(self, touched: Touched) -> None:
        """Read the objects again when something of this cluster changed."""
        mine = f"{self.cluster}/"
        if touched.any_of("cluster"):
            self.query_one(ClusterFacts).refresh()
        placements = touched.all or any(key.startswith(mine) for key in touched.of("placement"))
        if placements or self.cluster in touched.of("cluster") or touched.of("drift"):
            self._show_tree()
            self.fetch(
                "objects",
                lambda: self.session.client.objects(self.cluster),
                show=self._show_objects,
                fail=self.pane.fail,
            )
        if touched.any_of("event"):
            self.pane.events_changed()

    def _show_objects(self, objects: list[ObjectView]) -> None:
        self._objects = objects
        self._show_tree()
        self.pane.reload()

    def _show_tree(self) -> None:
        placements = placements_of_cluster(self.store, self.cluster)
        rows = tree_rows(placements, self._objects, folded=self._folded)
        tree = self.query_one("#tree", VirtualTable)
        tree.replace({row.key: row for row in rows})
        if self._at and self._at in tree.model.rows:
            tree.move_to_key(self._at)
            self._at = ""

    @property
    def row(self) -> TreeRow | None:
        """The row under the cursor of the tree."""
        return self.query_one("#tree", VirtualTable).current

    @on(VirtualTable.Moved)
    def _follow(self) -> None:
        self.pane.row_changed()

    @on(TabLine.Chosen)
    def _tab(self) -> None:
        self.pane.row_changed()

    def subjects(self) -> list[object]:
        """The bundle under the cursor for sync; the cluster for all else."""
        cluster = self.view()
        return [cluster] if cluster else []

    def open_row(self, row: object) -> None:
        """Fold or unfold a bundle; for an object, its difference."""
        if isinstance(row, TreeRow) and row.object is None:
            self.action_fold(row.is_open)
        else:
            self.do_diff()

    def action_fold(self, closed: bool) -> None:
        """Close or open the bundle under the cursor."""
        row = self.row
        if row is not None:
            self._folded[row.placement.bundle] = closed
            self._show_tree()
            self.query_one("#tree", VirtualTable).move_to_key(row.placement.bundle)

    def do_diff(self) -> None:
        """Live beside desired."""
        self._choose("Diff")

    def do_yaml(self) -> None:
        """As it is in the cluster."""
        self._choose("YAML")

    def do_show_events(self) -> None:
        """Audit rows of this cluster."""
        self._choose("Events")

    def do_why(self) -> None:
        """Why it is as it is."""
        self._choose("Why")

    def _choose(self, tab: str) -> None:
        line = self.query_one(TabLine)
        if line.current == tab:
            self.pane.row_changed()
        line.choose(tab)

    def do_next_tab(self) -> None:
        """The next tab."""
        self.query_one(TabLine).step(1)

    def do_previous_tab(self) -> None:
        """The previous tab."""
        self.query_one(TabLine).step(-1)

    def do_next_hunk(self) -> None:
        """The next difference."""
        self.pane.jump(1)

    def do_previous_hunk(self) -> None:
        """The previous difference."""
        self.pane.jump(-1)

    def do_external(self) -> None:
        """The pane's text in the pager."""
        self.post_message(messages.OpenText(*self.pane.text_of()))

    def do_k9s(self) -> None:
        """Hand over to k9s."""
        self.post_message(messages.OpenK9s(self.cluster))


def tree_model() -> RowModel[TreeRow]:
    """The tree as a table of two columns."""
    columns: list[Column[TreeRow]] = [
        Column(id="name", title="name", width=24, cell=tree_cell, grow=2, priority=0),
        Column(id="state", title="state", width=14, cell=status_cell, grow=3, priority=1),
    ]
    return RowModel(columns, search=_text, fault=_fault)


def _text(row: TreeRow) -> str:
    obj = row.object
    if obj is None:
        return f"{row.placement.bundle} {row.placement.message}"
    return f"{obj.bundle} {obj.kind}/{obj.name} {obj.namespace} {obj.health} {obj.message}"


def _fault(row: TreeRow) -> bool:
    return is_ill(row.object) if row.object else row.placement.state != "Ready"


class ClusterFacts(LinesWidget):
    """The cluster in two lines: production looks different."""

    DEFAULT_CSS = "ClusterFacts { height: 2; padding: 0 2; }"

    def __init__(self, session: Session, cluster: str) -> None:
        super().__init__()
        self.session = session
        self.cluster = cluster

    def lines(self, width: int) -> list[Line]:
        """What it is; what is wrong."""
        cluster = self.session.store.clusters.get(self.cluster)
        if cluster is None:
            return [fmt.text(f"{self.cluster} is no longer in the inventory.", Tone.WARN)]
        labels = " ".join(f"{key}={value}" for key, value in sorted(cluster.labels.items()))
        production: tuple[Span, ...] = (
            (("▌PRODUCTION ", Tone.PROD),) if is_production(cluster.labels) else ()
        )
        latency = "-" if cluster.latency_ms is None else f"{cluster.latency_ms:.0f} ms"
        seen = fmt.age(cluster.last_seen, self.session.now())
        first: Line = (
            *production,
            *fmt.text(cluster.name, Tone.STRONG),
            ("  ", Tone.PLAIN),
            *state_cell(cluster.state),
            *fmt.text(
                f"  k8s {cluster.version or '?'}  api {latency}  seen {seen} ago", Tone.MUTED
            ),
            *fmt.text(f"  {labels}", Tone.MUTED),
        )
        ready = f"{cluster.bundles_ready}/{cluster.bundles_total} bundles"
        counts = f"{ready} · {cluster.objects} objects · {cluster.drifted} drifted"
        revision = fmt.short_revision(cluster.revision)
        second: Line = (
            *fmt.text(f"{counts} · {revision}", Tone.MUTED),
            *(fmt.text(f"  {cluster.why}", Tone.WARN) if cluster.why else ()),
        )
        return [first, second]
