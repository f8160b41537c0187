"""How a changed part is put back into a rollout: the one place where tallies are kept right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clusters.model import ClusterName
from fleet.model import StageName
from fleet.rollout.clocks import Clock
from fleet.rollout.progress import ClusterRollout, ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.state import GateRun, Rollout, StageRun
from fleet.rollout.tally import moved

PROGRESSING = (ClusterState.APPLYING, ClusterState.VERIFYING)


def stage_of(rollout: Rollout, name: StageName) -> StageRun:
    """Return the stage called `name`.

    Raises:
        KeyError: the plan has no such stage.
    """
    return rollout.stages[stage_index(rollout, name)]


def stage_index(rollout: Rollout, name: StageName) -> int:
    """Return the position of the stage called `name`.

    Raises:
        KeyError: the plan has no such stage.
    """
    for index, run in enumerate(rollout.stages):
        if run.name == name:
            return index
    raise KeyError(f"the rollout {rollout.id} has no stage {name}")


def put(rollout: Rollout, *entries: ClusterRollout) -> Rollout:
    """Replace (or add) clusters, and keep the tallies of their stages right."""
    clusters = dict(rollout.clusters)
    stages = list(rollout.stages)
    for entry in entries:
        before = clusters.get(entry.name)
        if before is entry:
            continue
        clusters[entry.name] = entry
        index = stage_index(rollout, entry.seat.stage)
        stages[index] = _recounted(stages[index], before, entry)
    return replace(rollout, clusters=clusters, stages=tuple(stages))


def _recounted(run: StageRun, before: ClusterRollout | None, after: ClusterRollout) -> StageRun:
    tally = moved(run.tally, before, after)
    if tally is run.tally:
        return run
    if tally.busy and run.settled_at is not None:
        return replace(run, tally=tally, settled_at=None, soak=Clock())
    return replace(run, tally=tally)


def put_stage(rollout: Rollout, run: StageRun) -> Rollout:
    """Replace one stage."""
    index = stage_index(rollout, run.name)
    stages = (*rollout.stages[:index], run, *rollout.stages[index + 1 :])
    return replace(rollout, stages=stages)


def put_gate(rollout: Rollout, stage: StageName, gate: GateRun) -> Rollout:
    """Replace one gate run of a stage."""
    run = stage_of(rollout, stage)
    return put_stage(rollout, replace(run, gates={**run.gates, gate.key: gate}))


def retimed(rollout: Rollout, entry: ClusterRollout, at: datetime) -> ClusterRollout:
    """Let the cluster's deadline clock run or rest from `at`, as its situation asks.

    Only active time counts: not while paused, out of contact, outside a window, or while a person
    is asked about contested fields.  A way back
    ignores pauses and windows, since it passes them.
    """
    if entry.state in PROGRESSING or entry.baseline_due:
        active = not entry.attempt_over and rollout.pause is None and not entry.outside_window
        active = active and not entry.contested
    else:
        active = entry.state is ClusterState.ROLLING_BACK
    active = active and entry.unreachable_since is None
    clock = entry.progress.running(at) if active else entry.progress.stopped(at)
    return entry if clock is entry.progress else replace(entry, progress=clock)


def under_way(rollout: Rollout) -> Iterable[ClusterName]:
    """Name every cluster that is being changed: in flight, converging or going back."""
    for run in rollout.stages:
        yield from run.tally.in_flight
        yield from run.tally.rolling_back
        yield from run.tally.direct


def without(names: tuple[ClusterName, ...], name: ClusterName) -> tuple[ClusterName, ...]:
    """Return `names` less one."""
    return tuple(each for each in names if each != name)
