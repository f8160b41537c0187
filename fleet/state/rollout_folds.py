"""Folds what happens to rollouts into the state of the fleet: part of `fleet.state.fleet`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusters.model import ClusterName, Digest
from fleet.rollout.events import (
    ClusterAssigned,
    PruneDecided,
    Purpose,
    RolloutEnded,
    SoakElapsed,
)
from fleet.rollout.model import Release
from fleet.rollout.record import read_event
from fleet.rollout.requests import TakeoverDecided
from fleet.rollout.state import Phase, Rollout
from fleet.state import facts
from fleet.state.standing import EMPTY_DIGEST, Assignment, Origin, next_assignment

if TYPE_CHECKING:
    from fleet.state.fleet import FleetState


def fold_rollout(state: FleetState, fact: facts.RolloutEvent) -> None:
    """Take in what happened to a rollout, and what it means for assignments."""
    event = read_event(fact.event)
    rollout = state.travel.take(fact.rollout, event)
    if rollout is None:
        return
    if isinstance(event, ClusterAssigned):
        _assigned_by_rollout(state, rollout, event)
    elif isinstance(event, PruneDecided):
        _prune(state, rollout, hold=event.held)
    elif isinstance(event, RolloutEnded) and event.phase is Phase.COMPLETED:
        if rollout.stop is None:  # else what it left goes with the release that replaced it
            _prune(state, rollout)
    elif isinstance(event, TakeoverDecided):
        _takeover(state, rollout, event)
    elif isinstance(event, SoakElapsed):
        entry = state.assignment(fact.bundle, event.cluster)
        if entry and entry.digest == rollout.clusters[event.cluster].target:
            entry.became_good()


def _prune(state: FleetState, rollout: Rollout, *, hold: str = "") -> None:
    """Let clusters delete what the release no longer has, or have them wait for a person."""
    digests = rollout.plan.release.digests
    for name, entry in state.assignments.get(rollout.plan.release.bundle, {}).items():
        mine = entry.withdrawn or entry.digest == digests.get(ClusterName(name))
        if entry.prune_later and mine:
            entry.prune_later, entry.prune_hold = False, hold


def _takeover(state: FleetState, rollout: Rollout, event: TakeoverDecided) -> None:
    for name, contests in event.contests.items():
        entry = state.assignment(rollout.plan.release.bundle, name)
        if entry is None or entry.digest != rollout.clusters[name].target:
            continue
        if event.take:
            entry.takes = (*entry.takes, *contests)
        else:
            entry.leaves = (*entry.leaves, *contests)


def _assigned_by_rollout(state: FleetState, rollout: Rollout, event: ClusterAssigned) -> None:
    if event.cluster not in state.clusters:
        return  # it left the inventory meanwhile
    release = rollout.plan.release
    placed = state.assignments.setdefault(release.bundle, {})
    before = placed.get(event.cluster)
    back = event.purpose is not Purpose.RELEASE
    origin = Origin(release.revision, _fleet_revision(state, release))
    if back and event.digest is not None:
        origin = _origin_of(state, release.bundle, event.cluster, event.digest, before)
    digest = EMPTY_DIGEST if event.digest is None else event.digest
    cause = f"rollout {rollout.id}" + (f", {event.purpose}" if back else "")
    entry = next_assignment(before, digest, origin, event.at, cause)
    entry.prune_later = event.purpose is not Purpose.ROLLBACK and not rollout.ended
    if rollout.prune is not None and not back:
        entry.prune_hold = rollout.prune.held
    if event.digest is None:
        # The bundle says `uninstall` where there is nothing to go back to: that is the consent.
        entry.withdrawn = entry.uninstall = True
    placed[event.cluster] = entry


def _fleet_revision(state: FleetState, release: Release) -> str:
    """The fleet's commit that a release came with; of one stored without, the one in force."""
    return release.fleet_revision or (state.commit.revision if state.commit else "")


def _origin_of(
    state: FleetState,
    bundle: str,
    cluster: ClusterName,
    digest: Digest,
    before: Assignment | None,
) -> Origin:
    """The commits that an earlier content came with."""
    good = Origin(before.good_revision, before.good_fleet_revision) if before else Origin("", "")
    if before is not None and before.good_digest == digest:
        return good
    for rollout in reversed(state.travel.of(bundle)):
        release = rollout.plan.release
        if release.digests.get(cluster) == digest:
            return Origin(release.revision, _fleet_revision(state, release))
    return good
