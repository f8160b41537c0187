"""The last stage of a rollout: what the release no longer has is deleted once all clusters have it.

Until then it stays: a release that turns out bad has deleted nothing, and going back is quick.
Clusters that left the bundle are pruned here, too.  More than the guards allow waits, everywhere,
for a person who confirms it for the bundle; the rollout does not wait for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from clusters.model import ClusterName
from fleet.model import PruneGuard, WindowName
from fleet.rollout.events import PruneDecided
from fleet.rollout.turn import Turn
from fleet.rollout.waiting import ForPerson, ForPrune, ForWindow
from fleet.rollout.windows import Shut

PATIENCE_S = 60.0
"""How long a rollout waits for deletions: what hangs (a finalizer) must not hold up the next."""


def done(turn: Turn) -> bool:
    """Prune, and say whether the rollout may end."""
    decided, left = turn.rollout.prune, turn.facts.leftovers
    if decided is None:
        if not left:
            return True
        if turn.standstill:
            turn.wait(ForPerson(reason=turn.standstill))
            return False
        if _kept_out(turn, left):
            return False
        clusters, objects = tuple(sorted(left)), sum(left.values())
        held = _excess(left, turn.facts.prune_guard)
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


def _kept_out(turn: Turn, left: Iterable[ClusterName]) -> bool:
    """Whether a closed window keeps deletions from any cluster: then none begins."""
    shut: dict[tuple[WindowName, datetime | None], list[ClusterName]] = {}
    for name in sorted(left):
        verdict = turn.window(name, ())
        if isinstance(verdict, Shut):
            shut.setdefault((verdict.window, verdict.opens_at), []).append(name)
    stage = turn.rollout.stages[-1].name
    for (window, until), clusters in shut.items():
        turn.wait(
            ForWindow(
                stage=stage, clusters=tuple(clusters), window=window, until=until, deleting=True
            ),
            until,
        )
    return bool(shut)


def _excess(left: Mapping[ClusterName, int], guard: PruneGuard) -> str:
    """Say why so much is not deleted without a person's word; empty: it may be.

    Args:
        left: how many objects each cluster would lose.
        guard: how many each may lose, and on how many clusters.
    """
    if guard.max_clusters is not None and len(left) > guard.max_clusters:
        return (
            f"the rollout would delete {sum(left.values())} objects on {len(left)} clusters, and "
            f"guards.prune.maxClusters is {guard.max_clusters}"
        )
    most = max(left, key=lambda name: left[name])
    if left[most] > guard.max_objects:
        return (
            f"the rollout would delete {left[most]} objects on {most}, and "
            f"guards.prune.maxObjects is {guard.max_objects}"
        )
    return ""
