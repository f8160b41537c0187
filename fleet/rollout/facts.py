"""What a decision needs to know beside the rollout itself: the fleet around it, at this moment.

The coordinator makes one of these per bundle and inventory and passes it to `planner.decide`.
Facts are not stored with the rollout: whatever must be remembered comes as an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clusters.model import BundleName, ClusterName, Digest, Health
from fleet.model import Identities, PruneGuard, StageName
from fleet.rollout.guards import Changing, FleetLimits, Leases
from fleet.rollout.state import Rollout
from fleet.rollout.windows import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """The release that travels before this one, where releases travel as trains."""

    rollout: str
    completed: frozenset[StageName]
    stopped: str = ""
    """Why it stopped after failures, or empty."""
    failed: Mapping[ClusterName, Digest] = field(default_factory=dict)
    """Clusters it failed on, with the digest that failed."""
    undone: frozenset[ClusterName] = frozenset()
    """Clusters that it was to change and that do not hold its release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The fleet around one rollout."""

    calendar: Calendar = Calendar()
    limits: FleetLimits = FleetLimits()
    changing: Changing = Changing()
    """What all open rollouts, this one included, are changing."""
    leases: Leases = Leases()
    held: frozenset[Digest] = frozenset()
    """Digests of the bundle that are on hold."""
    last_good: Mapping[ClusterName, Digest] = field(default_factory=dict)
    """Newest digest of the bundle that was Good on each cluster."""
    blocked: Mapping[ClusterName, str] = field(default_factory=dict)
    """Clusters that must not be started, with the reason: suspended, quarantined, tainted, a
    dependency that is not healthy, drift that blocks."""
    health: Mapping[ClusterName, Mapping[BundleName, Health]] = field(default_factory=dict)
    """Health of every bundle, for the clusters that health gates ask about."""
    said: Mapping[ClusterName, str] = field(default_factory=dict)
    """What each cluster under way says last of why it is not healthy."""
    ahead: Ahead | None = None
    leftovers: Mapping[ClusterName, int] = field(default_factory=dict)
    """Objects that each cluster still has and its content no longer names: to be pruned at last."""
    prune_held: frozenset[ClusterName] = frozenset()
    """Clusters whose deletions wait for a person."""
    prune_guard: PruneGuard = PruneGuard()
    people: Identities = Identities()
    """Whom the fleet knows, to tell approvers from authors."""
    frozen: str = ""
    """Why nothing may start anywhere (a crashed reconciler, for one), or empty."""


def relied_on(rollout: Rollout, undone: frozenset[ClusterName]) -> tuple[ClusterName, ...]:
    """List the clusters that a rollout leaves as they are because the one ahead would change them.

    If that one did not, its release is missing there.
    """
    return tuple(
        name
        for name in sorted(undone)
        if name in rollout.clusters and rollout.clusters[name].seat.unchanged
    )
