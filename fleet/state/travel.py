"""Releases on their way: the part of the fleet's state that belongs to rollouts.

A fold, like the rest of the state: `take` is called for each stored rollout event, and nothing else
changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from clusters.model import ClusterName, Digest
from fleet.rollout.codec import from_data, to_data
from fleet.rollout.events import Event, HoldPlaced, RolloutStarted
from fleet.rollout.model import Release
from fleet.rollout.planner import begin, evolve
from fleet.rollout.record import read_rollout, rollout_record
from fleet.rollout.requests import HoldReleased
from fleet.rollout.rollback import held_digests
from fleet.rollout.state import Phase, Rollout

ENDED_KEPT = 5
"""Ended rollouts of a bundle that stay in the state, to be looked at; the audit log has all."""


@dataclass(slots=True, kw_only=True)
class Stranded:
    """A release that cannot travel, and why: a person has to change something in Git."""

    revision: str
    reason: str
    at: datetime


@dataclass(slots=True)
class Travel:
    """Rollouts, releases that wait for one, and holds."""

    rollouts: dict[str, Rollout] = field(default_factory=dict)
    waiting: dict[str, tuple[Release, ...]] = field(default_factory=dict)
    """Bundle to releases that have not started, oldest first."""
    held: dict[str, dict[Digest, str]] = field(default_factory=dict)
    """Bundle to digests that must not be applied, with the reason."""
    stranded: dict[str, Stranded] = field(default_factory=dict)
    """Bundle to its newest release, where that cannot travel."""
    floors: dict[str, dict[ClusterName, int]] = field(default_factory=dict)
    """Bundle to lease generations that forgotten rollouts reached."""
    pausing: dict[str, str] = field(default_factory=dict)
    """Bundle to why its next rollout starts paused."""

    def of(self, bundle: str) -> list[Rollout]:
        """All rollouts of a bundle, oldest first."""
        return [r for r in self.rollouts.values() if r.plan.release.bundle == bundle]

    def open(self) -> list[Rollout]:
        """The rollouts that may still change a cluster: not ended, or the newest completed."""
        kept = {r.id for r in self._newest_completed().values()}
        kept |= {r.id for r in self.rollouts.values() if _owes(r)}
        return [r for r in self.rollouts.values() if not r.ended or r.id in kept]

    def is_busy(self, bundle: str) -> bool:
        """Whether a release of the bundle travels, or waits to."""
        return bool(self.waiting.get(bundle)) or any(not r.ended for r in self.of(bundle))

    def taking_in(self, bundle: str) -> Rollout | None:
        """The rollout that a cluster which joins belongs to; None: none can bring it anything.

        That is the newest one.  Where it went back or was given up, its release must not spread.
        """
        rollouts = self.of(bundle)
        newest = rollouts[-1] if rollouts else None
        if newest is None or (newest.ended and newest.phase is not Phase.COMPLETED):
            return None
        return None if newest.phase is Phase.ROLLING_BACK else newest

    def digests(self) -> set[str]:
        """Every content that a rollout or a waiting release may give to a cluster."""
        found = {
            digest
            for waiting in self.waiting.values()
            for release in waiting
            for digest in release.digests.values()
        }
        for rollout in self.rollouts.values():
            found.update(rollout.plan.release.digests.values())
            for entry in rollout.clusters.values():
                kept = (entry.seat.digest, entry.seat.baseline, entry.target, entry.last_good)
                found.update(digest for digest in kept if digest)
            if rollout.undo is not None:
                found.update(rollout.undo.targets.values())
        return set(map(str, found))

    def queue(self, release: Release, *, pause: str = "") -> None:
        """A release waits for its turn; one of the same commit is replaced."""
        if pause:
            self.pausing[release.bundle] = pause
        others = [r for r in self.waiting.get(release.bundle, ()) if r.revision != release.revision]
        self.waiting[release.bundle] = (*others, release)
        self.stranded.pop(release.bundle, None)

    def drop(self, bundle: str, revision: str) -> None:
        """A release does not wait any more."""
        left = tuple(r for r in self.waiting.get(bundle, ()) if r.revision != revision)
        self.waiting[bundle] = left
        if not left:
            del self.waiting[bundle]

    def forget(self, bundle: str) -> None:
        """A bundle does not travel in stages any more."""
        self._remember_generations(bundle, self.of(bundle))
        for rollout in self.of(bundle):
            del self.rollouts[rollout.id]
        self.waiting.pop(bundle, None)
        self.stranded.pop(bundle, None)
        self.pausing.pop(bundle, None)

    def take(self, rollout: str, event: Event) -> Rollout | None:
        """Fold one event; return the rollout after it, or None if there is no such rollout."""
        if isinstance(event, RolloutStarted):
            self.rollouts[rollout] = begun = begin(event)
            release = event.plan.release
            self.drop(release.bundle, release.revision)
            self.stranded.pop(release.bundle, None)
            self.pausing.pop(release.bundle, None)
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
        kept = self._newest_completed().get(bundle)
        ended = [r for r in self.of(bundle) if r.ended and (kept is None or r.id != kept.id)]
        old = ended[:-ENDED_KEPT]
        self._remember_generations(bundle, old)
        for rollout in old:
            del self.rollouts[rollout.id]

    def _remember_generations(self, bundle: str, rollouts: Iterable[Rollout]) -> None:
        """A lease never starts again at a lower number than was granted once."""
        for rollout in rollouts:
            floor = self.floors.setdefault(bundle, {})
            for name, entry in rollout.clusters.items():
                if entry.generation > floor.get(name, 0):
                    floor[name] = entry.generation

    def _newest_completed(self) -> dict[str, Rollout]:
        return {
            rollout.plan.release.bundle: rollout
            for rollout in self.rollouts.values()
            if rollout.phase is Phase.COMPLETED
        }


def _owes(rollout: Rollout) -> bool:
    """Whether clusters that missed a release are still to get it, before any later one."""
    if rollout.phase is not Phase.COMPLETED or not rollout.plan.release.sequential:
        return False
    return any(run.tally.direct or run.tally.deferred for run in rollout.stages)


def travel_record(travel: Travel) -> dict[str, Any]:
    """Write for a snapshot."""
    return {
        "rollouts": {name: rollout_record(rollout) for name, rollout in travel.rollouts.items()},
        "waiting": {
            bundle: [to_data(release, Release) for release in releases]
            for bundle, releases in travel.waiting.items()
        },
        "held": travel.held,
        "stranded": travel.stranded,
        "floors": travel.floors,
        "pausing": travel.pausing,
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
        stranded=msgspec.convert(record.get("stranded", {}), dict[str, Stranded]),
        floors={bundle: dict(floor) for bundle, floor in record.get("floors", {}).items()},
        pausing=dict(record.get("pausing", {})),
    )
