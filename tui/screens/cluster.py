"""One cluster: its bundles and objects as a tree, and what there is to know of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from fleet.view import ClusterView, ObjectView
from tui import messages
from tui.content.rows import Column, RowModel
from tui.content.tree import TreeRow, is_ill, status_cell, tree_cell, tree_rows
from tui.model.queries import placements_of_cluster
from tui.model.store import Touched
from tui.screens.cluster_detail import TABS, DetailPane
from tui.screens.clusters import CLUSTER_ACTIONS
from tui.screens.tabbed import TabbedView
from tui.session import Session
from tui.widgets.cluster_facts import ClusterFacts
from tui.widgets.tabs import TabLine
from tui.widgets.virtual_table import VirtualTable


class ClusterScreen(TabbedView):
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
        tabs = TabLine(TABS, current=self._tab_first)
        pane = DetailPane(self, self.session, cluster=self.cluster, row=lambda: self.row, tabs=tabs)
        yield Horizontal(tree, Vertical(tabs, pane), classes="paired")

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
        if touched.any_of("event") and self.pane.tab in {"Events", "History"}:
            self.pane.reload()

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

    def do_k9s(self) -> None:
        """Hand over to k9s."""
        self.post_message(messages.OpenK9s(self.cluster))


def tree_model() -> RowModel[TreeRow]:
    """The tree as a table of two columns."""
    columns: list[Column[TreeRow]] = [
        Column("name", "name", 24, tree_cell, grow=2, priority=0),
        Column("state", "state", 14, status_cell, grow=3, priority=1),
    ]
    return RowModel(columns, search=_text, fault=_fault)


def _text(row: TreeRow) -> str:
    obj = row.object
    if obj is None:
        return f"{row.placement.bundle} {row.placement.message}"
    return f"{obj.bundle} {obj.kind}/{obj.name} {obj.namespace} {obj.health} {obj.message}"


def _fault(row: TreeRow) -> bool:
    return is_ill(row.object) if row.object else row.placement.state != "Ready"
