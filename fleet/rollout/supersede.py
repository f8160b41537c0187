"""What a newer release does to the rollouts of its bundle: wait, replace, follow or overtake.

A release is identified by itself, never as "the newest".  `arrange` is asked whenever a release is
made or a rollout of the bundle changes; it says which to start and which to end, and the planner of
each rollout does the rest (`Superseded` lets what is in flight finish first).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import assert_never

from clusters.model import ClusterName, Digest
from fleet.model import OnNewRelease
from fleet.rollout.facts import Ahead, relied_on
from fleet.rollout.model import Release, RolloutId
from fleet.rollout.progress import BROKEN, ClusterState
from fleet.rollout.replacing import replace
from fleet.rollout.state import BREACHES, Phase, Rollout, StagePhase, StopCause

HOTFIX_ROLE = "incident-commander"
"""Role whose holders' releases may overtake as hotfixes."""

_FAILED_ON = BROKEN | {ClusterState.NEEDS_HUMAN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A release that will not travel, and why."""

    release: Release
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """What to do with the releases of one bundle."""

    start: Release | None = None
    waiting: tuple[Release, ...] = ()
    """Releases that wait, oldest first."""
    dropped: tuple[Dropped, ...] = ()
    supersede: tuple[RolloutId, ...] = ()
    """Rollouts to end: feed each a `Superseded` event."""
    hurry: bool = False
    """What that event is to say about soaks."""
    reason: str = ""
    """Why the first waiting release waits; empty if none does."""


def arrange(
    rollouts: Sequence[Rollout],
    waiting: Sequence[Release],
    *,
    held: frozenset[Digest] = frozenset(),
    hotfix_authors: frozenset[str] = frozenset(),
) -> Arrangement:
    """Decide about the waiting releases of one bundle.

    Args:
        rollouts: those of the bundle that have not ended, oldest first.
        waiting: releases that have not started, oldest first.
        held: digests of the bundle on hold.
        hotfix_authors: people who hold `HOTFIX_ROLE`.
    """
    if not waiting:
        return Arrangement()
    newest = waiting[-1]
    if newest.hotfix and newest.author in hotfix_authors:
        return replace(_replacing(rollouts, waiting, held, always=True), hurry=True)
    match newest.strategy.on_new_release:
        case OnNewRelease.QUEUE:
            return _queued(rollouts, waiting, held)
        case OnNewRelease.COALESCE:
            return _replacing(rollouts, waiting, held, always=False)
        case OnNewRelease.SUPERSEDE:
            return _replacing(rollouts, waiting, held, always=True)
        case OnNewRelease.TRAIN:
            return _train(rollouts, waiting, held)
        case _:
            assert_never(newest.strategy.on_new_release)


def _queued(
    rollouts: Sequence[Rollout], waiting: Sequence[Release], held: frozenset[Digest]
) -> Arrangement:
    """First come, first served."""
    if rollouts:
        return Arrangement(waiting=tuple(waiting), reason=f"rollout {rollouts[-1].id} is first")
    return _start_first(waiting, held)


def _start_first(waiting: Sequence[Release], held: frozenset[Digest]) -> Arrangement:
    for index, release in enumerate(waiting):
        if not is_held(release, held):
            rest = (*waiting[:index], *waiting[index + 1 :])
            return Arrangement(start=release, waiting=rest)
    return Arrangement(waiting=tuple(waiting), reason=_HELD)


_HELD = "the release is on hold; commit a fix, or release the hold"


def is_held(release: Release, held: frozenset[Digest]) -> bool:
    """Whether all that the release would apply is on hold."""
    return bool(release.digests) and all(each in held for each in release.digests.values())


def _replacing(
    rollouts: Sequence[Rollout],
    waiting: Sequence[Release],
    held: frozenset[Digest],
    *,
    always: bool,
) -> Arrangement:
    """Only the newest travels; it replaces a rollout that is stuck or has changed nothing."""
    newest = waiting[-1]
    dropped = tuple(
        Dropped(
            release=each, reason=f"the newer release {newest.revision[:8]} came before it began"
        )
        for each in waiting[:-1]
    )
    if is_held(newest, held):
        return Arrangement(waiting=(newest,), dropped=dropped, reason=_HELD)
    if not rollouts:
        return Arrangement(start=newest, dropped=dropped)
    ending = tuple(each.id for each in rollouts if _may_end(each) and (always or _is_stuck(each)))
    if ending:
        reason = f"rollout {ending[-1]} ends first: what it has in flight finishes"
    else:
        reason = f"rollout {rollouts[-1].id} finishes first"
    return Arrangement(waiting=(newest,), dropped=dropped, supersede=ending, reason=reason)


def _may_end(rollout: Rollout) -> bool:
    """Whether it can be told to end: not while it goes back, nor when it is ending already."""
    if rollout.phase is Phase.ROLLING_BACK:
        return False
    return rollout.stop is None or rollout.stop.cause not in (StopCause.SUPERSEDE, StopCause.ABORT)


def _is_stuck(rollout: Rollout) -> bool:
    """Whether a rollout would only stand in the way: halted, nothing changed so far, or all done.

    One that is done still waits to delete what its release no longer has; the next one will.
    """
    done = rollout.current >= len(rollout.stages) and rollout.prune is None
    return rollout.phase is Phase.HALTED or rollout.first_assigned_at is None or done


def _train(
    rollouts: Sequence[Rollout], waiting: Sequence[Release], held: frozenset[Digest]
) -> Arrangement:
    """Releases follow each other stage by stage, in order, a few at a time."""
    most = waiting[0].strategy.max_trains
    if len(rollouts) >= most:
        reason = f"{len(rollouts)} releases are under way, and maxTrains is {most}"
        return Arrangement(waiting=tuple(waiting), reason=reason)
    return _start_first(waiting, held)


def ahead_of(rollout: Rollout, rollouts: Iterable[Rollout]) -> Ahead | None:
    """Say what the release before `rollout` has done, if it must not be overtaken.

    `rollouts` are those of the bundle, ended ones included, in any order.
    """
    by_id = {each.id: each for each in rollouts}
    ahead = by_id.get(rollout.follows) if rollout.follows else None
    while ahead is not None and ahead.phase in (Phase.ABORTED, Phase.SUPERSEDED):
        if relied_on(rollout, undone(ahead)):
            return _ahead(ahead, f"it ended early ({ahead.phase})")
        ahead = by_id.get(ahead.follows) if ahead.follows else None
    if ahead is None or ahead.phase is Phase.COMPLETED:
        return None
    broke = _breached(ahead) or ahead.phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK)
    return _ahead(ahead, ahead.stop.reason if ahead.stop and broke else "")


def _ahead(ahead: Rollout, stopped: str) -> Ahead:
    return Ahead(
        rollout=ahead.id,
        completed=frozenset(run.name for run in ahead.stages if run.phase is StagePhase.COMPLETED),
        stopped=stopped,
        failed={
            name: entry.seat.digest
            for name, entry in ahead.clusters.items()
            if entry.counted or entry.state in _FAILED_ON
        },
        undone=undone(ahead) if stopped else frozenset(),
    )


def undone(rollout: Rollout) -> frozenset[ClusterName]:
    """List the clusters that a rollout was to change and that do not hold its release."""
    holding = (ClusterState.GOOD, ClusterState.UNCHANGED)
    return frozenset(name for name, entry in rollout.clusters.items() if entry.state not in holding)


def _breached(rollout: Rollout) -> bool:
    return rollout.stop is not None and rollout.stop.cause in BREACHES
