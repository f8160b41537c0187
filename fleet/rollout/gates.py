"""Whether a gate lets a stage go on: gate x rollout x facts x now -> Open, Closed or Failed.

Approvals, soaks, health and windows are judged here.  Queries, requests and jobs are measured
elsewhere: here it is only decided when, and what their answers mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from clusters.model import ClusterName, Health
from fleet.model import (
    ApprovalBinding,
    ApprovalCheck,
    Gate,
    GateScope,
    HealthCheck,
    HttpCheck,
    Identities,
    JobCheck,
    PrometheusCheck,
    SoakCheck,
    WindowCheck,
    WindowName,
)
from fleet.rollout.decisions import AskApproval, Effect, MeasureGate
from fleet.rollout.folding import stage_index
from fleet.rollout.progress import BROKEN, ClusterState
from fleet.rollout.state import (
    Approval,
    GateRun,
    GateVerdict,
    Position,
    Rollout,
    StageRun,
    StopCause,
    gate_key,
)
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import ForApproval, ForGate, Reason
from fleet.rollout.windows import Groups, Shut

_APART = BROKEN | {ClusterState.WITHDRAWN, ClusterState.DEFERRED, ClusterState.SKIPPED}
"""Clusters that a stage goes on without: its gates do not ask about them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The gate lets the stage go on."""

    effect: Effect | None = None
    """What to measure all the same: a gate that is open while the stage runs stays watched."""
    recheck_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The gate does not, yet."""

    reason: Reason
    effect: Effect | None = None
    recheck_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The gate says no for good."""

    reason: str
    cause: StopCause = StopCause.GATE


Answer = Open | Closed | Failed


def ask(turn: Turn, run: StageRun, position: Position) -> Iterator[Answer]:
    """Ask every gate of a stage at one position.

    Gates with the scope of a cluster are asked once for each cluster that the stage changes; those
    that watch clusters while the stage runs are asked with each cluster instead (`watch`).
    """
    names = getattr(run.plan.stage.gates, position.value)
    for name in names:
        gate = turn.rollout.plan.gates[name]
        if not (gate.scope is GateScope.CLUSTER and measures(gate)):
            yield answer(turn, run, gate, position)
        elif position is not Position.DURING:
            for cluster in _members(turn.rollout, run):
                yield answer(turn, run, gate, position, cluster)


def watch(turn: Turn, run: StageRun, cluster: ClusterName) -> Iterator[Answer]:
    """Ask the gates that watch one healthy cluster while its stage runs."""
    for name in run.plan.stage.gates.during:
        gate = turn.rollout.plan.gates[name]
        if gate.scope is GateScope.CLUSTER and measures(gate):
            yield answer(turn, run, gate, Position.DURING, cluster)


def being_measured(run: StageRun, cluster: ClusterName | None = None) -> ForGate | None:
    """Return what a stage or one of its clusters waits for while an answer may still be a no."""
    for gate in run.gates.values():
        watching = gate.position is Position.DURING and gate.cluster == cluster
        if watching and gate.asked_at is not None and gate.measured_at is not None:
            return _closed(run, gate, "being measured", None)
    return None


def measures(gate: Gate) -> bool:
    """Whether the gate needs something outside to be asked."""
    return isinstance(gate.check, PrometheusCheck | HttpCheck | JobCheck)


def window_groups(rollout: Rollout, run: StageRun) -> Groups:
    """List the windows that the stage's gates name: they hold for every start in it."""
    stage = run.plan.stage.gates
    checks = [rollout.plan.gates[name].check for name in (*stage.before, *stage.during)]
    return tuple(tuple(check.windows) for check in checks if isinstance(check, WindowCheck))


