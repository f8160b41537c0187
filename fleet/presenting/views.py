"""From state to the read model: one function for each entity.  Pure.

What is unknown is never shown as healthy: a cluster that does not answer is Offline whatever it
said before, and what its bundles are is Unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from clusters.events import BundleObserved, Silence
from clusters.model import BundleName, ClusterName, Health, worst
from fleet.deciding.desired import Lookup
from fleet.model import Inventory
from fleet.presenting.holds import hold_reason, on_hold
from fleet.presenting.narrating import when_free
from fleet.presenting.policies import policy_words
from fleet.rollout.planner import Outcome
from fleet.state.fleet import FleetState
from fleet.state.observed import Contact, Observed
from fleet.state.standing import Assignment, OpenDrift
from fleet.view import (
    BundleOnCluster,
    BundleView,
    ClusterState,
    ClusterView,
    DriftView,
    GitView,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that views are made of."""

    state: FleetState
    observed: Observed
    inventory: Inventory
    repository: str
    ref: str
    fetched_at: datetime | None = None
    at: datetime
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """What each rollout waits for."""
    lookup: Lookup = lambda _: None
    """Gives the manifests of a digest, if they are in memory."""


def git_view(picture: Picture) -> GitView:
    """The fleet repository."""
    commit, refused = picture.state.commit, picture.state.refused
    return GitView(
        repository=picture.repository,
        ref=picture.ref,
        revision=commit.revision if commit else "",
        subject=commit.subject if commit else "",
        author=commit.author if commit else "",
        committed_at=commit.committed_at if commit else None,
        fetched_at=picture.fetched_at,
        refused_revision=refused.revision if refused else "",
        problems=refused.problems if refused else (),
        error="; ".join(picture.state.source_errors.values()),
        forced=bool(commit and commit.forced),
    )


def placement_views(picture: Picture, cluster: str) -> Iterator[BundleOnCluster]:
    """How each bundle stands on a cluster."""
    for bundle, placed in picture.state.assignments.items():
        if entry := placed.get(cluster):
            yield placement_view(picture, cluster, bundle, entry)


def placement_view(
    picture: Picture, cluster: str, bundle: str, entry: Assignment
) -> BundleOnCluster:
    """How one bundle stands on one cluster."""
    contact = picture.observed.contact(cluster)
    seen = picture.observed.bundle(cluster, bundle)
    current = seen is not None and seen.applied_digest == entry.digest
    state, message = _bundle_state(picture, contact, cluster, bundle, entry, seen)
    return BundleOnCluster(
        cluster=cluster,
        bundle=bundle,
        state=state,
        health=(seen.health if seen else Health.UNKNOWN).value,
        revision=entry.revision if current else entry.good_revision,
        assigned_revision=entry.revision,
        digest=entry.digest if current else entry.good_digest,
        assigned_digest=entry.digest,
        objects=seen.objects if seen else 0,
        applied=seen.applied if seen else 0,
        drifted=seen.drifted if seen else 0,
        message=message,
        since=entry.since,
    )


def _bundle_state(
    picture: Picture,
    contact: Contact,
    cluster: str,
    bundle: str,
    entry: Assignment,
    seen: BundleObserved | None,
) -> tuple[ClusterState, str]:
    if (silent := _silent(picture, cluster, contact)) is not None:
        return silent
    for target in (f"cluster/{cluster}", f"bundle/{bundle}"):
        if mark := picture.state.suspended.get(target):
            return ClusterState.SUSPENDED, f"suspended by {mark.actor}: {mark.reason}"
    if seen is None:
        return ClusterState.PENDING, "not looked at yet"
    if seen.digest not in (None, entry.digest):
        # What was said last is of other content, whether that was good or bad.
        return ClusterState.RECONCILING, f"{entry.revision[:8]} is on its way"
    if seen.refused and seen.digest == entry.digest:
        return ClusterState.FAILED, seen.message or seen.refused
    if seen.drifted and seen.health is not Health.DEGRADED:
        return ClusterState.DRIFTED, seen.message or _drifted(seen.drifted)
    return _standing(entry, seen), seen.message


def _silent(picture: Picture, cluster: str, contact: Contact) -> tuple[ClusterState, str] | None:
    """The state of a cluster that tells nothing now; None for one that does."""
    facts = picture.state.clusters.get(cluster)
    if facts and facts.quarantined:
        return ClusterState.QUARANTINED, facts.quarantined
    if not contact.known:
        return ClusterState.PENDING, "not heard of since the server started"
    if not contact.connected:
        return ClusterState.OFFLINE, silence_words(contact)
    return None


def silence_words(contact: Contact) -> str:
    """Why nothing is heard of a cluster; first, why nobody asks, where that is not plain."""
    reason = contact.reason + when_free(contact.free_at)
    if contact.silence in {"", Silence.NO_ANSWER}:
        return reason
    return f"{contact.silence}: {reason}"


def _standing(entry: Assignment, seen: BundleObserved) -> ClusterState:
    if seen.health is Health.DEGRADED or (entry.degraded and seen.health is not Health.HEALTHY):
        return ClusterState.FAILED
    if seen.health is Health.UNKNOWN:
        return ClusterState.PENDING
    if seen.applied_digest == entry.digest and seen.health is Health.HEALTHY:
        return ClusterState.READY
    return ClusterState.RECONCILING


