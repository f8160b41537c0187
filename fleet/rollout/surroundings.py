"""What rollouts mean to each other: the part of `Facts` that follows from the other rollouts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clusters.model import BundleName, ClusterName
from fleet.model import StageName
from fleet.rollout.guards import Changing, writes
from fleet.rollout.state import Rollout, StagePhase


def changing(rollouts: Iterable[Rollout]) -> Changing:
    """Collect what all rollouts of the fleet are changing."""
    found: dict[ClusterName, frozenset[BundleName]] = {}
    for rollout in rollouts:
        mine = frozenset({rollout.plan.release.bundle})
        for run in rollout.stages:
            tally = run.tally
            for name in (*tally.in_flight, *tally.rolling_back, *tally.direct):
                if writes(rollout.clusters[name]):
                    known = found.get(name)
                    found[name] = mine if known is None else known | mine
            for _, late, _, name in reversed(tally.queue):
                if not late:
                    break
                if writes(rollout.clusters[name]):
                    found[name] = found.get(name, frozenset()) | mine
    return Changing(bundles=found)


def overtaken(rollout: Rollout, rollouts: Sequence[Rollout]) -> frozenset[StageName]:
    """List the stages of `rollout` that a newer release of the bundle has completed."""
    return frozenset(
        run.name
        for other in rollouts
        if other.started_at > rollout.started_at
        for run in other.stages
        if run.phase is StagePhase.COMPLETED
    )
