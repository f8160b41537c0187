"""Limits that hold across all rollouts, and leases: at most one writer per bundle and cluster.

A strategy speaks of one release.  These speak of the fleet: how many clusters may change at once,
how many bundles may change on one cluster, and who may write at all.  A lease's generation grows
with every grant; it travels with each write, and a cluster refuses an older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from clusters.model import BundleName, ClusterName
from fleet.model import Guards, ShrinkGuard
from fleet.rollout.model import RolloutId


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLimits:
    """The guards of the `Fleet` document as numbers.  None: no limit."""

    clusters: int | None = None
    bundles_per_cluster: int | None = None

    @classmethod
    def of(cls, guards: Guards, *, clusters: int) -> FleetLimits:
        """Resolve `guards` for a fleet of so many clusters; a percentage never means none."""
        most = guards.max_clusters_changing
        return cls(
            clusters=None if most is None else most.at_least_one_of(clusters),
            bundles_per_cluster=guards.max_bundles_changing_per_cluster,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """Bundles in flight on each cluster, over all rollouts."""

    bundles: Mapping[ClusterName, frozenset[BundleName]] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[ClusterName, BundleName]]) -> Changing:
        """Collect clusters and the bundles that change on them."""
        found: dict[ClusterName, frozenset[BundleName]] = {}
        for cluster, bundle in pairs:
            found[cluster] = found.get(cluster, frozenset()) | {bundle}
        return cls(bundles=found)

    def plus(self, clusters: Iterable[ClusterName], bundle: BundleName) -> Changing:
        """Return this with `bundle` changing on `clusters` too."""
        found = dict(self.bundles)
        for cluster in clusters:
            found[cluster] = found.get(cluster, frozenset()) | {bundle}
        return Changing(bundles=found)


def refusal(
    cluster: ClusterName, bundle: BundleName, changing: Changing, limits: FleetLimits, extra: int
) -> str:
    """Say which limit keeps `bundle` from changing on `cluster` now; empty: none.

    `extra` clusters are about to start that `changing` does not know of yet.
    """
    bundles = changing.bundles.get(cluster, frozenset())
    most = limits.bundles_per_cluster
    if most is not None and len(bundles - {bundle}) >= most:
        return f"{most} other bundles change on it, and maxBundlesChangingPerCluster is {most}"
    if limits.clusters is not None and not bundles:
        busy = len(changing.bundles) + extra
        if busy >= limits.clusters:
            return (
                f"{busy} clusters change at once, and maxClustersChanging allows {limits.clusters}"
            )
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to write one bundle to one cluster."""

    holder: RolloutId | None
    """The rollout that may write; None: nobody at present, only the number is remembered."""
    generation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """All leases of one bundle."""

    held: Mapping[ClusterName, Lease] = field(default_factory=dict)

    def next_generation(self, cluster: ClusterName) -> int:
        """Return the number of the next grant: above every earlier one."""
        lease = self.held.get(cluster)
        return 1 if lease is None else lease.generation + 1

    def other_holder(self, cluster: ClusterName, rollout: RolloutId) -> RolloutId | None:
        """Return the rollout, other than `rollout`, that may write to `cluster`; None: none."""
        lease = self.held.get(cluster)
        return None if lease is None or lease.holder == rollout else lease.holder

    def granted(self, clusters: Iterable[ClusterName], rollout: RolloutId) -> Leases:
        """Return the leases after `rollout` was given those of `clusters`.

        Raises:
            ValueError: another rollout holds one of them.
        """
        held = dict(self.held)
        for cluster in clusters:
            other = self.other_holder(cluster, rollout)
            if other is not None:
                raise ValueError(f"rollout {other} may write to {cluster}; {rollout} must wait")
            held[cluster] = Lease(holder=rollout, generation=self.next_generation(cluster))
        return Leases(held=held)

    def released(self, cluster: ClusterName, rollout: RolloutId) -> Leases:
        """Return the leases after `rollout` gave back that of `cluster`; its number is kept."""
        lease = self.held.get(cluster)
        if lease is None or lease.holder != rollout:
            return self
        return Leases(held={**self.held, cluster: Lease(holder=None, generation=lease.generation)})

    def accepts(self, cluster: ClusterName, generation: int) -> bool:
        """Whether a write under `generation` is still allowed: nothing newer was granted."""
        lease = self.held.get(cluster)
        return lease is None or generation >= lease.generation


def shrinks_too_much(before: int, after: int, guard: ShrinkGuard) -> str:
    """Say why a change from `before` to `after` clusters needs a person; empty: it does not."""
    lost = before - after
    allowed = guard.max.floor_of(before)
    if lost <= allowed:
        return ""
    return (
        f"the change removes {lost} of {before} clusters, and inventoryShrink allows {allowed} "
        f"({guard.max}); confirm it, or restore the clusters in Git"
    )
