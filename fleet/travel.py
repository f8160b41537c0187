"""Releases on their way: the part of the fleet's state that belongs to rollouts.

A fold, like the rest of the state: `take` is called for each stored rollout event, and nothing else
changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clusters.model import Digest
from fleet.rollout.codec import from_data, to_data
from fleet.rollout.events import Event, HoldPlaced, RolloutStarted
from fleet.rollout.model import Release
from fleet.rollout.planner import begin, evolve
from fleet.rollout.record import read_rollout, rollout_record
from fleet.rollout.requests import HoldReleased
from fleet.rollout.rollback import held_digests
from fleet.rollout.state import Rollout

ENDED_KEPT = 5
"""Ended rollouts of a bundle that stay in the state, to be looked at; the audit log has all."""


@dataclass(slots=True)
class Travel:
    """Rollouts, releases that wait for one, and holds."""

    rollouts: dict[str, Rollout] = field(default_factory=dict)
    waiting: dict[str, tuple[Release, ...]] = field(default_factory=dict)
    """Bundle to releases that have not started, oldest first."""
    held: dict[str, dict[Digest, str]] = field(default_factory=dict)
    """Bundle to digests that must not be applied, with the reason."""

    def of(self, bundle: str) -> list[Rollout]:
        """All rollouts of a bundle, oldest first."""
        return [r for r in self.rollouts.values() if r.plan.release.bundle == bundle]

    def open(self) -> list[Rollout]:
        """The rollouts that may still change a cluster: not ended, or the newest completed."""
        newest = {r.plan.release.bundle: r.id for r in self.rollouts.values()}
        return [
            r
            for r in self.rollouts.values()
            if not r.ended or newest[r.plan.release.bundle] == r.id
        ]

    def digests(self) -> set[str]:
        """Every content that a rollout or a waiting release names."""
        releases = [rollout.plan.release for rollout in self.rollouts.values()]
        releases += [release for waiting in self.waiting.values() for release in waiting]
        return {str(digest) for release in releases for digest in release.digests.values()}

    def queue(self, release: Release) -> None:
        """A release waits for its turn."""
        self.waiting[release.bundle] = (*self.waiting.get(release.bundle, ()), release)

    def drop(self, bundle: str, revision: str) -> None:
        """A release will not travel."""
        left = tuple(r for r in self.waiting.get(bundle, ()) if r.revision != revision)
        self.waiting[bundle] = left
        if not left:
            del self.waiting[bundle]

    def take(self, rollout: str, event: Event) -> Rollout | None:
        """Fold one event; return the rollout after it, or None if there is no such rollout."""
        if isinstance(event, RolloutStarted):
            self.rollouts[rollout] = begun = begin(event)
            release = event.plan.release
            self.drop(release.bundle, release.revision)
            self._forget_old(release.bundle)
            return begun
        before = self.rollouts.get(rollout)
        if before is None:
            return None
        after = self.rollouts[rollout] = evolve(before, event)
        self._hold(after, event)
        return after

    def _hold(self, rollout: Rollout, event: Event) -> None:
        bundle = rollout.plan.release.bundle
        if isinstance(event, HoldPlaced):
            reasons = dict.fromkeys(held_digests(rollout), event.reason)
            self.held[bundle] = {**self.held.get(bundle, {}), **reasons}
        elif isinstance(event, HoldReleased):
            freed = held_digests(rollout)
            left = {d: why for d, why in self.held.get(bundle, {}).items() if d not in freed}
            self.held[bundle] = left
            if not left:
                del self.held[bundle]

    def _forget_old(self, bundle: str) -> None:
        ended = [r.id for r in self.of(bundle) if r.ended]
        for old in ended[:-ENDED_KEPT]:
            del self.rollouts[old]


def travel_record(travel: Travel) -> dict[str, Any]:
    """Write for a snapshot."""
    return {
        "rollouts": {name: rollout_record(rollout) for name, rollout in travel.rollouts.items()},
        "waiting": {
            bundle: [to_data(release, Release) for release in releases]
            for bundle, releases in travel.waiting.items()
        },
        "held": travel.held,
    }


def read_travel(record: Mapping[str, Any]) -> Travel:
    """Read what `travel_record` wrote.

    Raises:
        UnreadableRecord: written by another version.
    """
    return Travel(
        rollouts={name: read_rollout(each) for name, each in record["rollouts"].items()},
        waiting={
            bundle: tuple(from_data(Release, each) for each in releases)
            for bundle, releases in record["waiting"].items()
        },
        held={bundle: dict(held) for bundle, held in record["held"].items()},
    )
