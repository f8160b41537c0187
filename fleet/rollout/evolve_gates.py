"""Folds what gates measured and what people answered, and keeps the limits of measuring gates.

The limits are those of an analysis run: so many failures, so many inconclusive answers and so many
errors in a row are tolerated.  One failure more and the gate has failed; one inconclusive answer or
error more and a person must say.  Nothing but a success opens a gate.
"""

from __future__ import annotations

from typing import assert_never

from fleet.model import GateLimits
from fleet.rollout.events import GateAsked, GateFact, GateMeasured, Measurement
from fleet.rollout.folding import put, put_gate, stage_of
from fleet.rollout.replacing import replace
from fleet.rollout.requests import Approved, GatePassed, Rejected
from fleet.rollout.state import (
    Approval,
    GateRun,
    GateVerdict,
    Position,
    Rollout,
    gate_key,
)


def fold(rollout: Rollout, event: GateFact) -> Rollout:
    """Return the rollout after `event`."""
    cluster = None if isinstance(event, Approved | Rejected) else event.cluster
    key = gate_key(event.position, event.gate, cluster)
    held = stage_of(rollout, event.stage).gates.get(key)
    run = held or GateRun(gate=event.gate, position=event.position, cluster=cluster)
    match event:
        case GateAsked():
            run = replace(run, asked_at=event.at)
        case GateMeasured():
            if run.asked_at is None:
                return rollout  # an answer to a question of before a restart
            run = _measured(run, event, rollout.plan.gates[event.gate].limits)
            rollout = _noted(rollout, event)
        case Approved():
            run = _approved(run, event)
        case Rejected():
            run = replace(
                run, verdict=GateVerdict.FAILED, rejected_by=event.actor, detail=event.reason
            )
        case GatePassed():
            run = replace(run, verdict=GateVerdict.OPEN, passed_by=event.actor)
            run = replace(run, detail=event.reason, succeeded_at=event.at)
        case _:
            assert_never(event)
    return put_gate(rollout, event.stage, run)


def _measured(run: GateRun, event: GateMeasured, limits: GateLimits) -> GateRun:
    run = replace(run, asked_at=None, measured_at=event.at, detail=event.detail)
    match event.outcome:
        case Measurement.SUCCESS:
            opens = run.position is not Position.DURING and run.verdict is GateVerdict.WAITING
            run = replace(run, succeeded_at=event.at, errors=0)
            return replace(run, verdict=GateVerdict.OPEN) if opens else run
        case Measurement.FAILURE:
            run = replace(run, failures=run.failures + 1, errors=0)
            over = run.failures > limits.failures
            return replace(run, verdict=GateVerdict.FAILED) if over else run
        case Measurement.INCONCLUSIVE:
            run = replace(run, inconclusive=run.inconclusive + 1, errors=0)
            over = run.inconclusive > limits.inconclusive
        case Measurement.ERROR:
            run = replace(run, errors=run.errors + 1)
            over = run.errors > limits.consecutive_errors
        case _:
            assert_never(event.outcome)
    if over and run.verdict is GateVerdict.WAITING:
        run = replace(run, verdict=GateVerdict.NEEDS_PERSON)
    return run


def _noted(rollout: Rollout, event: GateMeasured) -> Rollout:
    """Remember on the cluster itself that the gate was satisfied with it."""
    entry = rollout.clusters.get(event.cluster) if event.cluster else None
    if entry is None or event.outcome is not Measurement.SUCCESS:
        return rollout
    return put(rollout, replace(entry, measured_at={**entry.measured_at, event.gate: event.at}))


def _approved(run: GateRun, event: Approved) -> GateRun:
    approval = Approval(
        actor=event.actor,
        roles=event.roles,
        plan_hash=event.plan_hash,
        at=event.at,
        reason=event.reason,
    )
    others = tuple(each for each in run.approvals if each.actor != event.actor)
    return replace(run, approvals=(*others, approval))
