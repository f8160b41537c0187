"""Which bundle runs in which revision on which group of clusters: the matrix.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleet.view import BundleOnCluster, BundleView, ClusterState
from tui.model.queries import badness, heat_groups, runs_of
from tui.model.store import FleetStore


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One bundle on one group of clusters."""

    state: ClusterState
    ready: int
    total: int
    revisions: tuple[str, ...]
    """Commits that run there, the most frequent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One bundle over all groups."""

    bundle: BundleView
    cells: Mapping[str, MatrixCell]

    @property
    def worst(self) -> ClusterState:
        """The worst state anywhere."""
        states = [cell.state for cell in self.cells.values()]
        return max(states, key=badness, default=ClusterState.PENDING)


def bundle_matrix(store: FleetStore, label: str) -> tuple[list[str], list[MatrixRow]]:
    """Bundles by groups of clusters: the names of the groups in order, and one row a bundle."""
    groups = heat_groups(store.clusters.values(), label)
    group_of = {each.name: group.name for group in groups for each in group.clusters}
    placed: dict[tuple[str, str], list[BundleOnCluster]] = {}
    for each in store.placements.values():
        placed.setdefault((each.bundle, group_of.get(each.cluster, "")), []).append(each)
    rows = [
        MatrixRow(
            bundle=bundle,
            cells={
                group.name: _cell(placed[bundle.name, group.name])
                for group in groups
                if (bundle.name, group.name) in placed
            },
        )
        for bundle in sorted(store.bundles.values(), key=lambda each: each.name)
    ]
    return [group.name for group in groups], rows


def _cell(placements: Sequence[BundleOnCluster]) -> MatrixCell:
    return MatrixCell(
        state=max((each.state for each in placements), key=badness),
        ready=sum(each.state is ClusterState.READY for each in placements),
        total=len(placements),
        revisions=tuple(revision for revision, _ in runs_of(placements).most_common()),
    )
