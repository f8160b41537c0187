"""What rollouts mean to each other: the part of `Facts` that follows from the other rollouts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clusters.model import BundleName, ClusterName, Digest
from fleet.rollout.guards import Changing, writes
from fleet.rollout.state import Rollout


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


def expected(
    assigned: Mapping[ClusterName, Digest], rollouts: Iterable[Rollout]
) -> dict[ClusterName, Digest]:
    """Say what a bundle's clusters will hold when its open rollouts are done, oldest first.

    A release that follows others as a train is planned against this, not against what is assigned
    at the moment: what it leaves unchanged is what the one ahead will have left there.
    """
    found = dict(assigned)
    for rollout in rollouts:
        if not rollout.ended and rollout.stop is None:
            found |= {name: entry.seat.digest for name, entry in rollout.clusters.items()}
    return found
