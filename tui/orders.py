"""From an action and what is selected to commands, and to what must be confirmed first.

Pure.  The tier says how much a person must do before anything is sent:

    T0 SEND    nothing: it only stops something (pausing a rollout)
    T1 ASK     a question that lists what is meant; Cancel has the focus
    T2 TYPE    the scope's name and a reason: production, many clusters, anything hard to undo
    T3 REFUSE  not here: deleting all of a bundle is for the command line, with its own safeguards

The server checks everything again; this is about the person's eyes, not about permission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from fleet.view import (
    BundleOnCluster,
    BundleView,
    ClusterState,
    ClusterView,
    CommandRequest,
    DriftView,
    NeedView,
    RolloutView,
)
from tui import format as fmt
from tui.queries import (
    Approval,
    DriftGroup,
    approvals,
    is_finished,
    is_paused,
    is_production,
    subject_of_need,
)
from tui.store import FleetStore

MANY_CLUSTERS = 10
"""From more clusters than these on, a question is not enough."""


class Tier(IntEnum):
    """How much must be done before a command is sent."""

    SEND = 0
    ASK = 1
    TYPE = 2
    REFUSE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Commands ready to be sent, and what to show first."""

    title: str
    verb: str
    tier: Tier
    requests: tuple[CommandRequest, ...]
    facts: tuple[str, ...] = ()
    scope: str = ""
    """The word to type at T2."""
    needs_reason: bool = False
    production: bool = False
    clusters: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class NotNow:
    """Why an action does not apply to what is selected."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutCluster:
    """One cluster inside one rollout, as selected in the rollout view."""

    rollout: RolloutView
    name: str
    stage: str
    state: str
    since: datetime | None = None
    note: str = ""


def plan(action: str, subjects: Sequence[object], store: FleetStore) -> Plan | NotNow:
    """Say what `action` would send for `subjects`, or why it would not."""
    resolved: list[object] = []
    for subject in subjects:
        found = subject_of_need(store, subject) if isinstance(subject, NeedView) else subject
        resolved += found.drifts if isinstance(found, DriftGroup) else [found]
    resolved = [each for each in resolved if each is not None]
    if not resolved:
        return NotNow("nothing is selected that this could be done to")
    plans = []
    for subject in resolved:
        one = _PLANNERS[action](subject, store)
        if isinstance(one, NotNow):
            return one
        plans.append(one)
    return plans[0] if len(plans) == 1 else _together(plans)


def _together(plans: Sequence[Plan]) -> Plan:
    clusters = frozenset().union(*(each.clusters for each in plans))
    tier = max(each.tier for each in plans)
    if tier is Tier.ASK and len(clusters) > MANY_CLUSTERS:
        tier = Tier.TYPE
    verb = plans[0].verb
    return Plan(
        title=f"{verb} {len(plans)} selected",
        verb=verb,
        tier=tier,
        requests=tuple(request for each in plans for request in each.requests),
        facts=tuple(each.title for each in plans),
        scope=f"{len(plans)} selected",
        needs_reason=any(each.needs_reason for each in plans),
        production=any(each.production for each in plans),
        clusters=clusters,
    )


def _one(
    command: str,
    target: str,
    *,
    store: FleetStore,
    title: str,
    verb: str,
    scope: str,
    clusters: Sequence[str] = (),
    tier: Tier = Tier.ASK,
    reason: bool = False,
    facts: Sequence[str] = (),
    arguments: Mapping[str, Any] | None = None,
) -> Plan:
    production = [
        name
        for name in clusters
        if name in store.clusters and is_production(store.clusters[name].labels)
    ]
    told = list(facts)
    if clusters:
        word = fmt.count(len(clusters), "cluster")
        told.insert(0, f"{word}, {len(production)} of them production" if production else word)
    if tier is Tier.ASK and (production or len(clusters) > MANY_CLUSTERS):
        tier = Tier.TYPE
    return Plan(
        title=title,
        verb=verb,
        tier=tier,
        requests=(CommandRequest(command=command, target=target, arguments=arguments or {}),),
        facts=tuple(told),
        scope=scope,
        needs_reason=reason or tier is Tier.TYPE,
        production=bool(production),
        clusters=frozenset(clusters),
    )


def _clusters_of_bundle(store: FleetStore, bundle: str) -> list[str]:
    return [each.cluster for each in store.placements.values() if each.bundle == bundle]


def _sync(subject: object, store: FleetStore) -> Plan | NotNow:
    match subject:
        case ClusterView(suspended=why) if why:
            return NotNow(f"{subject.name} is suspended ({why}): resume it first (T)")
        case ClusterView(name=name):
            return _one(
                "reconcile", f"cluster/{name}", store=store, title=f"Sync {name}", verb="Sync",
                scope=name, clusters=[name],
                facts=[
                    f"applies the assigned releases of {fmt.count(subject.bundles_total, 'bundle')}",
                    f"{fmt.count(subject.objects, 'object')}, {subject.drifted} drifted",
                ],
            )  # fmt: skip
        case BundleOnCluster(cluster=cluster, bundle=bundle):
            return _one(
                "reconcile", f"cluster/{cluster}", store=store, verb="Sync", scope=cluster,
                title=f"Sync {cluster}", clusters=[cluster], arguments={"bundle": bundle},
                facts=[f"{bundle}: {subject.applied} of {subject.objects} objects are as desired"],
            )  # fmt: skip
        case BundleView(name=name):
            return _one(
                "reconcile", f"bundle/{name}", store=store, title=f"Sync {name} everywhere",
                verb="Sync", scope=name, clusters=_clusters_of_bundle(store, name),
                facts=["applies on each cluster the release that is assigned to it"],
            )  # fmt: skip
        case DriftView():
            return _correct(subject, store)
        case _:
            return NotNow("sync works on clusters, bundles and drift")


def _correct(drift: DriftView, store: FleetStore) -> Plan | NotNow:
    if drift.state == "corrected":
        return NotNow("this drift is already put back")
    fields = ", ".join(drift.paths) or "the whole object"
    return _one(
        "correctDrift", f"drift/{drift.id}", store=store, verb="Put back", scope=drift.cluster,
        title=f"Put back {drift.kind} {drift.name} on {drift.cluster}", clusters=[drift.cluster],
        facts=[f"overwrites {fields}", f"held now by {drift.who}"],
    )  # fmt: skip


def _suspend(subject: object, store: FleetStore) -> Plan | NotNow:
    match subject:
        case RolloutView():
            return _pause(subject, store)
        case RolloutCluster(rollout=rollout):
            return _pause(rollout, store)
        case ClusterView(name=name):
            kind, clusters, suspended = "cluster", [name], subject.suspended
        case BundleView(name=name):
            kind, suspended = "bundle", subject.suspended
            clusters = _clusters_of_bundle(store, name)
        case _:
            return NotNow("only clusters, bundles and rollouts can be suspended")
    if suspended:
        return _one(
            "resume", f"{kind}/{name}", store=store, title=f"Resume {name}", verb="Resume",
            scope=name, clusters=clusters, facts=[f"suspended: {suspended}"],
        )  # fmt: skip
    return _one(
        "suspend", f"{kind}/{name}", store=store, title=f"Suspend {name}", verb="Suspend",
        scope=name, clusters=clusters, reason=True,
        facts=["nothing is applied or corrected there until it is resumed"],
    )  # fmt: skip


def _pause(rollout: RolloutView, store: FleetStore) -> Plan | NotNow:
    if is_finished(rollout):
        return NotNow(f"{rollout.id} is finished ({rollout.phase})")
    if is_paused(rollout):
        left = [each.name for each in rollout.clusters if each.state.lower() == "pending"]
        return _one(
            "resumeRollout", f"rollout/{rollout.id}", store=store, title=f"Resume {rollout.id}",
            verb="Resume", scope=rollout.id, facts=[f"{fmt.count(len(left), 'cluster')} to go"],
        )  # fmt: skip
    return _one(
        "pause", f"rollout/{rollout.id}", store=store, title=f"Pause {rollout.id}", verb="Pause",
        scope=rollout.id, tier=Tier.SEND,
    )  # fmt: skip


def _waiting_approval(subject: object) -> Approval | NotNow:
    match subject:
        case Approval():
            return subject
        case RolloutView() | RolloutCluster():
            rollout = subject if isinstance(subject, RolloutView) else subject.rollout
            found = approvals([rollout])
            return found[0] if found else NotNow(f"{rollout.id} waits for no approval")
        case _:
            return NotNow("only rollouts are approved")


def _approve(subject: object, store: FleetStore) -> Plan | NotNow:
    found = _waiting_approval(subject)
    if isinstance(found, NotNow):
        return found
    return _answer(found, store, command="approve", verb="Approve")


def _answer(found: Approval, store: FleetStore, *, command: str, verb: str) -> Plan:
    rollout, stage, gate = found.rollout, found.stage, found.gate
    members = [each.name for each in rollout.clusters if each.stage == stage.name]
    others = [
        f"gate {each.name}: {each.sentence}"
        for each in (*stage.gates_before, *stage.gates_during, *stage.gates_after)
        if each.state != "open" and each.name != gate.name
    ]
    needed = f"{len(gate.approvals)} of {gate.approvals_needed} given"
    given = f"{needed} ({', '.join(gate.approvals)})" if gate.approvals else needed
    return _one(
        command, f"rollout/{rollout.id}", store=store, verb=verb, scope=stage.name,
        title=f"{verb} {rollout.bundle} {fmt.short_revision(rollout.to_revision)} for {stage.name}",
        tier=Tier.TYPE, reason=True, clusters=members,
        arguments={
            "stage": stage.name,
            "gate": gate.name,
            "position": found.position,
            "planHash": rollout.plan_hash,
        },
        facts=[given, *rollout.changes, *others, *([stage.bound] if stage.bound else [])],
    )  # fmt: skip


def _reject(subject: object, store: FleetStore) -> Plan | NotNow:
    found = _waiting_approval(subject)
    if isinstance(found, Approval):
        return _answer(found, store, command="reject", verb="Reject")
    rollout = subject.rollout if isinstance(subject, RolloutCluster) else subject
    if not isinstance(rollout, RolloutView):
        return found
    return _whole(rollout, store, command="abort", verb="Abort", fact="clusters keep what they run")


def _whole(
    rollout: RolloutView, store: FleetStore, *, command: str, verb: str, fact: str
) -> Plan | NotNow:
    if is_finished(rollout) and command != "rollback":
        return NotNow(f"{rollout.id} is finished ({rollout.phase})")
    return _one(
        command, f"rollout/{rollout.id}", store=store, title=f"{verb} {rollout.id}", verb=verb,
        scope=rollout.bundle, tier=Tier.TYPE, reason=True, facts=[fact],
        clusters=[each.name for each in rollout.clusters],
    )  # fmt: skip


def _promote(subject: object, store: FleetStore) -> Plan | NotNow:
    rollout = subject.rollout if isinstance(subject, RolloutCluster) else subject
    if not isinstance(rollout, RolloutView):
        return NotNow("only rollouts are promoted")
    if is_finished(rollout):
        return NotNow(f"{rollout.id} is finished ({rollout.phase})")
    stage = next(
        (each for each in rollout.stages if each.state.lower() in {"pending", "waiting"}), None
    )
    if stage is None:
        return NotNow("no stage is waiting")
    return _one(
        "promote", f"rollout/{rollout.id}", store=store, verb="Promote", scope=stage.name,
        title=f"Promote {rollout.bundle} into {stage.name}", tier=Tier.TYPE, reason=True,
        arguments={"stage": stage.name},
        clusters=[each.name for each in rollout.clusters if each.stage == stage.name],
        facts=[
            f"passes over gate {gate.name}: {gate.sentence}"
            for gate in stage.gates_before
            if gate.state != "open"
        ],
    )  # fmt: skip


def _retry(subject: object, store: FleetStore) -> Plan | NotNow:
    match subject:
        case RolloutCluster(rollout=rollout, name=name):
            return _one(
                "retry", f"rollout/{rollout.id}", store=store, verb="Retry", scope=name,
                title=f"Retry {rollout.bundle} on {name}", clusters=[name],
                arguments={"clusters": [name]},
            )  # fmt: skip
        case RolloutView():
            failed = [each.name for each in subject.clusters if each.state.lower() == "failed"]
            if not failed:
                return NotNow("no cluster of this rollout failed")
            return _one(
                "retry", f"rollout/{subject.id}", store=store, verb="Retry", scope=subject.bundle,
                title=f"Retry failed clusters of {subject.id}", clusters=failed,
                arguments={"clusters": failed},
            )  # fmt: skip
        case ClusterView(state=ClusterState.QUARANTINED, name=name):
            return _one(
                "resume", f"cluster/{name}", store=store, verb="Retry", scope=name,
                title=f"Take {name} out of quarantine", clusters=[name], reason=True,
            )  # fmt: skip
        case _:
            return NotNow("only failed clusters of a rollout, or quarantined ones, are retried")


def _skip(subject: object, store: FleetStore) -> Plan | NotNow:
    if not isinstance(subject, RolloutCluster):
        return NotNow("choose a cluster of a rollout to leave out")
    if is_finished(subject.rollout):
        return NotNow(f"{subject.rollout.id} is finished")
    return _one(
        "skip", f"rollout/{subject.rollout.id}", store=store, verb="Skip", scope=subject.name,
        title=f"Leave {subject.name} out of {subject.rollout.id}", clusters=[subject.name],
        tier=Tier.TYPE, reason=True, arguments={"cluster": subject.name},
        facts=["it keeps what it runs, and the rollout goes on without it"],
    )  # fmt: skip


def _rollback(subject: object, store: FleetStore) -> Plan | NotNow:
    match subject:
        case RolloutView() | RolloutCluster():
            rollout = subject if isinstance(subject, RolloutView) else subject.rollout
            fact = "each cluster returns to its own last good release; the bad one is held"
            return _whole(rollout, store, command="rollback", verb="Roll back", fact=fact)
        case BundleView(name=name):
            return _one(
                "rollback", f"bundle/{name}", store=store, verb="Roll back", scope=name,
                title=f"Roll back {name}", tier=Tier.TYPE, reason=True,
                clusters=_clusters_of_bundle(store, name),
                facts=["each cluster returns to its own last good release"],
            )  # fmt: skip
        case _:
            return NotNow("rollouts and bundles are rolled back")


def _hold(subject: object, store: FleetStore) -> Plan | NotNow:
    if not isinstance(subject, BundleView):
        return NotNow("only bundles are held")
    name = subject.name
    if subject.held_digest:
        return _one(
            "releaseHold", f"bundle/{name}", store=store, verb="Release", scope=name,
            title=f"Release the hold on {name}", tier=Tier.TYPE, reason=True,
            clusters=_clusters_of_bundle(store, name),
            facts=[f"digest {subject.held_digest[:12]} may be rolled out again"],
        )  # fmt: skip
    return _one(
        "hold", f"bundle/{name}", store=store, verb="Hold", scope=name, title=f"Hold {name}",
        reason=True, facts=["no new release of it starts until the hold is released"],
    )  # fmt: skip


def _acknowledge(subject: object, store: FleetStore) -> Plan | NotNow:
    if not isinstance(subject, DriftView):
        return NotNow("only drift is acknowledged")
    if subject.state in {"acknowledged", "corrected"}:
        return NotNow(f"this drift is {subject.state}")
    return _one(
        "acknowledgeDrift", f"drift/{subject.id}", store=store, verb="Acknowledge",
        scope=subject.cluster, reason=True,
        title=f"Acknowledge {subject.kind} {subject.name} on {subject.cluster}",
        facts=["it stays as it is, and no longer asks for attention"],
    )  # fmt: skip


def _confirm_prune(subject: object, store: FleetStore) -> Plan | NotNow:
    match subject:
        case BundleView(name=bundle):
            clusters = _clusters_of_bundle(store, bundle)
            arguments: dict[str, Any] = {}
        case BundleOnCluster(bundle=bundle, cluster=cluster):
            clusters, arguments = [cluster], {"clusters": [cluster]}
        case _:
            return NotNow("deletions are confirmed for a bundle")
    waits = next((need for need in store.needs.values() if need.id == f"confirm/{bundle}"), None)
    if waits is None:
        return NotNow("no deletion waits for a word here")
    emptied = bundle in store.bundles and store.bundles[bundle].message == "no longer in Git"
    return _one(
        "confirmPrune", f"bundle/{bundle}", store=store, verb="Delete", scope=bundle,
        title=f"Confirm the deletions of {bundle}", reason=True, clusters=clusters,
        tier=Tier.REFUSE if emptied else Tier.TYPE, arguments=arguments,
        facts=[waits.sentence, "deleted objects do not come back by themselves"],
    )  # fmt: skip


_PLANNERS: dict[str, Callable[[Any, FleetStore], Plan | NotNow]] = {
    "sync": _sync,
    "suspend": _suspend,
    "approve": _approve,
    "reject": _reject,
    "promote": _promote,
    "retry": _retry,
    "skip": _skip,
    "rollback": _rollback,
    "hold": _hold,
    "acknowledge": _acknowledge,
    "confirm_prune": _confirm_prune,
}