def answer(
    turn: Turn,
    run: StageRun,
    gate: Gate,
    position: Position,
    cluster: ClusterName | None = None,
) -> Answer:
    """Ask one gate."""
    key = gate_key(position, gate.name, cluster)
    held = run.gates.get(key) or GateRun(gate=gate.name, position=position, cluster=cluster)
    if held.rejected_by:
        why = f": {held.detail}" if held.detail else ""
        reason = f"{held.rejected_by} rejected {gate.name}{why}"
        return Failed(reason=reason, cause=StopCause.REJECTED)
    if held.passed_by:
        return Open()
    match gate.check:
        case ApprovalCheck():
            return _approval(turn, run, gate.check, held)
        case SoakCheck():
            return _soak(turn, run, gate.check, held)
        case HealthCheck():
            return _health(turn, run, gate.check, held)
        case WindowCheck():
            return _window(turn, run, held)
        case PrometheusCheck() | HttpCheck() | JobCheck():
            return _measured(turn, run, gate, held)
        case _:
            assert_never(gate.check)


def _approval(turn: Turn, run: StageRun, check: ApprovalCheck, held: GateRun) -> Answer:
    lapses = [
        lapse(turn.rollout, check, each, turn.now, turn.facts.people) for each in held.approvals
    ]
    valid = [each for each, why in zip(held.approvals, lapses, strict=True) if not why]
    if len(valid) >= check.count:
        return Open()
    effect = None
    if held.asked_at is None:
        effect = AskApproval(stage=run.name, gate=held.gate, position=held.position)
    reason = ForApproval(
        stage=run.name,
        gate=held.gate,
        position=held.position,
        given=len(valid),
        needed=check.count,
        roles=tuple(check.roles),
        lapsed="; ".join(why for why in lapses if why),
    )
    expiries = [each.at + timedelta(seconds=check.expires_s) for each in valid]
    return Closed(reason=reason, effect=effect, recheck_at=min(expiries, default=None))


def lapse(
    rollout: Rollout, check: ApprovalCheck, given: Approval, now: datetime, people: Identities
) -> str:
    """Say why an approval does not count (any more); empty: it does."""
    if check.not_author and (why := people.why_not_apart(given.actor, rollout.plan.release.people)):
        return why
    if check.roles and not set(check.roles) & set(given.roles):
        return f"{given.actor} has none of the roles {', '.join(check.roles)}"
    if check.bind is ApprovalBinding.PLAN and given.plan_hash != rollout.plan.plan_hash:
        return f"{given.actor} approved another plan ({given.plan_hash[:8]})"
    if given.at + timedelta(seconds=check.expires_s) <= now:
        return f"the approval of {given.actor} has expired"
    return ""


def _soak(turn: Turn, run: StageRun, check: SoakCheck, held: GateRun) -> Answer:
    """After a stage: its own healthy time; before: that of the stage before it."""
    soaked: StageRun | None = run
    if held.position is Position.BEFORE:
        index = stage_index(turn.rollout, run.name)
        soaked = turn.rollout.stages[index - 1] if index else None
    if soaked is None or waived(turn.rollout, run) or not soaked.plan.size:
        return Open()
    if soaked.soak.reached(check.duration_s, turn.now):
        return Open()
    until = soaked.soak.due(check.duration_s)
    reason = _closed(run, held, f"stage {soaked.name} soaks", until)
    return Closed(reason=reason, recheck_at=until)


def waived(rollout: Rollout, run: StageRun) -> bool:
    """Whether soaks of the stage are skipped: for a hotfix, or because a person said so."""
    return rollout.plan.release.hotfix or bool(run.promoted_by)


def _health(turn: Turn, run: StageRun, check: HealthCheck, held: GateRun) -> Answer:
    ill = [
        seat.cluster
        for seat in run.plan.seats
        if turn.rollout.clusters[seat.cluster].state not in _APART
        and not _is_healthy(turn, seat.cluster, check)
    ]
    if not ill:
        return Open()
    shown = ", ".join(ill[:3]) + (f" and {len(ill) - 3} more" if len(ill) > 3 else "")
    return Closed(reason=_closed(run, held, f"not healthy: {shown}", None))


