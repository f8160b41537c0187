"""Drives all rollouts: gives them what is observed, asks the planner, and says what must be done.

Pure but for what it remembers to save work: the planner's last words (`outcomes`), which are made
again by asking again.  Every event goes through `emit`, which folds and stores it; side effects are
returned, to be carried out after that is durable (see `fleet.rollout.planner`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from clusters.events import BundleObserved
from clusters.model import ClusterName
from fleet.deciding.rollout_facts import Surroundings, depends_on_others
from fleet.deciding.rollout_news import is_news, news
from fleet.deciding.travelling import (
    fact_of,
    hotfix_authors,
    starting_baseline,
    still_wanted,
)
from fleet.model import Inventory
from fleet.rollout.advance import advance
from fleet.rollout.decisions import AssignRelease, Effect
from fleet.rollout.events import RolloutStarted, Superseded
from fleet.rollout.model import Release, RolloutId
from fleet.rollout.planner import Outcome
from fleet.rollout.planning import Baseline, PlanRefused, make_plan
from fleet.rollout.requests import Paused
from fleet.rollout.state import Rollout
from fleet.rollout.supersede import Arrangement, arrange
from fleet.rollout.surroundings import expected
from fleet.rollout.waiting import ForPrune
from fleet.rollout.windows import Calendar
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.state.fleet import FleetState
from fleet.state.observed import Observed

Emit = Callable[[FleetFact], None]

_UNASKED = Outcome()
_ONE_ROLLOUT = (
    facts.RolloutEvent,
    facts.Watched,
    facts.Converged,
    facts.Degraded,
    facts.Recovered,
    facts.ObjectsWritten,
    facts.ObjectsPruned,
    facts.ObjectNoted,
    facts.DriftSeen,
    facts.DriftEnded,
    facts.ClusterConnected,
    facts.ClusterLost,
    facts.ReleaseQueued,
)
"""Facts that matter to no rollout beside those that they, or the observations, name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """A side effect of one rollout."""

    rollout: str
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What rollouts decide from at one moment."""

    state: FleetState
    observed: Observed
    inventory: Inventory
    known: bool
    """Whether the inventory has been read since the start: without it nothing may start."""
    now: datetime


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
        self._outdated: dict[tuple[str, ClusterName], BundleObserved] = {}
        """Bundle and cluster to the word that speaks of content from before an assignment."""

    def conduct(
        self, scene: Scene, happened: Collection[FleetFact], touched: Iterable[str], emit: Emit
    ) -> list[Do]:
        """Let rollouts take in what is new, and decide; return the side effects.

        Args:
            scene: the fleet as it is, `happened` included.
            happened: the facts since the last time.
            touched: clusters of which something was heard.
            emit: folds and stores a fact.
        """
        moved = self._observe(scene, scene.state.travel.open(), touched, emit)
        moved |= {fact.rollout for fact in happened if isinstance(fact, facts.RolloutEvent)}
        moved |= self._arrange(scene, emit)
        everything = any(not isinstance(fact, _ONE_ROLLOUT) for fact in happened)
        found: list[Do] = []
        heard = set(touched)
        moved |= {name for name, outcome in self.outcomes.items() if _prunes(outcome, heard)}
        stirred = any(isinstance(fact, facts.DriftEnded) for fact in happened)
        if moved or everything or stirred or self._due(scene):
            found += self._advance(scene, None if everything else moved, emit)
        while arranged := self._arrange(scene, emit):
            # A rollout that ended has made way for the next.
            found += self._advance(scene, arranged, emit)
        return found

    def next_due_s(self, now: datetime, most: float) -> float:
        """Seconds until time alone may change something, at most `most`."""
        waits = [(at - now).total_seconds() for at in self._recheck_at.values()]
        return max(0.0, min([most, *waits]))

    # --- observing ---

    def _observe(
        self, scene: Scene, rollouts: Iterable[Rollout], clusters: Iterable[str], emit: Emit
    ) -> set[str]:
        """Tell rollouts what is known of clusters; return those that learned something.

        Level-triggered: what a rollout already knows changes nothing and is not stored.
        """
        names = [ClusterName(name) for name in clusters]
        moved: set[str] = set()
        for rollout in rollouts:
            bundle = rollout.plan.release.bundle
            for name in names:
                if name not in rollout.clusters:
                    continue
                now = scene.state.travel.rollouts[rollout.id]
                outdated = self._outdated.get((bundle, name))
                for event in news(
                    scene.state, scene.observed, now, name, scene.now, outdated=outdated
                ):
                    if is_news(scene.state.travel.rollouts[rollout.id], event, name):
                        emit(fact_of(rollout.id, bundle, event))
                        moved.add(rollout.id)
        return moved

    # --- starting ---

    def _arrange(self, scene: Scene, emit: Emit) -> set[str]:
        """Start waiting releases whose turn it is, and replace what they overtake."""
        moved: set[str] = set()
        if not scene.known:
            return moved
        travel = scene.state.travel
        for bundle in list(travel.waiting):
            under_way = [r for r in travel.of(bundle) if not r.ended]
            found = arrange(
                under_way,
                travel.waiting[bundle],
                held=frozenset(travel.held.get(bundle, ())),
                hotfix_authors=hotfix_authors(travel.waiting[bundle], scene.inventory.settings),
            )
            moved |= self._replace(scene, bundle, found, emit)
            if found.start:
                moved |= self._start(scene, found.start, under_way, emit)
        return moved

    def _replace(self, scene: Scene, bundle: str, found: Arrangement, emit: Emit) -> set[str]:
        for dropped in found.dropped:
            emit(_dropped(dropped.release, dropped.reason, scene.now))
        newest = found.waiting[-1] if found.waiting else None
        if newest is None:
            return set()
        for old in found.supersede:
            event = Superseded(
                at=scene.now, by=newest.revision, reason=_replaced_by(newest), hurry=found.hurry
            )
            emit(fact_of(old, bundle, event))
        return set(found.supersede)

    def _start(
        self, scene: Scene, release: Release, under_way: list[Rollout], emit: Emit
    ) -> set[str]:
        bundle, now = release.bundle, scene.now
        rollout = RolloutId(self._new_id(bundle))
        known = starting_baseline(scene.state, release)
        pause = scene.state.travel.pausing.get(bundle)
        # What travels ahead of it will have brought what it does not change.
        ahead = Baseline(assigned=expected(known.assigned, under_way), completed=known.completed)
        try:
            plan = make_plan(
                still_wanted(release, scene.state),
                scene.inventory,
                rollout=rollout,
                now=now,
                baseline=ahead,
            )
        except PlanRefused as error:
            emit(_dropped(release, "; ".join(error.problems), now, stranded=True))
            return set()
        follows = under_way[-1].id if under_way else None
        begun = RolloutStarted(at=now, id=rollout, plan=plan, follows=follows)
        emit(fact_of(rollout, bundle, begun))
        if pause:
            emit(fact_of(rollout, bundle, Paused(at=now, actor=facts.SYSTEM, reason=pause)))
        started = scene.state.travel.rollouts[rollout]
        self._observe(scene, [started], started.clusters, emit)
        return {rollout}

    # --- deciding ---

    def _due(self, scene: Scene) -> bool:
        return any(at <= scene.now for at in self._recheck_at.values())

    def _advance(self, scene: Scene, moved: set[str] | None, emit: Emit) -> list[Do]:
        """Let the planner decide about `moved` (None: all), and about whom that concerns."""
        around = Surroundings(
            state=scene.state,
            observed=scene.observed,
            inventory=scene.inventory,
            calendar=self._calendar_of(scene.inventory),
            frozen="" if scene.known else "the fleet repository has not been read since the start",
        )
        found: list[Do] = []
        asked = self._to_ask(scene, moved)
        while asked:
            progressed = False
            for name in asked:
                rollout = scene.state.travel.rollouts[name]
                step = advance(rollout, around.of(rollout), scene.now)
                self._mark_outdated(scene, rollout, step.effects)
                for event in step.events:
                    emit(fact_of(name, rollout.plan.release.bundle, event))
                if step.events:
                    progressed = True
                    around.moved()
                found.extend(Do(rollout=name, effect=effect) for effect in step.effects)
                self._remember(name, step.outcome, scene.now)
            asked = self._concerned(scene) if progressed else []
        for gone in self.outcomes.keys() - scene.state.travel.rollouts.keys():
            del self.outcomes[gone]
            self._recheck_at.pop(gone, None)
        return found

    def _to_ask(self, scene: Scene, moved: set[str] | None) -> list[str]:
        names = [rollout.id for rollout in scene.state.travel.open()]
        if moved is None:
            return list(names)
        concerned = set(self._concerned(scene))
        return [
            name
            for name in names
            if name in moved
            or name in concerned
            or name not in self.outcomes
            or self._recheck_at.get(name, scene.now + timedelta(days=1)) <= scene.now
        ]

    def _concerned(self, scene: Scene) -> list[str]:
        """Rollouts that may go on because of something outside themselves."""
        return [
            rollout.id
            for rollout in scene.state.travel.open()
            if self.outcomes.get(rollout.id, _UNASKED).waits_on_others
            or (not rollout.ended and depends_on_others(rollout, scene.inventory.bundles))
        ]

    def _mark_outdated(self, scene: Scene, rollout: Rollout, effects: Iterable[Effect]) -> None:
        """Remember which words speak of what was there before other content was assigned."""
        bundle = rollout.plan.release.bundle
        for effect in effects:
            if not isinstance(effect, AssignRelease):
                continue
            before = scene.state.assignment(bundle, effect.cluster)
            seen = scene.observed.bundle(effect.cluster, bundle)
            if seen is not None and before is not None and before.digest != effect.digest:
                self._outdated[bundle, effect.cluster] = seen

    def _remember(self, rollout: str, outcome: Outcome, now: datetime) -> None:
        self.outcomes[rollout] = outcome
        if outcome.recheck_after is None:
            self._recheck_at.pop(rollout, None)
        else:
            self._recheck_at[rollout] = now + timedelta(seconds=outcome.recheck_after)

    def _calendar_of(self, inventory: Inventory) -> Calendar:
        if self._calendar is None or self._calendar[0] is not inventory:
            made = Calendar.of(
                inventory.windows.values(), inventory.clusters.values(), inventory.gates.values()
            )
            self._calendar = (inventory, made)
        return self._calendar[1]


def _prunes(outcome: Outcome, clusters: set[str]) -> bool:
    """Whether a rollout waits for one of `clusters` to delete what it no longer has."""
    return any(
        isinstance(reason, ForPrune) and not clusters.isdisjoint(reason.clusters)
        for reason in outcome.waiting_on
    )


def _dropped(
    release: Release, reason: str, at: datetime, *, stranded: bool = False
) -> facts.ReleaseDropped:
    return facts.ReleaseDropped(
        at=at, bundle=release.bundle, revision=release.revision, reason=reason, stranded=stranded
    )


def _replaced_by(newer: Release) -> str:
    word = "hotfix" if newer.hotfix else "newer release"
    return f"the {word} {newer.revision[:8]} takes its place"
