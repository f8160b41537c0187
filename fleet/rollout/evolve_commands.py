"""Folds what people asked for.  `commands` has checked it; here it only takes effect."""

from __future__ import annotations

from typing import assert_never

from fleet.rollout.events import CommandFact, Superseded
from fleet.rollout.failures import with_cause
from fleet.rollout.folding import PROGRESSING, put, put_stage, retimed, stage_of
from fleet.rollout.model import Membership
from fleet.rollout.progress import BROKEN, IN_FLIGHT, ClusterRollout, ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.requests import (
    Aborted,
    Paused,
    PromotedNow,
    Resumed,
    Retried,
    RollbackRequested,
    Skipped,
    TakeoverDecided,
    WindowBypassed,
)
from fleet.rollout.rollback import affected, concurrency_of
from fleet.rollout.state import (
    Bypass,
    GateVerdict,
    Pause,
    Phase,
    Rollout,
    StagePhase,
    StageRun,
    Stop,
    StopCause,
    Undo,
)

State = ClusterState
RETRYABLE = BROKEN | {State.SKIPPED}
SKIPPABLE = BROKEN | IN_FLIGHT | {State.PENDING, State.DEFERRED}


def fold(rollout: Rollout, event: CommandFact) -> Rollout:  # noqa: PLR0911 - one for each fact
    """Return the rollout after `event`."""
    match event:
        case Paused():
            pause = Pause(actor=event.actor, reason=event.reason, at=event.at)
            return _reclocked(replace(rollout, pause=rollout.pause or pause), event)
        case Resumed():
            return _reclocked(_resumed(replace(rollout, pause=None)), event)
        case Aborted():
            stop = Stop(cause=StopCause.ABORT, reason=event.reason, at=event.at, actor=event.actor)
            return _reclocked(_stopped(rollout, stop), event)
        case Superseded():
            reason = event.reason or f"the newer release {event.by} takes its place"
            stop = Stop(cause=StopCause.SUPERSEDE, reason=reason, at=event.at, actor=event.by)
            stop = replace(stop, hurry=event.hurry)
            return _reclocked(_stopped(rollout, stop), event)
        case Retried():
            return _retried(rollout, event)
        case Skipped():
            return _skipped(rollout, event)
        case PromotedNow():
            run = replace(stage_of(rollout, event.stage), promoted_by=event.actor)
            return put_stage(rollout, run)
        case TakeoverDecided():
            return _decided(rollout, event)
        case WindowBypassed():
            bypass = Bypass(
                window=event.window, actor=event.actor, reason=event.reason, until=event.until
            )
            return replace(rollout, bypasses=(*rollout.bypasses, bypass))
        case RollbackRequested():
            return _undone(rollout, event)
        case _:
            assert_never(event)


def _reclocked(rollout: Rollout, event: Paused | Resumed | Aborted | Superseded) -> Rollout:
    """Let the deadlines of everything in flight follow a pause or its end."""
    entries = [
        retimed(rollout, entry, event.at)
        for run in rollout.stages
        for name in (*run.tally.in_flight, *run.tally.direct)
        if (entry := rollout.clusters[name]).state in PROGRESSING or entry.baseline_due
    ]
    return put(rollout, *entries)


def _resumed(rollout: Rollout) -> Rollout:
    """After a halt, go on: what failed its gate is measured and asked anew."""
    if rollout.phase is not Phase.HALTED:
        return rollout
    stages = tuple(_reopened(run) for run in rollout.stages)
    return replace(rollout, phase=Phase.RUNNING, stop=None, stages=stages)


def _reopened(run: StageRun) -> StageRun:
    if run.phase is StagePhase.COMPLETED:
        return run
    kept = {key: gate for key, gate in run.gates.items() if gate.verdict is not GateVerdict.FAILED}
    return run if len(kept) == len(run.gates) else replace(run, gates=kept)


def _stopped(rollout: Rollout, stop: Stop) -> Rollout:
    """End after what is in flight; a pause must not keep it from ending."""
    if rollout.ended or rollout.phase is Phase.ROLLING_BACK:
        return rollout
    return replace(rollout, stop=stop, pause=None, phase=Phase.RUNNING)


def _retried(rollout: Rollout, event: Retried) -> Rollout:
    entries = []
    for name in event.clusters:
        entry = rollout.clusters.get(name)
        if entry is None or entry.state not in RETRYABLE:
            continue
        done = stage_of(rollout, entry.seat.stage).phase is StagePhase.COMPLETED
        entries.append(
            replace(
                entry,
                state=State.PENDING,
                since=event.at,
                membership=Membership.DIRECT if done else entry.membership,
                attempts=0,
                counted=False,
                broken=entry.assigned_at is not None,
            )
        )
    if not entries:
        return rollout
    return _resumed(put(rollout, *entries))


def _skipped(rollout: Rollout, event: Skipped) -> Rollout:
    entry = rollout.clusters.get(event.cluster)
    if entry is None or entry.state not in SKIPPABLE:
        return rollout
    counted = not event.excuse and entry.membership is Membership.MEMBER
    skipped: ClusterRollout = replace(
        entry,
        state=State.SKIPPED,
        since=event.at,
        counted=counted,
        broken=False,
        baseline_due=False,
        attempt_over=False,
        contested=(),
        trouble=f"skipped by {event.actor}: {event.reason}",
        progress=entry.progress.stopped(event.at),
        soak=entry.soak.stopped(event.at),
    )
    return put(rollout, skipped)


def _decided(rollout: Rollout, event: TakeoverDecided) -> Rollout:
    entries = []
    for name, contests in event.contests.items():
        entry = rollout.clusters.get(name)
        if entry is not None:
            left = tuple(each for each in entry.contested if each not in contests)
            entry = replace(entry, contested=left, decided=(*entry.decided, *contests))
            entries.append(retimed(rollout, entry, event.at))
    return put(rollout, *entries)


def _undone(rollout: Rollout, event: RollbackRequested) -> Rollout:
    if rollout.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        return rollout
    clusters = affected(rollout, event.scope, stage=event.stage, only=event.clusters)
    reason = with_cause(event.reason or f"{event.actor} asked for it", rollout)
    undo = Undo(
        pending=clusters,
        concurrency=concurrency_of(rollout, len(clusters)),
        at=event.at,
        reason=reason,
        targets=event.targets,
    )
    stop = Stop(cause=StopCause.ROLLBACK, reason=reason, at=event.at, actor=event.actor)
    return replace(
        rollout, phase=Phase.ROLLING_BACK, undo=undo, stop=stop, pause=None, ended_at=None
    )
