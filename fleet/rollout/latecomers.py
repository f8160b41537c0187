"""Clusters that join or come back when their turn is over: they converge on their own.

A late cluster of a running stage first gets the release that the stage had before.  One whose stage
is done gets the new release directly, a few at a time, health-checked; if that fails somebody is
told, and no budget is touched.
"""

from __future__ import annotations

from fleet.rollout import admission
from fleet.rollout.events import ClusterGaveUp, Purpose
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.state import Rollout, StageRun
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import ForBlocker, ForWindow
from fleet.rollout.windows import Shut


def give_baselines(turn: Turn, run: StageRun) -> None:
    """Give late clusters of a running stage what the stage had before."""
    for _, late, _, name in reversed(run.tally.queue):
        if not late:
            return
        entry = turn.rollout.clusters[name]
        if not entry.baseline_due or entry.unreachable_since is not None:
            continue
        if entry.target != entry.seat.baseline:
            if not turn.refused(name) and not admission.blocker_of(turn, entry):
                turn.assign(entry, entry.seat.baseline, Purpose.BASELINE)
        elif entry.attempt_over or entry.progress.reached(_limit_s(run), turn.now):
            reason = entry.trouble or "it did not become healthy with the baseline of its stage"
            turn.conclude(ClusterGaveUp(at=turn.now, cluster=name, reason=reason))
        else:
            turn.look_again(entry.progress.due(_limit_s(run)))


def _limit_s(run: StageRun) -> float:
    return run.plan.stage.progress_deadline_s


def converge(turn: Turn) -> None:
    """Bring clusters whose stage is done to the release, as many at once as the stage allows."""
    for run in turn.rollout.stages:
        if run.tally.direct:
            _converge_stage(turn, turn.rollout, run)


def _converge_stage(turn: Turn, rollout: Rollout, run: StageRun) -> None:
    entries = [rollout.clusters[name] for name in run.tally.direct]
    room = (run.plan.catch_up or run.plan.concurrency) - sum(
        1 for entry in entries if entry.in_flight
    )
    for entry in entries:
        if room <= 0:
            return
        if entry.state is ClusterState.PENDING and not _kept_back(turn, run, entry):
            turn.assign(entry, entry.seat.digest, Purpose.RELEASE)
            room -= 1


def _kept_back(turn: Turn, run: StageRun, entry: ClusterRollout) -> bool:
    if entry.unreachable_since is not None:
        return True
    one = (entry.name,)
    if turn.standstill:
        turn.block(one, ForBlocker(stage=run.name, clusters=one, reason=turn.standstill))
        return True
    if turn.rollout.plan.release.sequential:
        if earlier := turn.facts.leases.still_brought_by(entry.name, turn.rollout.id):
            first = f"rollout {earlier} comes first: it missed that release as well"
            turn.block(one, ForBlocker(stage=run.name, clusters=one, reason=first))
            return True
    elif turn.facts.leases.overtaken_by(entry.name, turn.rollout.id):
        return True
    if blocker := admission.blocker_of(turn, entry) or turn.refused(entry.name):
        turn.block(one, ForBlocker(stage=run.name, clusters=one, reason=blocker))
        return True
    verdict = turn.window(entry.name, ())
    if isinstance(verdict, Shut):
        reason = ForWindow(
            stage=run.name, clusters=one, window=verdict.window, until=verdict.opens_at
        )
        turn.block(one, reason, verdict.opens_at)
        return True
    return False
