"""What is observed of clusters, as the events that rollouts understand.  Pure.

Level-triggered: asked again it says the same, and `is_news` tells what a rollout knows already.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from clusters.events import BundleObserved
from clusters.model import ClusterName, Digest, Health
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterContested,
    ClusterFact,
    ClusterFailed,
    Degraded,
)
from fleet.rollout.member_events import (
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    MemberFact,
)
from fleet.rollout.planner import evolve
from fleet.rollout.progress import ClusterState
from fleet.rollout.state import Rollout
from fleet.state.fleet import FleetState
from fleet.state.observed import Observed
from fleet.state.standing import EMPTY_DIGEST

News = ClusterFact | MemberFact
_ILL = (Health.DEGRADED, Health.MISSING)


def news(
    state: FleetState,
    observed: Observed,
    rollout: Rollout,
    cluster: ClusterName,
    at: datetime,
    *,
    outdated: BundleObserved | None = None,
) -> Iterator[News]:
    """What the newest word of a cluster means for a rollout.

    Args:
        state: the fleet.
        observed: the newest word of every cluster.
        rollout: whom it is told.
        cluster: of whom.
        at: now.
        outdated: a word that speaks of content from before the newest assignment.
    """
    contact = observed.contact(cluster)
    if contact.known and not contact.connected:
        if cluster not in rollout.away:
            known = state.clusters.get(cluster)
            since = known.since if known and known.since and not known.connected else at
            yield ClusterUnreachable(at=since, cluster=cluster)
        return
    if contact.connected and cluster in rollout.away:
        yield ClusterReturned(at=at, cluster=cluster)
    bundle = rollout.plan.release.bundle
    entry = rollout.clusters[cluster]
    assigned = state.assignment(bundle, cluster)
    if assigned is None:
        if entry.state is ClusterState.ROLLING_BACK and entry.target is None and contact.connected:
            yield ClusterApplied(at=at, cluster=cluster, digest=None)
        return
    seen = observed.bundle(cluster, bundle)
    if seen is None or seen is outdated:
        return
    if entry.reobserve or entry.observing:
        # It speaks of this assignment again, so the assignment reached it.
        yield ClusterObserved(at=at, cluster=cluster, digest=_content(assigned.digest))
    asked = entry.in_flight and not entry.attempt_over
    if asked and (seen.contested or entry.contested):
        contests = seen.contested
        yield ClusterContested(at=at, cluster=cluster, digest=seen.digest, contests=contests)
    decidable = asked and bool(seen.contested)
    yield from _standing(seen, cluster, at, decidable=decidable)


def _standing(
    seen: BundleObserved, cluster: ClusterName, at: datetime, *, decidable: bool
) -> Iterator[News]:
    if seen.refused and seen.digest is not None and not decidable:
        # The server says no to the content itself: waiting for the deadline would change nothing.
        yield ClusterFailed(at=at, cluster=cluster, digest=seen.digest, reason=seen.refused)
    if seen.applied_digest is None or seen.applied_digest == EMPTY_DIGEST:
        return
    yield ClusterApplied(at=at, cluster=cluster, digest=seen.applied_digest)
    if seen.health is Health.HEALTHY:
        yield BecameHealthy(at=at, cluster=cluster, digest=seen.applied_digest)
    elif seen.health in _ILL:
        reason = seen.message
        yield Degraded(at=at, cluster=cluster, digest=seen.applied_digest, reason=reason)


def _content(digest: str) -> Digest | None:
    return None if digest == EMPTY_DIGEST else Digest(digest)


def is_news(rollout: Rollout, event: News, cluster: ClusterName) -> bool:
    """Whether an event changes anything for a rollout."""
    after = evolve(rollout, event)
    return after.clusters[cluster] != rollout.clusters[cluster] or after.away != rollout.away