def _is_healthy(turn: Turn, cluster: ClusterName, check: HealthCheck) -> bool:
    known = turn.facts.health.get(cluster)
    if known is None:
        return False
    wanted = check.bundles or tuple(known)
    return all(known.get(bundle) is Health.HEALTHY for bundle in wanted)


def _window(turn: Turn, run: StageRun, held: GateRun) -> Answer:
    """Open as soon as one cluster's window is: each start asks for its own cluster again."""
    groups = window_groups(turn.rollout, run)
    if held.position is Position.AFTER:
        groups = (tuple(_windows_of(turn, held)),)
    shut: Shut | None = None
    for cluster in _members(turn.rollout, run):
        verdict = turn.window(cluster, groups)
        if not isinstance(verdict, Shut):
            return Open()
        if shut is None or (verdict.opens_at or turn.now) < (shut.opens_at or turn.now):
            shut = verdict
    if shut is None:
        return Open()
    reason = _closed(run, held, f"window {shut.window} is closed", shut.opens_at)
    return Closed(reason=reason, recheck_at=shut.opens_at)


def _windows_of(turn: Turn, held: GateRun) -> Iterable[WindowName]:
    check = turn.rollout.plan.gates[held.gate].check
    return check.windows if isinstance(check, WindowCheck) else ()


def _measured(turn: Turn, run: StageRun, gate: Gate, held: GateRun) -> Answer:
    if held.verdict is GateVerdict.FAILED:
        where = f" on {held.cluster}" if held.cluster else ""
        detail = f" ({held.detail})" if held.detail else ""
        return Failed(reason=f"gate {gate.name} failed{where}{detail}")
    if run.promoted_by:
        return Open()
    if held.verdict is GateVerdict.NEEDS_PERSON:
        return Closed(reason=_closed(run, held, held.detail, None))
    satisfied = _satisfied(turn, run, held)
    if satisfied and held.position is not Position.DURING:
        return Open()
    next_at = None
    if held.measured_at is not None:
        next_at = held.measured_at + timedelta(seconds=gate.interval_s)
    effect = None
    if held.asked_at is None and (next_at is None or next_at <= turn.now):
        effect = MeasureGate(
            stage=run.name, gate=gate.name, position=held.position, cluster=held.cluster
        )
    recheck_at = None if held.asked_at is not None or effect else next_at
    if satisfied:
        return Open(effect=effect, recheck_at=recheck_at)
    reason = _closed(run, held, held.detail, recheck_at)
    return Closed(reason=reason, effect=effect, recheck_at=recheck_at)


def _satisfied(turn: Turn, run: StageRun, held: GateRun) -> bool:
    """Whether its newest success speaks of what is there now, and not of an earlier state."""
    if held.succeeded_at is None:
        return False
    if held.cluster is not None and held.position is Position.DURING:
        return _gate_seen(turn, held)
    match held.position:
        case Position.BEFORE:
            since = None
        case Position.DURING:
            since = run.healthy_at
        case Position.AFTER:
            since = run.settled_at
    return since is None or held.succeeded_at >= since


def _gate_seen(turn: Turn, held: GateRun) -> bool:
    """Whether the cluster was measured well since it became healthy."""
    if held.cluster is None:
        return False
    return held.gate in turn.rollout.clusters[held.cluster].measured_at


def _closed(run: StageRun, held: GateRun, detail: str, until: datetime | None) -> ForGate:
    return ForGate(
        stage=run.name,
        gate=held.gate,
        position=held.position,
        verdict=held.verdict,
        cluster=held.cluster,
        detail=detail,
        until=until,
    )


def _members(rollout: Rollout, run: StageRun) -> Iterator[ClusterName]:
    """Yield the clusters that the stage changes and has not put apart."""
    for seat in run.plan.seats:
        if not seat.unchanged and rollout.clusters[seat.cluster].state not in _APART:
            yield seat.cluster
