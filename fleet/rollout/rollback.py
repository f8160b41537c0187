"""The way back: which clusters, in which order, to what, and what is put on hold.

Each cluster goes to its own last good release: the newest that was healthy and soaked there.  A way
back passes soaks, approvals and windows, keeps to the fleet's limit of clusters changing at once,
and is tried once: a cluster that does not become healthy needs a person.
"""

from __future__ import annotations

from datetime import timedelta

from clusters.model import ClusterName, Digest
from fleet.model import OnBreach, RollbackMode, StageName, WithoutLastGood, WriteBack
from fleet.rollout.decisions import ObserveCluster, PlaceHold, ProposeRevert
from fleet.rollout.events import (
    ClusterLeftAsIs,
    DeadlinePassed,
    Purpose,
    RollbackStarted,
    RolloutEnded,
)
from fleet.rollout.folding import stage_of
from fleet.rollout.progress import BROKEN, ClusterRollout, ClusterState
from fleet.rollout.requests import UndoScope
from fleet.rollout.state import BREACHES, HoldState, Phase, Rollout, Stop, Undo
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import ForHold, ForRevert, ForRollback, ForWindow
from fleet.rollout.windows import Shut

State = ClusterState
_SCOPES = {
    OnBreach.ROLLBACK_CLUSTER: UndoScope.CLUSTER,
    OnBreach.ROLLBACK_STAGE: UndoScope.STAGE,
    OnBreach.ROLLBACK_RUN: UndoScope.ROLLOUT,
}


def affected(
    rollout: Rollout,
    scope: UndoScope,
    *,
    stage: StageName | None = None,
    only: tuple[ClusterName, ...] = (),
) -> tuple[ClusterName, ...]:
    """List the clusters that hold the release and are to lose it, newest change first.

    For the scope of clusters: those named, or else those that failed.
    """
    chosen = []
    for entry in rollout.clusters.values():
        if entry.assigned_at is None or entry.state in (State.WITHDRAWN, State.ROLLED_BACK):
            continue
        match scope:
            case UndoScope.CLUSTER:
                inside = entry.name in only if only else entry.state in BROKEN
            case UndoScope.STAGE:
                inside = entry.seat.stage == stage
            case UndoScope.ROLLOUT:
                inside = True
        if inside:
            chosen.append((entry.assigned_at, entry.seat.index, entry.name))
    return tuple(name for _, _, name in sorted(chosen, reverse=True))


def concurrency_of(rollout: Rollout, size: int) -> int:
    """Resolve how many clusters go back at once."""
    return rollout.plan.release.rollback.max_concurrency.at_least_one_of(size)


def reaction(rollout: Rollout, stop: Stop) -> UndoScope | None:
    """Say how much is rolled back after `stop`; None: nothing, it only halts."""
    if stop.cause not in BREACHES:
        return None
    if rollout.plan.release.rollback.mode is not RollbackMode.AUTO:
        return None
    return _SCOPES.get(stop.reaction)


def start(turn: Turn, stop: Stop, scope: UndoScope) -> None:
    """Conclude that the rollback begins."""
    clusters = affected(turn.rollout, scope, stage=stop.stage)
    turn.conclude(
        RollbackStarted(
            at=turn.now,
            clusters=clusters,
            concurrency=concurrency_of(turn.rollout, len(clusters)),
            reason=stop.reason,
        )
    )


def held_digests(rollout: Rollout) -> frozenset[Digest]:
    """List the digests that a rollback puts on hold: what changed and is nobody's last good."""
    good = {entry.last_good for entry in rollout.clusters.values()}
    return frozenset(
        seat.digest
        for stage in rollout.plan.stages
        for seat in stage.seats
        if not seat.unchanged and seat.digest not in good
    )


