"""What follows from what a reconciler reports.  Pure: only what is new becomes a fact."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters import events as seen
from clusters.events import ClusterEvent
from clusters.model import Health, ObjectRef
from fleet.deciding.travelling import fact_of
from fleet.rollout.events import DriftSeen
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState
from fleet.state.standing import EMPTY_DIGEST

_ILL = (Health.DEGRADED, Health.MISSING)


def facts_of(state: FleetState, event: ClusterEvent) -> list[FleetFact]:
    """The facts that an event adds to the state; empty when it says nothing new."""
    if event.cluster not in state.clusters:
        return []
    return _RULES[type(event)](state, event)


def _connected(state: FleetState, event: seen.Connected) -> list[FleetFact]:
    known = state.clusters[event.cluster]
    another = event.identity and event.identity != known.identity
    if known.connected and known.version == event.version and not another:
        return []
    found: list[FleetFact] = [
        facts.ClusterConnected(
            at=event.at, cluster=event.cluster, version=event.version, identity=event.identity
        )
    ]
    if another and known.identity:
        found.append(
            facts.ClusterReplaced(
                at=event.at, cluster=event.cluster, was=known.identity, now=event.identity
            )
        )
    return found


def _mirror_read(state: FleetState, event: seen.MirrorRead) -> list[FleetFact]:
    del state
    if not event.recalled:
        return []
    return [facts.ApplySetRecalled(at=event.at, cluster=event.cluster, objects=event.recalled)]


def _mirror_failed(state: FleetState, event: seen.MirrorFailed) -> list[FleetFact]:
    if state.clusters[event.cluster].mirror_trouble == event.reason:
        return []
    return [facts.MirrorChanged(at=event.at, cluster=event.cluster, reason=event.reason)]


def _disconnected(state: FleetState, event: seen.Disconnected) -> list[FleetFact]:
    known = state.clusters[event.cluster]
    if not known.connected and known.reason == event.reason:
        return []
    return [
        facts.ClusterLost(
            at=event.at, cluster=event.cluster, reason=event.reason, free_at=event.free_at
        )
    ]


def _crashed(state: FleetState, event: seen.ReconcilerCrashed) -> list[FleetFact]:
    return [facts.ClusterQuarantined(at=event.at, cluster=event.cluster, error=event.error)]


def _observed(state: FleetState, event: seen.BundleObserved) -> list[FleetFact]:
    return [*_drift_over(state, event), *_standing(state, event)]


def _drift_over(state: FleetState, event: seen.BundleObserved) -> list[FleetFact]:
    """The end of drift that went away while nobody looked: a server that was down, an outage."""
    if event.drifted or event.health is Health.UNKNOWN:
        return []
    return [
        facts.DriftEnded(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            group=drift.seen.group,
            object_kind=drift.seen.object_kind,
            namespace=drift.seen.namespace,
            name=drift.seen.name,
            corrected=False,
        )
        for drift in state.drift.values()
        if drift.ended is None
        and drift.seen.cluster == event.cluster
        and drift.seen.bundle == event.bundle
    ]


def _standing(state: FleetState, event: seen.BundleObserved) -> list[FleetFact]:
    entry = state.assignment(event.bundle, event.cluster)
    if entry is None or event.applied_digest != entry.digest:
        return []
    if entry.withdrawn and entry.digest == EMPTY_DIGEST:
        ended = facts.PlacementEnded(at=event.at, cluster=event.cluster, bundle=event.bundle)
        return [ended] if event.leftover == 0 else []
    where: dict[str, Any] = {"at": event.at, "cluster": event.cluster, "bundle": event.bundle}
    if event.health is Health.HEALTHY and not entry.converged:
        converged = facts.Converged(**where, digest=entry.digest, revision=entry.revision)
        return [converged, *_rebuilt(state, event)]
    if event.health is Health.HEALTHY and entry.degraded:
        return [facts.Recovered(**where, digest=entry.digest)]
    if event.health in _ILL and entry.converged and not entry.degraded:
        return [facts.Degraded(**where, digest=entry.digest, message=event.message)]
    return []


def _rebuilt(state: FleetState, event: seen.BundleObserved) -> list[FleetFact]:
    """Whether this was the last bundle that a replaced cluster lacked."""
    since = state.clusters[event.cluster].replaced_at
    placed = {
        name: entries[event.cluster]
        for name, entries in state.assignments.items()
        if event.cluster in entries and not entries[event.cluster].withdrawn
    }
    lacking = [name for name, entry in placed.items() if not entry.converged]
    if since is None or lacking != [event.bundle]:
        return []
    return [
        facts.ClusterRebuilt(
            at=event.at,
            cluster=event.cluster,
            seconds=round((event.at - since).total_seconds(), 3),
            bundles=len(placed),
        )
    ]


def _applied(state: FleetState, event: seen.ObjectsApplied) -> list[FleetFact]:
    del state
    if not (event.created or event.changed):
        return []
    return [
        facts.ObjectsWritten(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            digest=event.digest,
            created=event.created,
            changed=event.changed,
        )
    ]


def _refused(state: FleetState, event: seen.ApplyFailed) -> list[FleetFact]:
    del state
    return [
        facts.ObjectRefused(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            object=str(event.ref),
            reason=event.reason,
        )
    ]


def _noted(state: FleetState, event: seen.ObjectNoted) -> list[FleetFact]:
    del state
    return [
        facts.ObjectNoted(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            object=str(event.ref),
            what=event.kind.value,
            words=event.words,
        )
    ]


def _pruned(state: FleetState, event: seen.Pruned) -> list[FleetFact]:
    del state
    return [
        facts.ObjectsPruned(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            objects=[str(ref) for ref in event.refs],
        )
    ]


def _held(state: FleetState, event: seen.PruneHeld) -> list[FleetFact]:
    entry = state.assignment(event.bundle, event.cluster)
    objects = [str(ref) for ref in event.refs]
    if entry is None or entry.digest != event.digest:
        return []
    if entry.prune_waits and list(entry.prune_waits.objects) == objects:
        return []
    return [
        facts.PruneWaits(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            digest=event.digest,
            objects=objects,
            reason=event.reason,
        )
    ]


def _drift(state: FleetState, event: seen.DriftFound) -> list[FleetFact]:
    found: list[FleetFact] = [
        facts.DriftSeen(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            **_object(event.ref),
            paths=event.paths,
            manager=event.manager,
            changed_at=event.changed_at,
            policy=event.policy.value,
        )
    ]
    # What soaks is no longer what was released: the soak begins again, the third time it failed.
    what = ", ".join(event.paths) or "deleted"
    detail = f"{event.ref} was changed by hand: {what} by {event.manager or 'unknown'}"
    for rollout in state.travel.open():
        entry = rollout.clusters.get(event.cluster)
        if rollout.plan.release.bundle == event.bundle and entry is not None and entry.in_flight:
            told = DriftSeen(at=event.at, cluster=event.cluster, detail=detail)
            found.append(fact_of(rollout.id, event.bundle, told))
    return found


def _drift_ended(state: FleetState, event: seen.DriftCorrected) -> list[FleetFact]:
    del state
    return [
        facts.DriftEnded(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            **_object(event.ref),
            corrected=event.by_us,
        )
    ]


def _object(ref: ObjectRef) -> dict[str, str]:
    return {
        "group": ref.group,
        "object_kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
    }


def _fight(state: FleetState, event: seen.FightDetected) -> list[FleetFact]:
    del state
    return [
        facts.FightSeen(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            object=str(event.ref),
            manager=event.manager,
            corrections=event.corrections,
            until=event.until,
        )
    ]


def _audit_disagreed(state: FleetState, event: seen.AuditDisagreed) -> list[FleetFact]:
    del state
    return [
        facts.AuditDisagreed(
            at=event.at,
            cluster=event.cluster,
            bundle=event.bundle,
            object=str(event.ref),
            paths=event.paths,
            manager=event.manager,
        )
    ]


def _audited(state: FleetState, event: seen.Audited) -> list[FleetFact]:
    if event.disagreements or not state.clusters[event.cluster].disagreements:
        return []
    return [facts.AuditPassed(at=event.at, cluster=event.cluster, objects=event.objects)]


_RULES: dict[type, Callable[[FleetState, Any], list[FleetFact]]] = {
    seen.Connected: _connected,
    seen.MirrorRead: _mirror_read,
    seen.MirrorFailed: _mirror_failed,
    seen.Disconnected: _disconnected,
    seen.ReconcilerCrashed: _crashed,
    seen.BundleObserved: _observed,
    seen.ObjectsApplied: _applied,
    seen.ApplyFailed: _refused,
    seen.ObjectNoted: _noted,
    seen.Pruned: _pruned,
    seen.PruneHeld: _held,
    seen.DriftFound: _drift,
    seen.DriftCorrected: _drift_ended,
    seen.FightDetected: _fight,
    seen.AuditDisagreed: _audit_disagreed,
    seen.Audited: _audited,
}
