"""Search: a text in everything that is known, and in the objects of every cluster.

Names, labels, commits and drift are searched at once; objects are read from each cluster in turn,
and appear as they are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from textual.widget import Widget

from fleet.api.errors import ApiError
from fleet.view import ObjectView
from tui import messages
from tui.content.rows import Column, RowModel
from tui.content.tree import object_key
from tui.model.store import FleetStore, Touched
from tui.places import ClusterPlace
from tui.screens.table_view import TABLE_ACTIONS, TableView
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Tone
from tui.widgets.virtual_table import VirtualTable

CLUSTERS_AT_ONCE = 8
"""Clusters whose objects are read in one go; then what was found is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Something that matches."""

    kind: str
    name: str
    where: str
    subject: object


def hits_in_store(store: FleetStore, text: str) -> Iterator[Hit]:
    """Everything known that contains `text`, upper and lower case alike."""
    wanted = text.lower()
    for cluster in store.clusters.values():
        labels = " ".join(f"{key}={value}" for key, value in cluster.labels.items())
        if wanted in f"{cluster.name} {labels} {cluster.why} {cluster.version}".lower():
            yield Hit(kind="cluster", name=cluster.name, where=labels, subject=cluster)
    for bundle in store.bundles.values():
        if wanted in f"{bundle.name} {bundle.source} {bundle.message}".lower():
            yield Hit(kind="bundle", name=bundle.name, where=bundle.source, subject=bundle)
    for rollout in store.rollouts.values():
        words = f"{rollout.id} {rollout.subject} {rollout.author} {rollout.to_revision}"
        if wanted in words.lower():
            yield Hit(kind="rollout", name=rollout.id, where=rollout.subject, subject=rollout)
    for drift in store.drift.values():
        words = f"{drift.kind}/{drift.name} {drift.who} {' '.join(drift.paths)}"
        if wanted in words.lower():
            yield Hit(kind="drift", name=words, where=drift.cluster, subject=drift)


def hits_in_objects(cluster: str, objects: Iterable[ObjectView], text: str) -> Iterator[Hit]:
    """Objects of one cluster that contain `text`."""
    wanted = text.lower()
    for obj in objects:
        words = f"{obj.kind}/{obj.name} {obj.namespace} {obj.message}"
        if wanted in words.lower():
            yield Hit(
                kind="object",
                name=f"{obj.kind} {obj.namespace}/{obj.name}",
                where=f"{cluster} ▸ {obj.bundle}",
                subject=ClusterPlace(name=cluster, at=object_key(obj)),
            )


class SearchScreen(TableView):
    """Hits as a table."""

    VIEW = "search"
    TABLE = "hits"
    OFFERS = TABLE_ACTIONS

    def __init__(self, session: Session, text: str) -> None:
        super().__init__(session, crumbs=("Search", text))
        self._text = text
        self._hits: dict[str, Hit] = {}
        self._left: list[str] = []

    def body(self) -> Iterable[Widget]:
        """One table."""
        columns: list[Column[Hit]] = [
            Column(
                "state",
                "what",
                8,
                lambda row: fmt.text(row.kind, Tone.ACCENT),
                sort=lambda row: row.kind,
                priority=0,
            ),
            Column(
                "name",
                "name",
                30,
                lambda row: fmt.text(row.name, Tone.STRONG),
                sort=lambda row: row.name,
                grow=1,
                priority=0,
            ),
            Column(
                "where",
                "where",
                24,
                lambda row: fmt.text(row.where, Tone.MUTED),
                sort=lambda row: row.where,
                grow=1,
                priority=1,
            ),
        ]
        model = RowModel(columns, search=lambda row: f"{row.kind} {row.name} {row.where}")
        title = f"Found: {self._text}"
        yield VirtualTable(model, id="hits", title=title, empty="Nothing found so far.")

    def arrived(self, touched: Touched) -> None:
        """Search what is known, then the clusters; later news change no hits."""
        if touched.all and not self._hits:
            self._add(hits_in_store(self.store, self._text))
            self._left = sorted(self.store.clusters)
            self._next()

    def _add(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            self._hits[f"{hit.kind}|{hit.where}|{hit.name}"] = hit
        self.query_one("#hits", VirtualTable).replace(self._hits)

    def _next(self) -> None:
        names, self._left = self._left[:CLUSTERS_AT_ONCE], self._left[CLUSTERS_AT_ONCE:]
        if not names:
            self.query_one("#hits", VirtualTable).empty = "Nothing found anywhere."
            self.query_one("#hits", VirtualTable).repaint()
            return
        self.fetch(
            "objects", lambda: self._read_objects(names), show=self._found, fail=self._failed
        )

    def _read_objects(self, names: list[str]) -> list[Hit]:
        hits: list[Hit] = []
        for name in names:
            try:
                objects = self.session.client.objects(name)
            except ApiError:
                continue  # one cluster that cannot be read must not end the search
            hits += hits_in_objects(name, objects, self._text)
        return hits

    def _found(self, hits: list[Hit]) -> None:
        self._add(hits)
        self._next()

    def _failed(self, error: ApiError) -> None:
        self.notify(error.message, severity="error", markup=False)

    def subjects(self) -> list[object]:
        """What the selected hits stand for."""
        return [hit.subject for hit in super().subjects() if isinstance(hit, Hit)]

    def open_row(self, row: object) -> None:
        """Open what was found."""
        if isinstance(row, Hit):
            self.post_message(messages.Open(row.subject))
