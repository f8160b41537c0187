"""Drives all rollouts: gives them what is observed, asks the planner, and says what must be done.

Pure but for its memory of the planner's last words (`outcomes`), which is rebuilt by asking again.
Every event goes through `emit`, which folds and stores it; side effects are returned, to be carried
out after that is durable (see `fleet.rollout.planner`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from clusters.model import BundleName, ClusterName, Digest, Health
from fleet import events as facts
from fleet.deciding.travelling import baseline, fact_of, last_good
from fleet.events import FleetFact
from fleet.model import Inventory
from fleet.observed import Observed
from fleet.rollout.advance import advance
from fleet.rollout.decisions import Effect
from fleet.rollout.events import (
    BecameHealthy,
    ClusterApplied,
    ClusterObserved,
    ClusterReturned,
    ClusterUnreachable,
    Degraded,
    Event,
    RolloutStarted,
    Superseded,
)
from fleet.rollout.facts import Facts
from fleet.rollout.guards import FleetLimits, Leases
from fleet.rollout.model import Release, RolloutId
from fleet.rollout.planner import Outcome, evolve
from fleet.rollout.planning import PlanRefused, make_plan
from fleet.rollout.state import Rollout
from fleet.rollout.supersede import HOTFIX_ROLE, ahead_of, arrange
from fleet.rollout.surroundings import changing
from fleet.rollout.windows import Calendar
from fleet.state import FleetState

Emit = Callable[[FleetFact], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """A side effect of one rollout."""

    rollout: str
    effect: Effect


class Conductor:
    """Conducts the rollouts of one fleet.

    Args:
        new_id: makes the id of a rollout from its bundle.
    """

    def __init__(self, new_id: Callable[[str], str]) -> None:
        self._new_id = new_id
        self.outcomes: dict[str, Outcome] = {}
        """What each rollout waits for, by the planner's last word."""
        self._recheck_at: dict[str, datetime] = {}
        self._calendar: tuple[Inventory, Calendar] | None = None

    def observe(
        self,
        state: FleetState,
        observed: Observed,
        clusters: Iterable[str],
        emit: Emit,
        at: datetime,
    ) -> set[str]:
        """Tell the rollouts what is known of clusters; return the rollouts that learned something.

        Level-triggered: what a rollout already knows changes nothing and is not stored.
        """
        names = [ClusterName(name) for name in clusters]
        moved: set[str] = set()
        for rollout in state.travel.open():
            for name in names:
                if name in rollout.clusters:
                    for event in _news(state, rollout.id, observed, name, at):
                        if _is_news(state.travel.rollouts[rollout.id], event, name):
                            emit(fact_of(rollout.id, rollout.plan.release.bundle, event))
                            moved.add(rollout.id)
        return moved

    def arrange(self, state: FleetState, inventory: Inventory, emit: Emit, at: datetime) -> None:
        """Start waiting releases whose turn it is, and replace what they overtake."""
        for bundle in list(state.travel.waiting):
            roles = inventory.settings.roles
            found = arrange(
                [r for r in state.travel.of(bundle) if not r.ended],
                state.travel.waiting[bundle],
                held=frozenset(state.travel.held.get(bundle, ())),
                hotfix_authors=frozenset(roles.get(HOTFIX_ROLE, ())),
            )
            for dropped in found.dropped:
                emit(_dropped(dropped.release, dropped.reason, at))
            for old in found.supersede:
                newest = state.travel.waiting[bundle][-1]
                event = Superseded(at=at, by=newest.revision, hurry=newest.hotfix)
                emit(fact_of(old, bundle, event))
            if found.start:
                self._start(state, inventory, found.start, emit, at)

    def _start(
        self, state: FleetState, inventory: Inventory, release: Release, emit: Emit, at: datetime
    ) -> None:
        rollout = RolloutId(self._new_id(release.bundle))
        try:
            plan = make_plan(
                release,
                inventory,
                rollout=rollout,
                now=at,
                baseline=baseline(state, release.bundle),
            )
        except PlanRefused as error:
            emit(_dropped(release, "; ".join(error.problems), at))
            return
        emit(fact_of(rollout, release.bundle, RolloutStarted(at=at, id=rollout, plan=plan)))

    def advance(
        self,
        state: FleetState,
        observed: Observed,
        inventory: Inventory,
        emit: Emit,
        now: datetime,
        *,
        moved: set[str] | None,
    ) -> list[Do]:
        """Let the planner decide; return the side effects.

        Args:
            state: the fleet.
            observed: the newest word of every cluster.
            inventory: what is declared.
            emit: folds and stores.
            now: the time.
            moved: rollouts about which something is new; None: anything may be.
        """
        found: list[Do] = []
        for rollout in state.travel.open():
            due = self._recheck_at.get(rollout.id)
            known = rollout.id in self.outcomes
            if known and moved is not None and rollout.id not in moved and not _due(due, now):
                continue
            step = advance(rollout, self._facts(state, observed, inventory, rollout), now)
            for event in step.events:
                emit(fact_of(rollout.id, rollout.plan.release.bundle, event))
            found.extend(Do(rollout=rollout.id, effect=effect) for effect in step.effects)
            self._remember(rollout.id, step.outcome, now)
        for gone in self.outcomes.keys() - state.travel.rollouts.keys():
            del self.outcomes[gone]
            self._recheck_at.pop(gone, None)
        return found

    def next_due_s(self, now: datetime, most: float) -> float:
        """Seconds until time alone may change something, at most `most`."""
        waits = [(at - now).total_seconds() for at in self._recheck_at.values()]
        return max(0.0, min([most, *waits]))

    def _remember(self, rollout: str, outcome: Outcome, now: datetime) -> None:
        self.outcomes[rollout] = outcome
        if outcome.recheck_after is None:
            self._recheck_at.pop(rollout, None)
        else:
            self._recheck_at[rollout] = now + timedelta(seconds=outcome.recheck_after)

    def _facts(
        self, state: FleetState, observed: Observed, inventory: Inventory, rollout: Rollout
    ) -> Facts:
        bundle = rollout.plan.release.bundle
        others = state.travel.of(bundle)
        return Facts(
            calendar=self._calendar_of(inventory),
            limits=FleetLimits.of(inventory.settings.guards, clusters=len(inventory.clusters)),
            changing=changing(state.travel.rollouts.values()),
            leases=Leases(rollouts=others),
            held=frozenset(state.travel.held.get(bundle, ())),
            last_good=last_good(state, bundle),
            blocked=_blocked(state, bundle, rollout),
            health=_health(observed, rollout),
            ahead=ahead_of(rollout, others),
            frozen=_frozen(state),
        )

    def _calendar_of(self, inventory: Inventory) -> Calendar:
        if self._calendar is None or self._calendar[0] is not inventory:
            made = Calendar.of(
                inventory.windows.values(), inventory.clusters.values(), inventory.gates.values()
            )
            self._calendar = (inventory, made)
        return self._calendar[1]


