"""Facts as sentences: what a person reads in the audit log.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from fleet.rollout.narrative import narrate
from fleet.rollout.record import read_event
from fleet.state import facts
from fleet.state.facts import FleetFact, to_row
from fleet.view import EventView


def event_view(seq: int, fact: FleetFact) -> EventView:
    """One row of the audit log as it is shown."""
    kind, data = to_row(fact)
    cluster, bundle = data.get("cluster", ""), data.get("bundle", "")
    return EventView(
        seq=seq,
        at=fact.at,
        actor=fact.actor,
        kind=kind,
        cluster=cluster,
        bundle=bundle,
        sentence=sentence_of(fact),
        data={} if isinstance(fact, facts.RolloutEvent | facts.ReleaseCreated) else data,
    )


def sentence_of(fact: FleetFact) -> str:
    """Say what happened."""
    return _SENTENCES[type(fact)](fact)


def when_free(at: datetime | None) -> str:
    """When another server's right to write runs out, to be said after whose it is."""
    return f" (at {at:%H:%M:%S} UTC, should nothing more be heard of it)" if at else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _names(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _short(revision: str) -> str:
    return revision[:8]


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _errand(target: str) -> str:
    kind, _, name = target.partition("/")
    if kind == "drift":
        return f"put back what was changed: {name}"
    return "look at Git now" if kind == "git" else f"look at {target} now"


_NOTED: dict[str, Callable[[facts.ObjectNoted], str]] = {
    "adopted": lambda f: f"adopted {f.object}, which was there before (held by {f.words})",
    "replaced": lambda f: f"deleted {f.object} to make it anew: {f.words} cannot be changed",
    "detached": lambda f: f"let go of {f.object}, which stays on the cluster: {f.words}",
}

_SENTENCES: dict[type, Callable[[Any], str]] = {
    facts.CommitAccepted: lambda f: (
        f"commit {_short(f.revision)} «{f.subject}» by {f.author} is in force"
        + (" (force-pushed)" if f.forced else "")
        + (f", {_count(len(f.warnings), 'warning')}" if f.warnings else "")
    ),
    facts.CommitRefused: lambda f: (
        f"commit {_short(f.revision)} «{f.subject}» by {f.author} is refused: "
        f"{_count(len(f.problems), 'problem')}"
    ),
    facts.ShrinkHeld: lambda f: (
        f"commit {_short(f.revision)} «{f.subject}» by {f.author} waits for a confirmation: "
        + "; ".join(f.reasons)
    ),
    facts.ShrinkConfirmed: lambda f: (
        f"commit {_short(f.revision)} may take clusters away{_because(f.reason)}"
    ),
    facts.SourceFailed: lambda f: f"cannot read {f.repository}: {f.error}",
    facts.SourceRecovered: lambda f: f"{f.repository} can be read again",
    facts.ClustersJoined: lambda f: f"in the inventory now: {_names(f.clusters)}",
    facts.ClustersLeft: lambda f: (
        f"left the inventory, no longer managed, nothing deleted: {_names(f.clusters)}"
    ),
    facts.ReleaseCreated: lambda f: (
        f"release {_short(f.revision)} «{f.subject}» of {f.bundle} by {f.author}"
    ),
    facts.ReleaseAssigned: lambda f: (
        f"{f.bundle} {_short(f.revision)} assigned to {_names(f.clusters)} ({f.cause})"
    ),
    facts.BundleWithdrawn: lambda f: f"{f.bundle} withdrawn from {_names(f.clusters)}",
    facts.PlacementEnded: lambda f: f"{f.bundle} is gone from {f.cluster}",
    facts.ClusterConnected: lambda f: f"{f.cluster} answers ({f.version})",
    facts.ClusterReplaced: lambda f: (
        f"{f.cluster} is another cluster now, or lost its data; it is rebuilt from Git"
    ),
    facts.ClusterRebuilt: lambda f: (
        f"{f.cluster} is rebuilt: {_count(f.bundles, 'bundle')} in {f.seconds:.1f} s"
    ),
    facts.ApplySetRecalled: lambda f: (
        f"{_count(f.objects, 'object')} on {f.cluster} known from its own record only; "
        "nothing of that is deleted unless somebody confirms"
    ),
    facts.MirrorChanged: lambda f: (
        f"{f.cluster} does not keep the record of its apply set: {f.reason}"
        if f.reason
        else f"{f.cluster} keeps the record of its apply set again"
    ),
    facts.AuditDisagreed: lambda f: (
        f"the audit disagrees: {f.object} on {f.cluster} differs at "
        f"{_names(f.paths) or 'all of it'}, and no watch had told; it is looked at anew"
    ),
    facts.AuditPassed: lambda f: (
        f"the audit of {f.cluster} agrees again ({_count(f.objects, 'object')} compared)"
    ),
    facts.ClusterLost: lambda f: f"{f.cluster} does not answer: {f.reason}{when_free(f.free_at)}",
    facts.ClusterQuarantined: lambda f: f"{f.cluster} is quarantined: {f.error}",
    facts.ClusterReleased: lambda f: f"{f.cluster} is out of quarantine",
    facts.ObjectsWritten: lambda f: (
        f"{f.bundle} on {f.cluster}: {f.created} created, {f.changed} changed"
    ),
    facts.Converged: lambda f: f"{f.bundle} {_short(f.revision)} is healthy on {f.cluster}",
    facts.Degraded: lambda f: f"{f.bundle} on {f.cluster} degraded{_because(f.message)}",
    facts.Recovered: lambda f: f"{f.bundle} on {f.cluster} is healthy again",
    facts.ObjectRefused: lambda f: f"{f.object} is not applied on {f.cluster}: {f.reason}",
    facts.PruneWaits: lambda f: (
        f"{_count(len(f.objects), 'object')} of {f.bundle} on {f.cluster} kept until somebody "
        f"confirms: {f.reason}"
    ),
    facts.PruneConfirmed: lambda f: (
        f"deleting {_count(len(f.objects), 'object') if f.objects else 'what left'} of {f.bundle} "
        f"confirmed for {_names(f.clusters)}{_because(f.reason)}"
    ),
    facts.ObjectsPruned: lambda f: f"{f.bundle} on {f.cluster}: deleted {_names(f.objects)}",
    facts.ObjectNoted: lambda f: f"{f.bundle} on {f.cluster}: {_NOTED[f.what](f)}",
    facts.DriftSeen: lambda f: (
        f"{f.object_kind} {f.namespace + '/' if f.namespace else ''}{f.name} on {f.cluster}: "
        f"{_names(f.paths) or 'deleted'} changed by {f.manager or 'unknown'}"
    ),
    facts.DriftEnded: lambda f: (
        f"{f.object_kind} {f.namespace + '/' if f.namespace else ''}{f.name} on {f.cluster} "
        + ("corrected" if f.corrected else "is as applied again")
    ),
    facts.DriftAcknowledged: lambda f: f"drift acknowledged: {f.note}",
    facts.FightSeen: lambda f: (
        f"{f.object} on {f.cluster} was changed back {f.corrections} times in a minute by "
        f"{f.manager or 'unknown'}; correction pauses until {f.until:%H:%M}"
    ),
    facts.LogPruned: lambda f: f"the audit log up to event {f.through} was moved to {f.archive}",
    facts.Suspended: lambda f: f"{f.target} suspended: {f.reason}",
    facts.Resumed: lambda f: f"{f.target} resumed{_because(f.reason)}",
    facts.ReconcileAsked: lambda f: f"asked to {_errand(f.target)}{_because(f.reason)}",
    facts.ReleaseQueued: lambda f: f"release {_short(f.revision)} of {f.bundle} waits to travel",
    facts.ReleaseDropped: lambda f: (
        f"release {_short(f.revision)} of {f.bundle} will not travel: {f.reason}"
    ),
    facts.Watched: lambda _: "rollouts are watched; nothing new",
    facts.RolloutEvent: lambda f: f"{f.rollout}: {narrate(read_event(f.event))}",
}