def go_on(turn: Turn, undo: Undo) -> None:
    """Send the next clusters back, and end the rollout when all are back and the hold is placed."""
    rollout = turn.rollout
    if rollout.hold is HoldState.NONE:
        bundle, digests = rollout.plan.release.bundle, held_digests(rollout)
        turn.act(PlaceHold(bundle=bundle, digests=digests, reason=undo.reason))
    elif _writes_back(rollout, undo):
        release = rollout.plan.release
        asked = ProposeRevert(bundle=release.bundle, revision=release.revision, reason=undo.reason)
        turn.act(asked)
    going = [name for run in rollout.stages for name in run.tally.rolling_back]
    _watch(turn, going)
    _send(turn, undo, len(going))
    if undo.pending or going:
        turn.wait(ForRollback(clusters=tuple(going), pending=len(undo.pending)))
    elif rollout.revert is not None and not rollout.revert.done:
        turn.wait(ForRevert(bundle=rollout.plan.release.bundle))
    elif turn.effects:
        return
    elif rollout.hold in (HoldState.PLACED, HoldState.RELEASED):
        turn.conclude(RolloutEnded(at=turn.now, phase=Phase.ROLLED_BACK))
    else:
        turn.wait(ForHold(bundle=rollout.plan.release.bundle))


def _kept_out(turn: Turn, entry: ClusterRollout) -> bool:
    """Whether a window keeps the way back out, where the bundle says that it may."""
    verdict = turn.window(entry.name, ())
    if not isinstance(verdict, Shut):
        return False
    one, stage = (entry.name,), entry.seat.stage
    until = verdict.opens_at
    turn.wait(ForWindow(stage=stage, clusters=one, window=verdict.window, until=until), until)
    return True


def _writes_back(rollout: Rollout, undo: Undo) -> bool:
    """Whether Git is to follow now: once, after the hold, unless a person chose where to go."""
    if rollout.hold is not HoldState.PLACED or rollout.revert is not None:
        return False
    wanted = rollout.plan.release.rollback.write_back is WriteBack.PULL_REQUEST
    return wanted and not undo.targets


def _watch(turn: Turn, going: list[ClusterName]) -> None:
    for name in going:
        entry = turn.rollout.clusters[name]
        limit = stage_of(turn.rollout, entry.seat.stage).plan.stage.progress_deadline_s
        if entry.reobserve and not entry.observing and entry.unreachable_since is None:
            turn.act(ObserveCluster(cluster=name))
        if entry.unreachable_since is not None:
            until = entry.unreachable_since + timedelta(seconds=limit)
            if until <= turn.now:
                reason = "no contact while it was rolled back; it goes back when it returns"
                turn.conclude(
                    ClusterLeftAsIs(at=turn.now, cluster=name, reason=reason, needs_human=True)
                )
            turn.look_again(until)
        elif entry.attempt_over:
            # The cluster was looked at after a restart, and the assignment had not reached it.
            turn.assign(entry, entry.target, Purpose.ROLLBACK)
        elif entry.progress.reached(limit, turn.now):
            said = turn.facts.said.get(name, "")
            turn.conclude(DeadlinePassed(at=turn.now, cluster=name, reason=said))
        else:
            turn.look_again(entry.progress.due(limit))


def _send(turn: Turn, undo: Undo, going: int) -> None:
    rollout, started = turn.rollout, 0
    without = rollout.plan.release.rollback.without_last_good
    for name in undo.pending:
        if going + started >= undo.concurrency:
            return
        entry = rollout.clusters[name]
        target = undo.targets.get(name) or entry.last_good
        if target is None and without is WithoutLastGood.LEAVE:
            reason = "it never had a good release of this bundle, so it keeps what it has"
            turn.conclude(ClusterLeftAsIs(at=turn.now, cluster=name, reason=reason))
            continue
        if target is not None and target in turn.facts.held:
            reason = f"its last good release {target} is on hold itself"
            turn.conclude(
                ClusterLeftAsIs(at=turn.now, cluster=name, reason=reason, needs_human=True)
            )
            continue
        if rollout.plan.release.rollback.respects_windows and _kept_out(turn, entry):
            continue
        if turn.refused(name) or turn.facts.leases.other_holder(name, rollout.id):
            continue
        turn.assign(entry, target, Purpose.ROLLBACK)
        started += 1