def _is_news(rollout: Rollout, event: Event, cluster: ClusterName) -> bool:
    after = evolve(rollout, event)
    return after.clusters[cluster] != rollout.clusters[cluster] or after.away != rollout.away


def _due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now


def _dropped(release: Release, reason: str, at: datetime) -> FleetFact:
    return facts.ReleaseDropped(
        at=at, bundle=release.bundle, revision=release.revision, reason=reason
    )


def _news(
    state: FleetState, name: str, observed: Observed, cluster: ClusterName, at: datetime
) -> Iterable[Event]:
    """What is observed of a cluster, as events that a rollout understands."""
    rollout = state.travel.rollouts[name]
    contact = observed.contact(cluster)
    if contact.known and not contact.connected:
        if cluster not in rollout.away:
            yield ClusterUnreachable(at=at, cluster=cluster)
        return
    if contact.connected and cluster in rollout.away:
        yield ClusterReturned(at=at, cluster=cluster)
    seen = observed.bundle(cluster, rollout.plan.release.bundle)
    entry = rollout.clusters[cluster]
    assigned = state.assignment(rollout.plan.release.bundle, cluster)
    if seen is None or assigned is None:
        return
    if entry.reobserve or entry.observing:
        # It speaks of this assignment again, so the assignment reached it.
        yield ClusterObserved(at=at, cluster=cluster, digest=Digest(assigned.digest))
    if seen.applied_digest is not None:
        digest = Digest(seen.applied_digest)
        yield ClusterApplied(at=at, cluster=cluster, digest=digest)
        if seen.health is Health.HEALTHY:
            yield BecameHealthy(at=at, cluster=cluster, digest=digest)
        elif seen.health in (Health.DEGRADED, Health.MISSING):
            yield Degraded(at=at, cluster=cluster, digest=digest, reason=seen.message)


def _blocked(state: FleetState, bundle: BundleName, rollout: Rollout) -> dict[ClusterName, str]:
    found: dict[ClusterName, str] = {}
    whole = state.suspended.get(f"bundle/{bundle}")
    for name in rollout.clusters:
        known = state.clusters.get(name)
        mark = state.suspended.get(f"cluster/{name}") or whole
        if mark:
            found[name] = f"suspended by {mark.actor}: {mark.reason}"
        elif known is not None and known.quarantined:
            found[name] = "quarantined, because its reconciler crashed"
    return found


def _health(observed: Observed, rollout: Rollout) -> dict[ClusterName, dict[BundleName, Health]]:
    return {
        name: {BundleName(b): seen.health for b, seen in observed.bundles.get(name, {}).items()}
        for name in rollout.clusters
    }


def _frozen(state: FleetState) -> str:
    crashed = sorted(name for name, entry in state.clusters.items() if entry.quarantined)
    return f"the reconciler of {crashed[0]} crashed: look at that first" if crashed else ""
