"""What one call of `planner.decide` has found so far.  Lives only as long as that call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from clusters.model import ClusterName, Digest
from fleet.rollout.decisions import AssignRelease, Conclude, Decision, Effect
from fleet.rollout.events import Event, Purpose
from fleet.rollout.facts import Facts
from fleet.rollout.guards import refusal
from fleet.rollout.progress import ClusterRollout
from fleet.rollout.state import Rollout
from fleet.rollout.waiting import (
    ForBaseline,
    ForBlocker,
    ForGate,
    ForGuard,
    ForPerson,
    ForPrune,
    ForRollback,
    ForTrain,
    Reason,
)
from fleet.rollout.windows import Ajar, Groups, Profile, Shut

_AJAR = Ajar()
_FROM_OUTSIDE = (ForGuard, ForBlocker, ForTrain, ForBaseline, ForRollback, ForPrune, ForPerson)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The planner's answer."""

    decisions: tuple[Decision, ...] = ()
    waiting_on: tuple[Reason, ...] = ()
    blocked: tuple[ClusterName, ...] = ()
    """Pending clusters that have a reason of their own to wait: shown as Blocked."""
    recheck_after: float | None = None
    """Seconds after which time alone may change the answer; None: only an event can."""

    @property
    def waits_on_others(self) -> bool:
        """Whether something other than this rollout's own events and time may change the answer.

        Other rollouts, holds, blockers, the health of other bundles, the fleet's limits: where
        this is so, ask again whenever any of the facts may have changed.
        """
        return any(
            isinstance(reason, _FROM_OUTSIDE) or (isinstance(reason, ForGate) and not reason.until)
            for reason in self.waiting_on
        )


@dataclass(slots=True)
class Turn:
    """The question (rollout, facts, now), and the answer as it grows."""

    rollout: Rollout
    facts: Facts
    now: datetime
    conclusions: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    waits: list[Reason] = field(default_factory=list)
    blocked: list[ClusterName] = field(default_factory=list)
    recheck_at: datetime | None = None
    newly: set[ClusterName] = field(default_factory=set)
    """Clusters that this turn starts to change and that nothing else was changing."""
    verdicts: dict[tuple[int, Groups], Shut | Ajar] = field(default_factory=dict)
    """What the windows say, by the identity of a profile: calendars share them."""

    @property
    def standstill(self) -> str:
        """Say why nothing may start now, of this rollout or of any; empty: it may."""
        pause = self.rollout.pause
        if pause is not None:
            return f"paused by {pause.actor}" + (f": {pause.reason}" if pause.reason else "")
        return self.facts.frozen

    def refused(self, cluster: ClusterName) -> str:
        """Say which limit of the fleet keeps the bundle from changing on `cluster`; empty: none."""
        bundle = self.rollout.plan.release.bundle
        facts = self.facts
        return refusal(cluster, bundle, facts.changing, facts.limits, len(self.newly))

    def assign(
        self,
        entry: ClusterRollout,
        digest: Digest | None,
        purpose: Purpose,
        *,
        outside_window: bool = False,
    ) -> None:
        """Have `digest` assigned to the cluster."""
        if entry.name not in self.facts.changing.bundles:
            self.newly.add(entry.name)
        self.act(
            AssignRelease(
                cluster=entry.name,
                digest=digest,
                generation=max(entry.generation, self.facts.leases.generation(entry.name)) + 1,
                purpose=purpose,
                last_good=self.facts.last_good.get(entry.name),
                outside_window=outside_window,
            )
        )

    def window(self, cluster: ClusterName, groups: Groups) -> Shut | Ajar:
        """Say whether changes are let in on `cluster` now; each kind of cluster is asked once."""
        calendar = self.facts.calendar
        if not calendar.windows:
            return _AJAR
        return self.window_of(calendar.profile(cluster), groups)

    def window_of(self, profile: Profile, groups: Groups) -> Shut | Ajar:
        """Say whether changes are let in on clusters of `profile` now."""
        key = (id(profile), groups)
        verdict = self.verdicts.get(key)
        if verdict is None:
            bypassed = frozenset(
                each.window for each in self.rollout.bypasses if each.until > self.now
            )
            verdict = self.facts.calendar.verdict(
                profile, self.now, groups=groups, bypassed=bypassed
            )
            self.verdicts[key] = verdict
        return verdict

    def conclude(self, event: Event) -> None:
        """Say that time has established `event`."""
        self.conclusions.append(event)

    def act(self, effect: Effect) -> None:
        """Ask for a side effect."""
        self.effects.append(effect)

    def wait(self, reason: Reason, until: datetime | None = None) -> None:
        """Say what is waited for, and when time alone may end it."""
        self.waits.append(reason)
        self.look_again(until)

    def block(
        self, clusters: Iterable[ClusterName], reason: Reason, until: datetime | None = None
    ) -> None:
        """Say why these pending clusters are not started, and when time alone may end that."""
        self.blocked.extend(clusters)
        self.wait(reason, until)

    def look_again(self, at: datetime | None) -> None:
        """Ask to be called again at `at`."""
        if at is not None and (self.recheck_at is None or at < self.recheck_at):
            self.recheck_at = at

    def outcome(self) -> Outcome:
        """Close the turn.  Conclusions come alone: what follows from them is decided after."""
        decisions: tuple[Decision, ...] = tuple(Conclude(event=each) for each in self.conclusions)
        recheck = None
        if self.recheck_at is not None:
            recheck = max(0.0, (self.recheck_at - self.now).total_seconds())
        return Outcome(
            decisions=decisions or tuple(self.effects),
            waiting_on=tuple(self.waits),
            blocked=tuple(self.blocked),
            recheck_after=recheck,
        )
