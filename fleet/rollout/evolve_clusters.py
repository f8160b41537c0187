"""Folds what happens on one cluster: assigned, applied, healthy, degraded, failed, drifted.

A fact about a digest that is not the cluster's target any more changes nothing: it speaks of an
earlier assignment and came late.
"""

from __future__ import annotations

from typing import assert_never

from clusters.model import ClusterName
from fleet.rollout.clocks import Clock
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterAssigned,
    ClusterContested,
    ClusterFact,
    ClusterFailed,
    ClusterGaveUp,
    DeadlinePassed,
    Degraded,
    DriftSeen,
    Purpose,
    SoakElapsed,
)
from fleet.rollout.folding import PROGRESSING, put, put_stage, retimed, stage_of, without
from fleet.rollout.model import Membership
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.state import Rollout

State = ClusterState


def fold(rollout: Rollout, event: ClusterFact) -> Rollout:  # noqa: PLR0911 - one for each fact
    """Return the rollout after `event`."""
    entry = rollout.clusters.get(event.cluster)
    if entry is None:
        return rollout
    match event:
        case ClusterAssigned():
            return _assigned(rollout, entry, event)
        case ClusterApplied():
            return put(rollout, _applied(entry, event))
        case BecameHealthy():
            return _healthy(rollout, entry, event)
        case Degraded():
            return _degraded(rollout, entry, event)
        case ClusterFailed():
            return _failed(rollout, entry, event)
        case ClusterContested():
            return _contested(rollout, entry, event)
        case DriftSeen():
            return put(rollout, _drifted(entry, event))
        case DeadlinePassed():
            said = f": {event.reason}" if event.reason else ""
            trouble = entry.trouble or f"it was not healthy before its deadline{said}"
            return put(rollout, _over(entry, event, trouble, timed_out=not entry.degraded))
        case SoakElapsed():
            good = replace(entry, state=State.GOOD, since=event.at, counted=False, broken=False)
            return put(rollout, replace(good, trouble="", soak=entry.soak.stopped(event.at)))
        case ClusterGaveUp():
            return _gave_up(rollout, entry, event)
        case _:
            assert_never(event)


def _assigned(rollout: Rollout, entry: ClusterRollout, event: ClusterAssigned) -> Rollout:
    fresh = replace(
        entry,
        target=event.digest,
        generation=event.generation,
        progress=Clock(),
        soak=Clock(),
        drifts=0,
        trouble="",
        attempt_over=False,
        timed_out=False,
        degraded=False,
        outside_window=event.outside_window,
        reobserve=False,
        observing=False,
        contested=(),
        decided=(),
        measured_at={},
    )
    match event.purpose:
        case Purpose.BASELINE:
            return put(rollout, retimed(rollout, fresh, event.at))
        case Purpose.ROLLBACK:
            going = replace(fresh, state=State.ROLLING_BACK, since=event.at)
            rollout = put(rollout, retimed(rollout, going, event.at))
            if rollout.undo is None:
                return rollout
            undo = replace(rollout.undo, pending=without(rollout.undo.pending, entry.name))
            return replace(rollout, undo=undo)
        case Purpose.RELEASE:
            started = replace(
                fresh,
                state=State.APPLYING,
                since=event.at,
                assigned_at=event.at,
                attempts=entry.attempts + 1,
                last_good=event.last_good if entry.assigned_at is None else entry.last_good,
            )
            rollout = _without_cluster_gates(rollout, entry)
            rollout = put(rollout, retimed(rollout, started, event.at))
            first = rollout.first_assigned_at or event.at
            return replace(rollout, first_assigned_at=first)
        case _:
            assert_never(event.purpose)


def _without_cluster_gates(rollout: Rollout, entry: ClusterRollout) -> Rollout:
    """Forget what gates measured of an earlier attempt."""
    run = stage_of(rollout, entry.seat.stage)
    kept = {key: gate for key, gate in run.gates.items() if gate.cluster != entry.name}
    return rollout if len(kept) == len(run.gates) else put_stage(rollout, replace(run, gates=kept))


def _applied(entry: ClusterRollout, event: ClusterApplied) -> ClusterRollout:
    if event.digest != entry.target:
        return entry
    if entry.state is State.APPLYING and not entry.attempt_over:
        return replace(
            entry,
            state=State.VERIFYING,
            since=event.at,
            reobserve=False,
            observing=False,
            contested=(),
        )
    if entry.state is State.ROLLING_BACK and event.digest is None:
        return _back(entry, event)
    return entry


def _back(entry: ClusterRollout, event: ClusterApplied | BecameHealthy) -> ClusterRollout:
    clock = entry.progress.stopped(event.at)
    return replace(entry, state=State.ROLLED_BACK, since=event.at, progress=clock, trouble="")


