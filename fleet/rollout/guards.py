"""Limits that hold across all rollouts, and leases: at most one writer per bundle and cluster.

A strategy speaks of one release.  These speak of the fleet: how many clusters may change at once,
how many bundles may change on one cluster, and who may write at all.  A lease's generation grows
with every assignment; it travels with each write, and a cluster refuses an older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from clusters.model import BundleName, ClusterName
from fleet.model import Guards, ShrinkGuard
from fleet.rollout.model import Membership, RolloutId
from fleet.rollout.progress import BROKEN, IN_FLIGHT, ClusterRollout, ClusterState
from fleet.rollout.state import Phase, Rollout, StagePhase

_NOT_YET = BROKEN | IN_FLIGHT | {ClusterState.PENDING}


_SMALL_FLEET = 4
"""Clusters from which on one of them may leave by a share: one of fewer is more than a quarter."""


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
        return f"maxBundlesChangingPerCluster is {most}, and so many others change on it"
    if limits.clusters is not None and not bundles:
        busy = len(changing.bundles) + extra
        if busy >= limits.clusters:
            return f"maxClustersChanging allows {limits.clusters}, and {busy} are changing"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """The rights to write one bundle to clusters, as its rollouts' own states give them.

    A rollout holds the lease of a cluster while the cluster is under way in it.
    """

    rollouts: Sequence[Rollout] = ()
    """All rollouts of the bundle that may still change a cluster, oldest first."""
    floor: Mapping[ClusterName, int] = field(default_factory=dict)
    """Generations that earlier rollouts of the bundle reached."""

    def generation(self, cluster: ClusterName) -> int:
        """Return the newest number granted for `cluster`; 0: none ever was."""
        entries = (rollout.clusters.get(cluster) for rollout in self.rollouts)
        granted = (entry.generation for entry in entries if entry is not None)
        return max((self.floor.get(cluster, 0), *granted))

    def other_holder(self, cluster: ClusterName, besides: RolloutId) -> RolloutId | None:
        """Return the rollout, not `besides`, that may write to `cluster`; None: none."""
        for rollout in self.rollouts:
            if rollout.id == besides:
                continue
            entry = rollout.clusters.get(cluster)
            if entry is not None and writes(entry):
                return rollout.id
        return None

    def overtaken_by(self, cluster: ClusterName, rollout: RolloutId) -> RolloutId | None:
        """Return the newer rollout that has reached `cluster`, or completed its stage, if any."""
        newer = False
        for each in self.rollouts:
            entry = each.clusters.get(cluster)
            if newer and entry is not None:
                if entry.assigned_at is not None and entry.state is not ClusterState.ROLLED_BACK:
                    return each.id
                done = {run.name for run in each.stages if run.phase is StagePhase.COMPLETED}
                if entry.seat.stage in done:
                    return each.id
            newer = newer or each.id == rollout
        return None

    def still_brought_by(self, cluster: ClusterName, besides: RolloutId) -> RolloutId | None:
        """Return the first rollout before `besides` whose release has not become good there."""
        for rollout in self.rollouts:
            if rollout.id == besides:
                return None
            entry = rollout.clusters.get(cluster)
            if entry is None or rollout.phase is not Phase.COMPLETED:
                continue
            if entry.membership is Membership.DIRECT and entry.state in _NOT_YET:
                return rollout.id
        return None


def writes(entry: ClusterRollout) -> bool:
    """Whether a rollout is changing the cluster: in flight, going back, or given a baseline."""
    if entry.in_flight or entry.state is ClusterState.ROLLING_BACK:
        return True
    return entry.baseline_due and entry.target is not None


def shrinks_too_much(before: int, after: int, guard: ShrinkGuard) -> str:
    """Say why a change from `before` to `after` clusters needs a person; empty: it does not.

    A share lets one cluster go in a small fleet too, as long as that is no more than a quarter:
    nothing is deleted on a cluster that leaves, and an alarm at each is one that nobody reads.
    """
    lost = before - after
    allowed = guard.max.floor_of(before)
    if guard.max.percent and guard.max.value and before >= _SMALL_FLEET:
        allowed = max(1, allowed)
    if lost <= allowed:
        return ""
    return (
        f"the change removes {lost} of {before} clusters, and inventoryShrink allows {allowed} "
        f"({guard.max}); confirm it, or restore the clusters in Git"
    )
