"""Folds contact and membership: unreachable and back, joined and left, windows, restarts."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from clusters.model import ClusterName
from fleet.rollout.clocks import Clock
from fleet.rollout.folding import (
    put,
    put_stage,
    retimed,
    stage_of,
    under_way,
    without,
)
from fleet.rollout.member_events import (
    ClusterDeferred,
    ClusterJoined,
    ClusterLeft,
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    ClusterWithdrawn,
    CoordinatorStarted,
    MemberFact,
    ObservationAsked,
    WindowClosed,
    WindowOpened,
)
from fleet.rollout.model import Membership
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.state import HoldState, Phase, Rollout, StagePhase, StageRun

State = ClusterState


def fold(rollout: Rollout, event: MemberFact) -> Rollout:
    """Return the rollout after `event`."""
    match event:
        case ClusterJoined():
            return _joined(rollout, event)
        case CoordinatorStarted():
            return _restarted(rollout, event)
        case WindowClosed():
            return _at_window(rollout, event.clusters, event.at, outside=True)
        case WindowOpened():
            return _at_window(rollout, event.clusters, event.at, outside=False)
        case _:
            entry = rollout.clusters.get(event.cluster)
            return rollout if entry is None else _fold_known(rollout, entry, event)


def _fold_known(
    rollout: Rollout,
    entry: ClusterRollout,
    event: ObservationAsked
    | ClusterObserved
    | ClusterUnreachable
    | ClusterReturned
    | ClusterDeferred
    | ClusterLeft
    | ClusterWithdrawn,
) -> Rollout:
    match event:
        case ObservationAsked():
            return put(rollout, replace(entry, observing=True))
        case ClusterObserved():
            return put(rollout, retimed(rollout, _observed(entry, event), event.at))
        case ClusterUnreachable():
            return _lost(rollout, entry, event)
        case ClusterReturned():
            return _returned(rollout, entry, event)
        case ClusterDeferred():
            away = replace(entry, state=State.DEFERRED, since=event.at, soak=Clock())
            away = replace(away, attempt_over=False, broken=False, counted=False)
            away = replace(away, target=None) if entry.baseline_due else away
            return put(rollout, retimed(rollout, away, event.at))
        case ClusterLeft():
            if entry.leaving:
                return rollout
            rollout = put(rollout, replace(entry, leaving=True))
            return replace(rollout, leaving=(*rollout.leaving, entry.name))
        case ClusterWithdrawn():
            gone = replace(entry, state=State.WITHDRAWN, since=event.at, baseline_due=False)
            gone = replace(gone, broken=False, progress=entry.progress.stopped(event.at))
            rollout = put(rollout, gone)
            return replace(rollout, leaving=without(rollout.leaving, entry.name))
        case _:
            assert_never(event)


def _observed(entry: ClusterRollout, event: ClusterObserved) -> ClusterRollout:
    """Believe the cluster's own record: go on if it holds the target, else assign again."""
    entry = replace(entry, reobserve=False, observing=False)
    if event.digest == entry.target:
        if entry.state is State.APPLYING:
            return replace(entry, state=State.VERIFYING, since=event.at)
        return entry
    if entry.state is State.ROLLING_BACK:
        return replace(entry, attempt_over=True)
    if not entry.in_flight or entry.attempt_over:
        return entry
    return replace(
        entry,
        state=State.APPLYING,
        since=event.at,
        attempt_over=True,
        attempts=max(0, entry.attempts - 1),
        trouble="the assignment did not reach the cluster",
        soak=Clock(),
    )


def _lost(rollout: Rollout, entry: ClusterRollout, event: ClusterUnreachable) -> Rollout:
    if entry.unreachable_since is not None:
        return rollout
    entry = replace(entry, unreachable_since=event.at, soak=entry.soak.stopped(event.at))
    rollout = put(rollout, retimed(rollout, entry, event.at))
    return replace(rollout, away=(*rollout.away, entry.name))


def _returned(rollout: Rollout, entry: ClusterRollout, event: ClusterReturned) -> Rollout:
    if entry.unreachable_since is None:
        return rollout
    entry = replace(entry, unreachable_since=None)
    if entry.state is State.DEFERRED:
        entry = _requeued(rollout, entry, event.at)
    elif entry.in_flight or entry.state is State.ROLLING_BACK:
        entry = replace(entry, reobserve=True, observing=False)
    rollout = put(rollout, retimed(rollout, entry, event.at))
    return replace(rollout, away=without(rollout.away, entry.name))


