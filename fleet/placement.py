"""Which clusters a bundle goes to, and which stage each of them belongs to.

Pure: the inventory in, names out, always sorted by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clusters.model import ClusterName
from fleet.model import Bundle, Cluster, GroupName, Inventory, StageName, Strategy
from fleet.selector import Selector


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMembers:
    """How a strategy divides clusters.  It is sound only if `unplaced` and `repeated` are empty."""

    members: Mapping[StageName, tuple[ClusterName, ...]]
    """In the order of the stages; every stage is there, also without clusters."""
    unplaced: tuple[ClusterName, ...]
    """Clusters that no stage selects."""
    repeated: Mapping[ClusterName, tuple[StageName, ...]]
    """Clusters that more than one stage selects, and those stages."""


def placed_clusters(
    bundle: Bundle, inventory: Inventory, *, holding: Collection[ClusterName] = ()
) -> tuple[ClusterName, ...]:
    """Give the clusters that `bundle` goes to.

    Args:
        bundle: what is placed.
        inventory: the clusters and groups there are.
        holding: clusters that already have the bundle.  A taint keeps it from coming, it does not
            drive it out.
    """
    placement = bundle.placement
    chosen = set(placement.clusters) & inventory.clusters.keys()
    chosen |= selected(inventory, placement.select, placement.groups)
    chosen -= set(placement.exclude)
    return tuple(
        sorted(
            name
            for name in chosen
            if name in holding or _tolerates(placement.tolerations, inventory.clusters[name])
        )
    )


def stage_members(
    strategy: Strategy, inventory: Inventory, clusters: Iterable[ClusterName]
) -> StageMembers:
    """Divide `clusters` over the stages of `strategy`; unknown names are unplaced."""
    wanted = set(clusters)
    chosen = {
        stage.name: selected(inventory, stage.select, stage.groups, among=wanted)
        for stage in strategy.stages
    }
    stages_of: dict[ClusterName, tuple[StageName, ...]] = {
        cluster: tuple(stage for stage, names in chosen.items() if cluster in names)
        for cluster in sorted(wanted)
    }
    return StageMembers(
        members={stage: tuple(sorted(names)) for stage, names in chosen.items()},
        unplaced=tuple(cluster for cluster, stages in stages_of.items() if not stages),
        repeated={cluster: stages for cluster, stages in stages_of.items() if len(stages) > 1},
    )


def selected(
    inventory: Inventory,
    select: Selector | None,
    groups: Sequence[GroupName],
    *,
    among: Collection[ClusterName] | None = None,
) -> set[ClusterName]:
    """Give the clusters that a selector or any of the groups matches.

    Groups that the inventory lacks match nothing.
    """
    selectors = [inventory.groups[name].select for name in groups if name in inventory.groups]
    if select is not None:
        selectors.append(select)
    return {
        cluster.name
        for cluster in inventory.clusters.values()
        if (among is None or cluster.name in among)
        and any(selector.matches(cluster.labels) for selector in selectors)
    }


def _tolerates(tolerations: Sequence[str], cluster: Cluster) -> bool:
    return all(taint.key in tolerations for taint in cluster.taints)
