"""What the client knows of the fleet: the last snapshot with all changes since.

A plain value holder without any widget: `load` a snapshot, `apply` changes, read the mappings.
Derived questions (what needs a person, which clusters are worst) are in `tui.model.queries`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleet.view import (
    BundleOnCluster,
    BundleView,
    Change,
    ClusterView,
    DriftView,
    EventView,
    FleetView,
    GitView,
    NeedView,
    RolloutView,
)

EVENTS_MAX = 5_000
"""Rows of the audit log kept here; older ones are read from the server when asked for."""


@dataclass(slots=True)
class Touched:
    """Which entities changed: `keys["cluster"]` are names of clusters.  `all` means everything."""

    all: bool = False
    keys: dict[str, set[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.all or bool(self.keys)

    def of(self, entity: str) -> set[str]:
        """Keys of one kind of entity."""
        return self.keys.get(entity, set())

    def any_of(self, *entities: str) -> bool:
        """Whether anything of these kinds changed."""
        return self.all or any(entity in self.keys for entity in entities)

    def merge(self, other: Touched) -> None:
        """Add what another batch touched."""
        self.all = self.all or other.all
        for entity, keys in other.keys.items():
            self.keys.setdefault(entity, set()).update(keys)


class FleetStore:
    """The client's copy.  Written by the app alone, on the loop's thread."""

    def __init__(self) -> None:
        self.loaded = False
        self.fleet = ""
        self.version = ""
        self.git = GitView(repository="", ref="")
        self.clusters: dict[str, ClusterView] = {}
        self.bundles: dict[str, BundleView] = {}
        self.placements: dict[str, BundleOnCluster] = {}
        self.drift: dict[str, DriftView] = {}
        self.rollouts: dict[str, RolloutView] = {}
        self.needs: dict[str, NeedView] = {}
        self.events: dict[int, EventView] = {}
        self.changes_seen = 0

    def load(self, view: FleetView) -> Touched:
        """Take a snapshot in place of everything known; older audit rows are kept."""
        self.loaded = True
        self.fleet, self.version, self.git = view.fleet, view.version, view.git
        self.clusters = {cluster.name: cluster for cluster in view.clusters}
        self.bundles = {bundle.name: bundle for bundle in view.bundles}
        self.placements = {placement_key(each): each for each in view.placements}
        self.drift = {drift.id: drift for drift in view.drift}
        self.rollouts = {rollout.id: rollout for rollout in view.rollouts}
        self.needs = {need.id: need for need in view.needs}
        self.add_events(view.events)
        return Touched(all=True)

    def apply(self, changes: Iterable[Change]) -> Touched:
        """Replace or forget entities; kinds that this version does not know are skipped."""
        touched = Touched()
        for change in changes:
            self.changes_seen += 1
            if self._apply_one(change):
                touched.keys.setdefault(change.entity, set()).add(change.key)
        self._trim_events()
        return touched

    def add_events(self, rows: Iterable[EventView]) -> None:
        """Add audit rows, in any order; the newest are kept."""
        for row in rows:
            self.events[row.seq] = row
        self.events = dict(sorted(self.events.items()))
        self._trim_events()

    def _apply_one(self, change: Change) -> bool:
        if change.entity == "git":
            if not isinstance(change.value, GitView):
                return False
            self.git = change.value
            return True
        if change.entity == "event":
            if not isinstance(change.value, EventView):
                return False
            self.events[change.value.seq] = change.value
            return True
        table = self._tables().get(change.entity)
        if table is None:
            return False
        if change.value is None:
            return table.pop(change.key, None) is not None
        table[change.key] = change.value
        return True

    def _tables(self) -> Mapping[str, dict[str, Any]]:
        return {
            "cluster": self.clusters,
            "bundle": self.bundles,
            "placement": self.placements,
            "drift": self.drift,
            "rollout": self.rollouts,
            "need": self.needs,
        }

    def _trim_events(self) -> None:
        while len(self.events) > EVENTS_MAX:
            del self.events[next(iter(self.events))]


def placement_key(placement: BundleOnCluster) -> str:
    """The key of a placement in changes: `cluster/bundle`."""
    return f"{placement.cluster}/{placement.bundle}"