def _requeued(rollout: Rollout, entry: ClusterRollout, at: datetime) -> ClusterRollout:
    """Give a deferred cluster its turn again: in its stage, or on its own if that is done."""
    run = stage_of(rollout, entry.seat.stage)
    done = run.phase is StagePhase.COMPLETED
    if rollout.ended and not (done and rollout.phase is Phase.COMPLETED):
        return entry
    membership = Membership.DIRECT if done else entry.membership
    return replace(entry, state=State.PENDING, since=at, membership=membership, attempts=0)


def _joined(rollout: Rollout, event: ClusterJoined) -> Rollout:
    known = rollout.clusters.get(event.cluster)
    if known is not None and known.state is not State.WITHDRAWN:
        leaving = without(rollout.leaving, event.cluster)
        return replace(put(rollout, replace(known, leaving=False)), leaving=leaving)
    run = stage_of(rollout, event.seat.stage)
    seat, membership = event.seat, Membership.MEMBER
    if run.phase is StagePhase.WAITING and event.plan is not None:
        rollout = _replanned(rollout, event)
    elif run.phase is StagePhase.COMPLETED:
        membership = Membership.DIRECT
    else:
        membership = Membership.LATE
    due = membership is Membership.LATE and seat.baseline not in (None, seat.previous)
    state = State.UNCHANGED if seat.unchanged else State.PENDING
    entry = ClusterRollout(
        seat=seat,
        state=state,
        since=event.at,
        membership=membership,
        baseline_due=due and state is State.PENDING,
    )
    return put(rollout, entry)


def _replanned(rollout: Rollout, event: ClusterJoined) -> Rollout:
    """Take the plan that has the new cluster in a stage that has not started."""
    if event.plan is None:
        return rollout
    plans = {stage.name: stage for stage in event.plan.stages}
    name = event.seat.stage
    seats = {seat.cluster: seat for seat in plans[name].seats}
    moved = [
        replace(entry, seat=seats[cluster])
        for cluster, entry in rollout.clusters.items()
        if entry.seat.stage == name and cluster in seats and entry.seat != seats[cluster]
    ]
    run = replace(stage_of(rollout, name), plan=plans[name])
    return put(put_stage(replace(rollout, plan=event.plan), run), *moved)


def _at_window(
    rollout: Rollout, clusters: tuple[ClusterName, ...], at: datetime, *, outside: bool
) -> Rollout:
    entries = [
        retimed(rollout, replace(rollout.clusters[name], outside_window=outside), at)
        for name in clusters
        if name in rollout.clusters
    ]
    return put(rollout, *entries)


def _restarted(rollout: Rollout, event: CoordinatorStarted) -> Rollout:
    """Grant nothing for the time in which nobody looked, and look before believing."""
    entries = []
    for name in under_way(rollout):
        entry = rollout.clusters[name]
        soak = _cut(entry.soak, event.alive_until)
        clock = _cut(entry.progress, event.alive_until)
        believed = entry.in_flight or entry.state is State.ROLLING_BACK
        entry = replace(entry, soak=soak, progress=clock, reobserve=believed, observing=False)
        entries.append(retimed(rollout, entry, event.at))
    for run in rollout.stages:
        for _, late, _, name in run.tally.queue:
            if late and rollout.clusters[name].baseline_due:
                entries.append(replace(rollout.clusters[name], target=None, progress=Clock()))
    rollout = put(rollout, *entries)
    stages = tuple(_unasked(run, event) for run in rollout.stages)
    if rollout.revert is not None and not rollout.revert.done:
        rollout = replace(rollout, revert=None)
    lost = rollout.hold is HoldState.ASKED
    return replace(rollout, stages=stages, hold=HoldState.NONE if lost else rollout.hold)


def _cut(clock: Clock, alive_until: datetime | None) -> Clock:
    """Stop a clock at the last moment at which the coordinator was known to be alive."""
    if alive_until is None:
        return Clock(banked_s=clock.banked_s)
    return clock.stopped(alive_until)


def _unasked(run: StageRun, event: CoordinatorStarted) -> StageRun:
    """Ask again for measurements whose answer was lost."""
    gates = {
        key: gate if gate.approvals else replace(gate, asked_at=None)
        for key, gate in run.gates.items()
    }
    soak = run.soak
    if run.settled_at is not None:
        soak = _cut(soak, event.alive_until).running(event.at)
    return replace(run, gates=gates, soak=soak)