def _healthy(rollout: Rollout, entry: ClusterRollout, event: BecameHealthy) -> Rollout:
    if event.digest != entry.target or entry.target is None:
        return rollout
    entry = replace(
        entry, reobserve=False, observing=False, trouble="", degraded=False, contested=()
    )
    if entry.baseline_due:
        clock = Clock()
        return put(rollout, replace(entry, baseline_due=False, progress=clock, target=None))
    if entry.state is State.ROLLING_BACK:
        return put(rollout, _back(entry, event))
    if entry.state in PROGRESSING:
        entry = replace(
            entry,
            state=State.SOAKING,
            since=event.at,
            progress=entry.progress.stopped(event.at),
            soak=_counting(Clock(), entry, event),
            attempt_over=False,
        )
    elif entry.state is State.SOAKING:
        entry = replace(entry, soak=_counting(entry.soak, entry, event))
    else:
        return rollout
    rollout = put(rollout, entry)
    run = stage_of(rollout, entry.seat.stage)
    return put_stage(rollout, replace(run, healthy_at=event.at))


def _counting(soak: Clock, entry: ClusterRollout, event: BecameHealthy) -> Clock:
    """Count observed time only: word from before an absence does not count during it."""
    return soak if entry.unreachable_since is not None else soak.running(event.at)


def _degraded(rollout: Rollout, entry: ClusterRollout, event: Degraded) -> Rollout:
    if event.digest != entry.target:
        return rollout
    trouble = event.reason or "it is degraded"
    if entry.state is State.GOOD:
        return _lapsed(rollout, entry, event, trouble)
    entry = replace(entry, trouble=trouble, degraded=True)
    if entry.state is State.SOAKING:
        entry = replace(
            entry, state=State.VERIFYING, since=event.at, soak=Clock(), drifts=0, measured_at={}
        )
    elif entry.state not in (*PROGRESSING, State.ROLLING_BACK):
        return rollout
    return put(rollout, retimed(rollout, entry, event.at))


def _lapsed(
    rollout: Rollout, entry: ClusterRollout, event: Degraded | ClusterFailed, trouble: str
) -> Rollout:
    """A Good cluster that degrades in the same rollout is a failure, though outside the bound."""
    if rollout.ended:
        return rollout
    run = stage_of(rollout, entry.seat.stage)
    if run.settled_at is not None:
        rollout = put_stage(rollout, replace(run, soak=Clock.started(event.at)))
    return _settled(rollout, entry, event, f"it was good and degraded later: {trouble}")


def _failed(rollout: Rollout, entry: ClusterRollout, event: ClusterFailed) -> Rollout:
    if event.digest != entry.target:
        return rollout
    if entry.state is State.GOOD:
        return _lapsed(rollout, entry, event, event.reason)
    return put(rollout, _over(entry, event, event.reason, timed_out=False))


def _contested(rollout: Rollout, entry: ClusterRollout, event: ClusterContested) -> Rollout:
    """Wait for a person; what was decided already is on its way to the cluster."""
    if event.digest != entry.target or entry.state not in PROGRESSING:
        return rollout
    left = tuple(each for each in event.contests if each not in entry.decided)
    entry = replace(entry, contested=left)
    return put(rollout, retimed(rollout, entry, event.at))


def _over(
    entry: ClusterRollout,
    event: ClusterFailed | DeadlinePassed,
    trouble: str,
    *,
    timed_out: bool,
) -> ClusterRollout:
    """End the current attempt; a way back has no second one."""
    clock = entry.progress.stopped(event.at)
    if entry.state is State.ROLLING_BACK:
        trouble = f"its rollback failed: {trouble}"
        return replace(
            entry, state=State.NEEDS_HUMAN, since=event.at, trouble=trouble, progress=clock
        )
    if not entry.in_flight and not entry.baseline_due:
        return entry
    state = State.VERIFYING if entry.state is State.SOAKING else entry.state
    return replace(
        entry,
        state=state,
        attempt_over=True,
        timed_out=timed_out,
        trouble=trouble,
        progress=clock,
        soak=Clock(),
    )


def _drifted(entry: ClusterRollout, event: DriftSeen) -> ClusterRollout:
    if entry.state is not State.SOAKING:
        return entry
    soak = Clock.started(event.at) if entry.soak.since is not None else Clock()
    return replace(entry, soak=soak, drifts=entry.drifts + 1, trouble=event.detail)


def _gave_up(rollout: Rollout, entry: ClusterRollout, event: ClusterGaveUp) -> Rollout:
    return _settled(rollout, entry, event, event.reason, timed_out=event.timed_out)


def _settled(
    rollout: Rollout,
    entry: ClusterRollout,
    event: ClusterGaveUp | Degraded | ClusterFailed,
    trouble: str,
    *,
    timed_out: bool = False,
) -> Rollout:
    member = entry.membership is Membership.MEMBER
    entry = replace(
        entry,
        state=State.TIMED_OUT if timed_out else State.FAILED,
        since=event.at,
        trouble=trouble,
        counted=member,
        broken=False,
        baseline_due=False,
        attempt_over=False,
        contested=(),
        progress=entry.progress.stopped(event.at),
        soak=Clock(),
    )
    rollout = put(rollout, entry)
    if member:
        return rollout
    return alerted(rollout, entry.name, trouble)


def alerted(rollout: Rollout, cluster: ClusterName, trouble: str) -> Rollout:
    """Note something for a person that does not stop the rollout."""
    return replace(rollout, alerts=(*rollout.alerts, f"{cluster}: {trouble}"))
