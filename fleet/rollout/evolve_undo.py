"""Folds rollbacks and holds."""

from __future__ import annotations

from typing import assert_never

from fleet.rollout.events import (
    ClusterLeftAsIs,
    HoldAsked,
    HoldPlaced,
    RevertAsked,
    RevertProposed,
    RollbackStarted,
    UndoFact,
)
from fleet.rollout.folding import put, without
from fleet.rollout.progress import ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.requests import HoldReleased
from fleet.rollout.state import HoldState, Phase, Revert, Rollout, Undo


def fold(rollout: Rollout, event: UndoFact) -> Rollout:
    """Return the rollout after `event`."""
    match event:
        case RollbackStarted():
            undo = Undo(
                pending=event.clusters,
                concurrency=event.concurrency,
                at=event.at,
                reason=event.reason,
                targets=event.targets,
            )
            # A way back passes a pause: what is shown must not say that it waits for one.
            return replace(rollout, phase=Phase.ROLLING_BACK, undo=undo, pause=None)
        case ClusterLeftAsIs():
            return _left(rollout, event)
        case RevertAsked():
            return replace(rollout, revert=Revert())
        case RevertProposed():
            made = Revert(done=True, branch=event.branch, url=event.url, problem=event.problem)
            return replace(rollout, revert=made)
        case HoldAsked():
            return replace(rollout, hold=HoldState.ASKED)
        case HoldPlaced():
            return replace(rollout, hold=HoldState.PLACED)
        case HoldReleased():
            return replace(rollout, hold=HoldState.RELEASED)
        case _:
            assert_never(event)


def _left(rollout: Rollout, event: ClusterLeftAsIs) -> Rollout:
    if rollout.undo is not None:
        undo = replace(rollout.undo, pending=without(rollout.undo.pending, event.cluster))
        rollout = replace(rollout, undo=undo)
    entry = rollout.clusters.get(event.cluster)
    if entry is None:
        return rollout
    entry = replace(entry, trouble=event.reason, progress=entry.progress.stopped(event.at))
    if event.needs_human:
        entry = replace(entry, state=ClusterState.NEEDS_HUMAN, since=event.at)
    elif entry.in_flight:
        entry = replace(entry, state=ClusterState.FAILED, since=event.at)
    return put(rollout, entry)
