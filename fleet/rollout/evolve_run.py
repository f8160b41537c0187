"""Folds the life of the run and its stages: started, settled, completed, stopped, ended."""

from __future__ import annotations

from typing import assert_never

from fleet.rollout.clocks import Clock
from fleet.rollout.events import (
    Halted,
    PruneDecided,
    RolloutEnded,
    RolloutStarted,
    RunFact,
    StageCompleted,
    StageSettled,
    StageStarted,
    Stopped,
)
from fleet.rollout.folding import put_stage, stage_of
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.state import BREACHES, Phase, Pruning, Rollout, StagePhase, StageRun, Stop
from fleet.rollout.tally import Tally, moved


def begin(event: RolloutStarted) -> Rollout:
    """Make the rollout that `event` starts: every cluster pending, or unchanged."""
    clusters = {
        seat.cluster: ClusterRollout(
            seat=seat,
            state=ClusterState.UNCHANGED if seat.unchanged else ClusterState.PENDING,
            since=event.at,
        )
        for stage in event.plan.stages
        for seat in stage.seats
    }
    stages = []
    for plan in event.plan.stages:
        tally = Tally()
        for seat in plan.seats:
            tally = moved(tally, None, clusters[seat.cluster])
        stages.append(StageRun(plan=plan, tally=tally))
    return Rollout(
        id=event.id,
        plan=event.plan,
        phase=Phase.RUNNING,
        started_at=event.at,
        stages=tuple(stages),
        clusters=clusters,
        follows=event.follows,
    )


def fold(rollout: Rollout, event: RunFact) -> Rollout:
    """Return the rollout after `event`."""
    match event:
        case RolloutStarted():
            return rollout
        case StageStarted():
            run = replace(
                stage_of(rollout, event.stage), phase=StagePhase.RUNNING, started_at=event.at
            )
            return put_stage(rollout, run)
        case StageSettled():
            run = stage_of(rollout, event.stage)
            return put_stage(
                rollout, replace(run, settled_at=event.at, soak=Clock.started(event.at))
            )
        case StageCompleted():
            return _completed(rollout, event)
        case PruneDecided():
            made = Pruning(at=event.at, clusters=event.clusters, held=event.held)
            return replace(rollout, prune=made)
        case Stopped():
            return _stopped(rollout, event)
        case Halted():
            return replace(rollout, phase=Phase.HALTED)
        case RolloutEnded():
            return replace(rollout, phase=event.phase, ended_at=event.at, pause=None)
        case _:
            assert_never(event)


def _completed(rollout: Rollout, event: StageCompleted) -> Rollout:
    run = replace(stage_of(rollout, event.stage), phase=StagePhase.COMPLETED, completed_at=event.at)
    rollout = put_stage(rollout, run)
    waiting = [i for i, r in enumerate(rollout.stages) if r.phase is not StagePhase.COMPLETED]
    return replace(rollout, current=min(waiting, default=len(rollout.stages)))


def _stopped(rollout: Rollout, event: Stopped) -> Rollout:
    stop = Stop(
        cause=event.cause,
        reason=event.reason,
        at=event.at,
        stage=event.stage,
        reaction=event.reaction,
    )
    breached_at = rollout.breached_at
    if event.cause in BREACHES and breached_at is None:
        breached_at = event.at
    return replace(rollout, stop=stop, breached_at=breached_at)