def _drifted(count: int) -> str:
    return f"{count} object{'s' if count > 1 else ''} changed by somebody else"


def cluster_view(picture: Picture, name: str) -> ClusterView:
    """One cluster, by the worst of its bundles."""
    contact = picture.observed.contact(name)
    bundles = list(placement_views(picture, name))
    declared = picture.inventory.clusters.get(ClusterName(name))
    state, why = _cluster_state(picture, name, contact, bundles)
    mark = picture.state.suspended.get(f"cluster/{name}")
    ready = sum(bundle.state is ClusterState.READY for bundle in bundles)
    known = contact.connected and all(bundle.health != Health.UNKNOWN for bundle in bundles)
    return ClusterView(
        name=name,
        labels=dict(declared.labels) if declared else {},
        state=state,
        health=(worst(Health(b.health) for b in bundles) if known else Health.UNKNOWN).value,
        version=contact.version,
        bundles_ready=ready,
        bundles_total=len(bundles),
        objects=sum(bundle.objects for bundle in bundles),
        drifted=sum(bundle.drifted for bundle in bundles),
        revision=_revision(bundles),
        last_seen=contact.last_seen,
        why=why,
        suspended=f"{mark.actor}: {mark.reason}" if mark else "",
        latency_ms=contact.latency_ms,
        silence=contact.silence,
    )


def _revision(bundles: list[BundleOnCluster]) -> str:
    """The newest commit of which anything is assigned."""
    newest = max(bundles, key=lambda bundle: bundle.since or _NEVER, default=None)
    return newest.assigned_revision if newest else ""


_NEVER = datetime.min.replace(tzinfo=UTC)


def _cluster_state(
    picture: Picture, name: str, contact: Contact, bundles: list[BundleOnCluster]
) -> tuple[ClusterState, str]:
    silent = _silent(picture, name, contact)
    if silent is not None and contact.known:
        return silent
    if mark := picture.state.suspended.get(f"cluster/{name}"):
        return ClusterState.SUSPENDED, f"suspended by {mark.actor}: {mark.reason}"
    if silent is not None:
        return silent
    order = list(ClusterState)
    alarming = max(bundles, key=lambda b: order.index(b.state), default=None)
    if alarming is None and picture.state.commit is None:
        # What it should hold is not known yet: that it holds nothing says nothing.
        return ClusterState.PENDING, "no commit is in force yet"
    if alarming is None:
        coming = sorted(b for b, placed in picture.state.newest.items() if name in placed)
        if coming:
            return ClusterState.PENDING, f"{', '.join(coming)}: not here yet"
        return ClusterState.READY, "no bundle is placed here"
    message = f"{alarming.bundle}: {alarming.message}" if alarming.message else ""
    return alarming.state, message


def bundle_view(picture: Picture, name: str, placements: Iterable[BundleOnCluster]) -> BundleView:
    """One bundle over all its clusters."""
    views = list(placements)
    ready = sum(view.state is ClusterState.READY for view in views)
    declared = picture.inventory.bundles.get(BundleName(name))
    release = picture.state.releases.get(name)
    mark = picture.state.suspended.get(f"bundle/{name}")
    source = declared.source if declared else None
    told = [view for view in views if view.message and view.state is not ClusterState.READY]
    order = list(ClusterState)
    worst_told = max(told, key=lambda view: order.index(view.state), default=None)
    trouble = f"{worst_told.cluster}: {worst_told.message}" if worst_told else ""
    if not trouble and (held := on_hold(picture.state.travel, name)):
        trouble = f"{held.plan.release.revision[:8]} is on hold: {hold_reason(held)}"
    return BundleView(
        name=name,
        source=f"{source.git or ''}{'//' if source.git else ''}{source.path}" if source else "",
        strategy=(declared.strategy or "") if declared else "",
        revision=release.revision if release else "",
        clusters_total=len(views),
        clusters_ready=ready,
        suspended=f"{mark.actor}: {mark.reason}" if mark else "",
        message=trouble if declared else "no longer in Git",
        policy=policy_words(declared) if declared else (),
    )


def drift_view(key: str, drift: OpenDrift) -> DriftView:
    """One drift."""
    seen = drift.seen
    change = ",".join(seen.paths)
    return DriftView(
        id=key,
        cluster=seen.cluster,
        bundle=seen.bundle,
        group=seen.group,
        kind=seen.object_kind,
        namespace=seen.namespace,
        name=seen.name,
        paths=seen.paths,
        who=seen.manager or "unknown",
        seen_at=seen.at,
        changed_at=seen.changed_at,
        policy=seen.policy,
        state=_drift_state(drift),
        same_as=f"{seen.object_kind}/{seen.namespace}/{seen.name}:{change}:{seen.manager}",
        note=drift.note,
    )


def _drift_state(drift: OpenDrift) -> str:
    if drift.ended:
        return "corrected"
    if drift.fighting:
        return "fighting"
    return "acknowledged" if drift.note else "open"
