"""The state of the fleet: a fold of the facts in `events`, and nothing else.

Owned by the coordinator, changed only by `fold`.  Folding the stored facts after a restart gives
the same value; a snapshot of it only saves time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from clusters.model import ClusterName, ObjectRef, Revision
from fleet.rollout.codec import from_data
from fleet.rollout.model import Release
from fleet.rollout.progress import ClusterState
from fleet.state import cluster_folds, facts
from fleet.state.facts import FleetFact
from fleet.state.rollout_folds import fold_rollout
from fleet.state.standing import (
    EMPTY_DIGEST,
    RECALLED,
    Assignment,
    ClusterFacts,
    Mark,
    OpenDrift,
    Origin,
    next_assignment,
)
from fleet.state.travel import Stranded, Travel


@dataclass(slots=True, kw_only=True)
class FleetState:
    """Everything the coordinator decides from, beside the inventory in Git."""

    commit: facts.CommitAccepted | None = None
    refused: facts.CommitRefused | None = None
    source_errors: dict[str, str] = field(default_factory=dict)
    clusters: dict[str, ClusterFacts] = field(default_factory=dict)
    assignments: dict[str, dict[str, Assignment]] = field(default_factory=dict)
    """Bundle to cluster to assignment."""
    releases: dict[str, facts.ReleaseCreated] = field(default_factory=dict)
    """The newest release of each bundle."""
    newest: dict[str, dict[str, str]] = field(default_factory=dict)
    """Bundle to cluster to the digest of the newest release, which may still be on its way."""
    drift: dict[str, OpenDrift] = field(default_factory=dict)
    suspended: dict[str, Mark] = field(default_factory=dict)
    """`cluster/NAME` or `bundle/NAME` to who suspended it."""
    alive_at: datetime | None = None
    """When the newest fact happened: the coordinator was alive then."""
    shrink: facts.ShrinkHeld | None = None
    """A commit that takes away more clusters than the guard allows, and waits for a person."""
    shrink_confirmed: str = ""
    """The commit of which a person said that it may."""
    travel: Travel = field(default_factory=Travel)

    def assignment(self, bundle: str, cluster: str) -> Assignment | None:
        """What a cluster should hold of a bundle, or None."""
        return self.assignments.get(bundle, {}).get(cluster)

    def fold(self, fact: FleetFact) -> None:
        """Take in one fact."""
        self.alive_at = max(fact.at, self.alive_at or fact.at)
        change = _FOLDS.get(type(fact))
        if change:
            change(self, fact)


def drift_id(cluster: str, bundle: str, group: str, kind: str, namespace: str, name: str) -> str:
    """Names a drift by the object that drifts."""
    return f"{cluster}/{bundle}/{kind}.{group}/{namespace}/{name}"


def digests_of(state: FleetState) -> set[str]:
    """Every content that is assigned, may be assigned by a rollout, or gone back to."""
    found = {
        digest
        for placed in state.assignments.values()
        for entry in placed.values()
        for digest in (entry.digest, entry.good_digest)
        if digest
    }
    for newest in state.newest.values():
        found.update(newest.values())
    return found | state.travel.digests()


def _accepted(state: FleetState, fact: facts.CommitAccepted) -> None:
    state.commit, state.refused, state.shrink = fact, None, None


def _refused(state: FleetState, fact: facts.CommitRefused) -> None:
    state.refused, state.shrink = fact, None


def _shrink_held(state: FleetState, fact: facts.ShrinkHeld) -> None:
    state.shrink, state.refused = fact, None


def _shrink_confirmed(state: FleetState, fact: facts.ShrinkConfirmed) -> None:
    state.shrink_confirmed = fact.revision


def _source_failed(state: FleetState, fact: facts.SourceFailed) -> None:
    state.source_errors[fact.repository] = fact.error


def _source_recovered(state: FleetState, fact: facts.SourceRecovered) -> None:
    state.source_errors.pop(fact.repository, None)


def _joined(state: FleetState, fact: facts.ClustersJoined) -> None:
    for name in fact.clusters:
        state.clusters.setdefault(name, ClusterFacts())


def _left(state: FleetState, fact: facts.ClustersLeft) -> None:
    for name in fact.clusters:
        state.clusters.pop(name, None)
        state.suspended.pop(f"cluster/{name}", None)
        for placed in state.assignments.values():
            placed.pop(name, None)
        for newest in state.newest.values():
            newest.pop(name, None)
    gone = set(fact.clusters)
    for key in [key for key, drift in state.drift.items() if drift.seen.cluster in gone]:
        del state.drift[key]


def _released(state: FleetState, fact: facts.ReleaseCreated) -> None:
    state.releases[fact.bundle] = fact
    state.newest[fact.bundle] = {
        name: digest for digest, names in fact.digests.items() for name in names
    }


def _assigned(state: FleetState, fact: facts.ReleaseAssigned) -> None:
    # Only bundles without a strategy are assigned at once: what was under way is over.
    state.travel.forget(fact.bundle)
    placed = state.assignments.setdefault(fact.bundle, {})
    for digest, names in fact.digests.items():
        for name in names:
            placed[name] = next_assignment(
                placed.get(name), digest, _origin(state, fact.revision), fact.at, fact.cause
            )
    for name, (revision, digest) in fact.good.items():
        if name in placed:
            # A release of the fleet repository itself: its commit is that of the documents too.
            placed[name].good_revision = placed[name].good_fleet_revision = revision
            placed[name].good_digest = digest


def _origin(state: FleetState, revision: str) -> Origin:
    """What is assigned at once comes with the commit that was just put in force."""
    return Origin(revision, state.commit.revision if state.commit else "")


def _withdrawn(state: FleetState, fact: facts.BundleWithdrawn) -> None:
    placed = state.assignments.setdefault(fact.bundle, {})
    for name in fact.clusters:
        origin = _origin(state, fact.revision)
        entry = next_assignment(placed.get(name), EMPTY_DIGEST, origin, fact.at, "withdrawn")
        entry.withdrawn = True
        # A rollout under way, or about to be, prunes when all clusters have its release.
        entry.prune_later = state.travel.is_busy(fact.bundle)
        placed[name] = entry
        state.newest.get(fact.bundle, {}).pop(name, None)


def _placement_ended(state: FleetState, fact: facts.PlacementEnded) -> None:
    placed = state.assignments.get(fact.bundle, {})
    placed.pop(fact.cluster, None)
    if not placed:
        state.assignments.pop(fact.bundle, None)
        state.releases.pop(fact.bundle, None)
        state.newest.pop(fact.bundle, None)
        state.suspended.pop(f"bundle/{fact.bundle}", None)


def _converged(state: FleetState, fact: facts.Converged) -> None:
    entry = state.assignment(fact.bundle, fact.cluster)
    if entry and entry.digest == fact.digest:
        entry.converged, entry.degraded = True, False
        if _is_good(state, fact):
            entry.became_good()


_NOT_YET_GOOD = frozenset(ClusterState) - {
    ClusterState.GOOD,
    ClusterState.UNCHANGED,
    ClusterState.ROLLING_BACK,
    ClusterState.ROLLED_BACK,
}


def _is_good(state: FleetState, fact: facts.Converged) -> bool:
    """Whether healthy is enough: not for what a rollout gave, which has to soak as well."""
    found = state.assignment(fact.bundle, fact.cluster)
    if found and found.cause == RECALLED and found.good_digest not in ("", found.digest):
        return False  # it was under way when the database was lost: it travels again
    for rollout in reversed(state.travel.of(fact.bundle)):
        entry = rollout.clusters.get(ClusterName(fact.cluster))
        if entry is not None and entry.target == fact.digest == entry.seat.digest:
            return entry.state not in _NOT_YET_GOOD
    return True


def _degraded(state: FleetState, fact: facts.Degraded) -> None:
    entry = state.assignment(fact.bundle, fact.cluster)
    if entry and entry.digest == fact.digest:
        entry.degraded = True


def _recovered(state: FleetState, fact: facts.Recovered) -> None:
    entry = state.assignment(fact.bundle, fact.cluster)
    if entry and entry.digest == fact.digest:
        entry.degraded = False


def _prune_waits(state: FleetState, fact: facts.PruneWaits) -> None:
    entry = state.assignment(fact.bundle, fact.cluster)
    if entry and entry.digest == fact.digest:
        entry.prune_waits = fact


def _prune_confirmed(state: FleetState, fact: facts.PruneConfirmed) -> None:
    for name in fact.clusters:
        entry = state.assignment(fact.bundle, name)
        if entry and entry.digest == fact.digest:
            # Facts from before lists were named in them speak of what waited at that moment.
            waited = entry.prune_waits.objects if entry.prune_waits else ()
            entry.confirmed_prunes = tuple(fact.objects or waited)
            entry.prune_waits = None


def _pruned(state: FleetState, fact: facts.ObjectsPruned) -> None:
    entry = state.assignment(fact.bundle, fact.cluster)
    if entry:
        entry.prune_waits = None


def _drift_seen(state: FleetState, fact: facts.DriftSeen) -> None:
    key = _drift_key(fact)
    is_new = key not in state.drift
    state.drift[key] = OpenDrift(seen=fact)
    if is_new and len(state.drift) in _DRIFT_CHECKED_AT:
        _forget_ended_drift(state)


ENDED_DRIFT_KEPT = 200
"""Ended drifts that people can still look up; the audit log has all of them."""
_DRIFT_CHECKED_AT = frozenset(2**n for n in range(9, 32))
"""Sizes at which ended drifts are thrown out: at each fact it would cost more than it saves."""


def _forget_ended_drift(state: FleetState) -> None:
    ended = [(entry.ended, key) for key, entry in state.drift.items() if entry.ended is not None]
    for _, key in sorted(ended)[:-ENDED_DRIFT_KEPT]:
        del state.drift[key]


def _drift_ended(state: FleetState, fact: facts.DriftEnded) -> None:
    entry = state.drift.get(_drift_key(fact))
    if entry:
        entry.ended, entry.corrected = fact.at, fact.corrected


def _drift_key(fact: facts.DriftSeen | facts.DriftEnded) -> str:
    return drift_id(
        fact.cluster, fact.bundle, fact.group, fact.object_kind, fact.namespace, fact.name
    )


def _drift_acknowledged(state: FleetState, fact: facts.DriftAcknowledged) -> None:
    entry = state.drift.get(fact.drift)
    if entry:
        entry.note = f"{fact.actor}: {fact.note}"


def _fight(state: FleetState, fact: facts.FightSeen) -> None:
    for entry in state.drift.values():
        seen = entry.seen
        ref = ObjectRef(seen.group, seen.object_kind, seen.namespace, seen.name)
        same = (seen.cluster, seen.bundle, str(ref)) == (fact.cluster, fact.bundle, fact.object)
        if same and entry.ended is None:
            entry.fighting = True


def _queued(state: FleetState, fact: facts.ReleaseQueued) -> None:
    release = from_data(Release, fact.release)
    if not release.fleet_revision and state.commit is not None:
        # Stored before releases named it; it was queued by the commit that is in force.
        release = replace(release, fleet_revision=Revision(state.commit.revision))
    state.travel.queue(release, pause=fact.pause)


def _dropped(state: FleetState, fact: facts.ReleaseDropped) -> None:
    state.travel.drop(fact.bundle, fact.revision)
    if fact.stranded:
        state.travel.stranded[fact.bundle] = Stranded(
            revision=fact.revision, reason=fact.reason, at=fact.at
        )


def _suspended(state: FleetState, fact: facts.Suspended) -> None:
    state.suspended[fact.target] = Mark(actor=fact.actor, reason=fact.reason, at=fact.at)


def _resumed(state: FleetState, fact: facts.Resumed) -> None:
    state.suspended.pop(fact.target, None)


_FOLDS: dict[type, Callable[[FleetState, Any], None]] = {
    **cluster_folds.FOLDS,
    facts.CommitAccepted: _accepted,
    facts.CommitRefused: _refused,
    facts.ShrinkHeld: _shrink_held,
    facts.ShrinkConfirmed: _shrink_confirmed,
    facts.SourceFailed: _source_failed,
    facts.SourceRecovered: _source_recovered,
    facts.ClustersJoined: _joined,
    facts.ClustersLeft: _left,
    facts.ReleaseCreated: _released,
    facts.ReleaseAssigned: _assigned,
    facts.BundleWithdrawn: _withdrawn,
    facts.PlacementEnded: _placement_ended,
    facts.Converged: _converged,
    facts.Degraded: _degraded,
    facts.Recovered: _recovered,
    facts.PruneWaits: _prune_waits,
    facts.PruneConfirmed: _prune_confirmed,
    facts.ObjectsPruned: _pruned,
    facts.DriftSeen: _drift_seen,
    facts.DriftEnded: _drift_ended,
    facts.DriftAcknowledged: _drift_acknowledged,
    facts.FightSeen: _fight,
    facts.ReleaseQueued: _queued,
    facts.ReleaseDropped: _dropped,
    facts.RolloutEvent: fold_rollout,
    facts.Suspended: _suspended,
    facts.Resumed: _resumed,
}
