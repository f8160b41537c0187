"""Which clusters a bundle goes to, and which stage each of them belongs to.

Pure: the inventory in, names out, always sorted by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clusters.model import ClusterName
from fleet.model import Bundle, GroupName, Inventory, StageName, Strategy
from fleet.model.selector import Selector


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
    return Placer(inventory).placed(bundle, holding=holding)


def stage_members(
    strategy: Strategy, inventory: Inventory, clusters: Iterable[ClusterName]
) -> StageMembers:
    """Divide `clusters` over the stages of `strategy`; unknown names are unplaced."""
    return Placer(inventory).divided(strategy, clusters)


class Placer:
    """Places many bundles of one inventory: what a selector matches is found once."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._matches: dict[Selector, frozenset[ClusterName]] = {}
        self._tainted = {
            name: frozenset(taint.key for taint in cluster.taints)
            for name, cluster in inventory.clusters.items()
            if cluster.taints
        }

    def placed(
        self, bundle: Bundle, *, holding: Collection[ClusterName] = ()
    ) -> tuple[ClusterName, ...]:
        """Do what `placed_clusters` does."""
        placement = bundle.placement
        chosen = self.selected(placement.select, placement.groups)
        chosen |= self._inventory.clusters.keys() & placement.clusters
        kept_away = {
            name
            for name, taints in self._tainted.items()
            if not taints <= set(placement.tolerations) and name not in holding
        }
        return tuple(sorted(chosen - kept_away - set(placement.exclude)))

    def divided(self, strategy: Strategy, clusters: Iterable[ClusterName]) -> StageMembers:
        """Do what `stage_members` does."""
        wanted = set(clusters)
        chosen = {
            stage.name: self.selected(stage.select, stage.groups) & wanted
            for stage in strategy.stages
        }
        once: set[ClusterName] = set()
        again: set[ClusterName] = set()
        for names in chosen.values():
            again |= once & names
            once |= names
        return StageMembers(
            members={stage: tuple(sorted(names)) for stage, names in chosen.items()},
            unplaced=tuple(sorted(wanted - once)),
            repeated={
                cluster: tuple(stage for stage, names in chosen.items() if cluster in names)
                for cluster in sorted(again)
            },
        )

    def selected(
        self, select: Selector | None, groups: Sequence[GroupName] = ()
    ) -> set[ClusterName]:
        """Give the clusters that a selector or any of the groups matches.

        Groups that the inventory lacks match nothing.
        """
        known = self._inventory.groups
        selectors = [known[name].select for name in groups if name in known]
        if select is not None:
            selectors.append(select)
        return set().union(*map(self._matching, selectors))

    def _matching(self, selector: Selector) -> frozenset[ClusterName]:
        found = self._matches.get(selector)
        if found is None:
            found = self._matches[selector] = frozenset(
                cluster.name
                for cluster in self._inventory.clusters.values()
                if selector.matches(cluster.labels)
            )
        return found
