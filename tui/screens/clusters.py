"""All clusters, worst first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.widget import Widget

from fleet.view import BundleOnCluster, ClusterView, DriftView, NeedView
from tui import messages
from tui.content.columns import cluster_model
from tui.model.queries import subject_of_need
from tui.model.store import Touched
from tui.places import ClusterPlace
from tui.screens.table_view import TABLE_ACTIONS, TableView
from tui.session import Session
from tui.widgets.virtual_table import VirtualTable

CLUSTER_ACTIONS = ("sync", "suspend", "retry", "confirm_prune", "why", "show_events", "k9s")


class ClusterActions(TableView):
    """What can be looked up for the cluster that is selected."""

    def selected_cluster(self) -> str:
        """Its name; empty when no cluster is selected."""
        for subject in self.subjects():
            found = subject
            if isinstance(found, NeedView):
                found = subject_of_need(self.store, found)
            match found:
                case ClusterView(name=name):
                    return name
                case BundleOnCluster(cluster=name) | DriftView(cluster=name):
                    return name
        return ""

    def _open_at(self, tab: str) -> None:
        if name := self.selected_cluster():
            self.post_message(messages.Open(ClusterPlace(name=name, tab=tab)))
        else:
            self.notify("No cluster is selected.", markup=False)

    def do_why(self) -> None:
        """The cluster's reasons."""
        self._open_at("Why")

    def do_show_events(self) -> None:
        """The cluster's audit rows."""
        self._open_at("Events")

    def do_k9s(self) -> None:
        """Hand over to k9s."""
        if name := self.selected_cluster():
            self.post_message(messages.OpenK9s(name))
        else:
            self.notify("No cluster is selected.", markup=False)


def cluster_table(session: Session, *, id: str) -> VirtualTable[ClusterView]:
    """A table of clusters with the columns of the settings."""
    model = cluster_model(session.now, session.config.columns.get("clusters", ()))
    table = VirtualTable(
        model,
        id=id,
        title="Clusters",
        empty="No clusters yet. Commit a Cluster document to the fleet repository.",
    )
    table.footnote = lambda cluster: cluster.why
    return table


def choose_columns(table: VirtualTable[Any], session: Session) -> None:
    """Give a table of clusters the columns of the settings."""
    model = cluster_model(session.now, session.config.columns.get("clusters", ()))
    ids = [column.id for column in model.columns]
    if ids != [column.id for column in table.model.columns]:
        table.model.columns = model.columns
        if table.model.sort_id not in ids:
            table.model.sort_by(model.sort_id)
        table.fit()


class ClustersScreen(ClusterActions):
    """The table of clusters."""

    VIEW = "clusters"
    TABLE = "clusters"
    OFFERS = (*TABLE_ACTIONS[:2], *CLUSTER_ACTIONS, *TABLE_ACTIONS[2:])

    def body(self) -> Iterable[Widget]:
        """One table."""
        yield cluster_table(self.session, id="clusters")

    def configured(self) -> None:
        """Other columns."""
        choose_columns(self.query_one("#clusters", VirtualTable), self.session)
        super().configured()

    def arrived(self, touched: Touched) -> None:
        """Show changed clusters."""
        show_clusters(self.query_one("#clusters", VirtualTable), self.store.clusters, touched)


def show_clusters(
    table: VirtualTable[Any], clusters: dict[str, ClusterView], touched: Touched
) -> None:
    """Bring a table of clusters up to date with as little work as the change needs."""
    if touched.all:
        table.replace(clusters)
    elif changed := touched.of("cluster"):
        table.update_rows({name: clusters.get(name) for name in changed})
