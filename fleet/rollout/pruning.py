"""The last stage of a rollout: what the release no longer has is deleted once all clusters have it.

Until then it stays: a release that turns out bad has deleted nothing, and going back is quick.
Clusters that left the bundle are pruned here, too.  More than the fleet's guard allows for one
rollout waits for a person, who confirms it for the bundle; the rollout does not wait for them.
"""

from __future__ import annotations

from datetime import timedelta

from fleet.model import PruneGuard
from fleet.rollout.events import PruneDecided
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import ForPrune

PATIENCE_S = 60.0
"""How long a rollout waits for deletions: what hangs (a finalizer) must not hold up the next."""


def done(turn: Turn) -> bool:
    """Prune, and say whether the rollout may end."""
    decided, left = turn.rollout.prune, turn.facts.leftovers
    if decided is None:
        if not left:
            return True
        clusters, objects = tuple(sorted(left)), sum(left.values())
        held = excess(len(clusters), objects, turn.facts.prune_guard)
        turn.conclude(PruneDecided(at=turn.now, clusters=clusters, objects=objects, held=held))
        return False
    until = decided.at + timedelta(seconds=PATIENCE_S)
    waiting = tuple(
        name
        for name in decided.clusters
        if left.get(name) and name not in turn.facts.prune_held and name not in turn.rollout.away
    )
    if decided.held or not waiting or until <= turn.now:
        return True
    turn.wait(ForPrune(clusters=waiting, until=until), until)
    return False


def excess(clusters: int, objects: int, guard: PruneGuard) -> str:
    """Say why so much is not deleted without a person's word; empty: it may be."""
    if clusters <= guard.max_clusters and objects <= guard.max_objects:
        return ""
    return (
        f"the rollout would delete {objects} objects on {clusters} clusters, and guards.prune "
        f"allows {guard.max_objects} objects on {guard.max_clusters} clusters"
    )
