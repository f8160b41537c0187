"""What actions mean for rollouts.  Pure; `tui.orders.choosing` chooses among them."""

from __future__ import annotations

from fleet.view import BundleView, ClusterState, ClusterView, RolloutView
from tui.model.queries import Approval, approvals, is_finished, is_paused
from tui.model.store import FleetStore
from tui.orders.needs import contest_of, leave_field, take_over
from tui.orders.plans import NotNow, Plan, RolloutCluster, Tier, clusters_of_bundle, one
from tui.text import format as fmt

_NOT_REACHED = frozenset({"pending", "blocked", "unchanged", "withdrawn", "rolledback"})
"""States of clusters of a rollout that do not have its release."""


def pause(rollout: RolloutView, store: FleetStore) -> Plan | NotNow:
    """Pause, or resume what is paused or halted."""
    if is_finished(rollout):
        return NotNow(f"{rollout.id} is finished ({rollout.phase})")
    if is_paused(rollout):
        left = [each.name for each in rollout.clusters if each.state.lower() == "pending"]
        return one(
            "resumeRollout", f"rollout/{rollout.id}", store=store, title=f"Resume {rollout.id}",
            verb="Resume", scope=rollout.id, facts=[f"{fmt.count(len(left), 'cluster')} to go"],
        )  # fmt: skip
    return one(
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


def approve(subject: object, store: FleetStore) -> Plan | NotNow:
    """Approve the gate that waits."""
    found = _waiting_approval(subject)
    if isinstance(found, Approval):
        return _answer(found, store, command="approve", verb="Approve")
    contest = contest_of(subject, store)
    return found if contest is None else take_over(contest, store)


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
    return one(
        command, f"rollout/{rollout.id}", store=store, verb=verb, scope=stage.name,
        title=f"{verb} {rollout.bundle} {fmt.short_revision(rollout.to_revision)} for {stage.name}",
        tier=Tier.TYPE, reason=True, clusters=members,
        arguments={
            "stage": stage.name,
            "gate": gate.name,
            "planHash": rollout.plan_hash,
        },
        facts=[given, *rollout.changes, *others, *([stage.bound] if stage.bound else [])],
    )  # fmt: skip


def reject(subject: object, store: FleetStore) -> Plan | NotNow:
    """Reject the gate that waits; without one, abort."""
    found = _waiting_approval(subject)
    if isinstance(found, Approval):
        return _answer(found, store, command="reject", verb="Reject")
    rollout = subject.rollout if isinstance(subject, RolloutCluster) else subject
    if not isinstance(rollout, RolloutView):
        return found
    if (contest := contest_of(subject, store)) is not None:
        return leave_field(contest, store)
    if is_finished(rollout):
        return NotNow(f"{rollout.id} is finished ({rollout.phase})")
    return one(
        "abort", f"rollout/{rollout.id}", store=store, title=f"Abort {rollout.id}", verb="Abort",
        scope=rollout.bundle, tier=Tier.TYPE, reason=True, facts=["clusters keep what they run"],
        clusters=[each.name for each in rollout.clusters],
    )  # fmt: skip


def promote(subject: object, store: FleetStore) -> Plan | NotNow:
    """Let the release into the next stage."""
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
    return one(
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


def retry(subject: object, store: FleetStore) -> Plan | NotNow:
    """Try again what failed."""
    match subject:
        case RolloutCluster(rollout=rollout, name=name):
            return one(
                "retry", f"rollout/{rollout.id}", store=store, verb="Retry", scope=name,
                title=f"Retry {rollout.bundle} on {name}", clusters=[name],
                arguments={"clusters": [name]},
            )  # fmt: skip
        case RolloutView():
            failed = [each.name for each in subject.clusters if each.state.lower() == "failed"]
            if not failed:
                return NotNow("no cluster of this rollout failed")
            return one(
                "retry", f"rollout/{subject.id}", store=store, verb="Retry", scope=subject.bundle,
                title=f"Retry failed clusters of {subject.id}", clusters=failed,
                arguments={"clusters": failed},
            )  # fmt: skip
        case ClusterView(state=ClusterState.QUARANTINED, name=name):
            return one(
                "resume", f"cluster/{name}", store=store, verb="Retry", scope=name,
                title=f"Take {name} out of quarantine", clusters=[name], reason=True,
            )  # fmt: skip
        case _:
            return NotNow("only failed clusters of a rollout, or quarantined ones, are retried")


def skip(subject: object, store: FleetStore) -> Plan | NotNow:
    """Leave a cluster out."""
    if not isinstance(subject, RolloutCluster):
        return NotNow("choose a cluster of a rollout to leave out")
    if is_finished(subject.rollout):
        return NotNow(f"{subject.rollout.id} is finished")
    return one(
        "skip", f"rollout/{subject.rollout.id}", store=store, verb="Skip", scope=subject.name,
        title=f"Leave {subject.name} out of {subject.rollout.id}", clusters=[subject.name],
        tier=Tier.TYPE, reason=True, arguments={"clusters": [subject.name]},
        facts=["it keeps what it runs, and the rollout goes on without it"],
    )  # fmt: skip


def rollback(subject: object, store: FleetStore) -> Plan | NotNow:
    """Return to the last good release, on the clusters that have the new one."""
    match subject:
        case RolloutView() | RolloutCluster():
            rollout = subject if isinstance(subject, RolloutView) else subject.rollout
            return _rollback(f"rollout/{rollout.id}", rollout.id, rollout, store)
        case BundleView(name=name):
            changed = [
                each for each in store.rollouts.values() if each.bundle == name and reached(each)
            ]
            newest = max(changed, key=lambda each: each.started_at, default=None)
            return _rollback(f"bundle/{name}", name, newest, store)
        case _:
            return NotNow("rollouts and bundles are rolled back")


def _rollback(
    target: str, title: str, rollout: RolloutView | None, store: FleetStore
) -> Plan | NotNow:
    """Only what a rollout reached goes back: `fleet.rollout.rollback.affected`."""
    name = target.partition("/")[2]
    if rollout is None:
        clusters = clusters_of_bundle(store, name)
    elif not (clusters := reached(rollout)):
        return NotNow(f"{rollout.id} has changed no cluster that could go back")
    return one(
        "rollback", target, store=store, verb="Roll back", title=f"Roll back {title}",
        scope=rollout.bundle if rollout else name, tier=Tier.TYPE, reason=True, clusters=clusters,
        facts=["each cluster returns to its own last good release; the bad one is held"],
    )  # fmt: skip


def reached(rollout: RolloutView) -> list[str]:
    """Names of the clusters that a rollout may have changed, and that did not go back since."""
    return [each.name for each in rollout.clusters if each.state.lower() not in _NOT_REACHED]
