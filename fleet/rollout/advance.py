"""Asks the planner until it has nothing more to say: one step of a rollout, ready to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fleet.rollout.decisions import AssignRelease, Conclude, Decision, Effect, intent_of
from fleet.rollout.events import Event
from fleet.rollout.facts import Facts
from fleet.rollout.planner import Outcome, decide, evolve
from fleet.rollout.replacing import replace
from fleet.rollout.state import Rollout

_ROUNDS_MAX = 10_000
"""More than any rollout needs (stages x clusters x retries end far earlier): a bug shows here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What to store (`events`, in order), what to do (`effects`), and where that leaves us."""

    rollout: Rollout
    events: tuple[Event, ...]
    effects: tuple[Effect, ...]
    outcome: Outcome
    """The planner's last word: what is waited for, and when to ask again."""


def advance(rollout: Rollout, facts: Facts, now: datetime) -> Step:
    """Decide, fold, and decide again until only the world or time can change the answer.

    Raises:
        RuntimeError: the planner does not come to rest.
    """
    events: list[Event] = []
    effects: list[Effect] = []
    for _ in range(_ROUNDS_MAX):
        outcome = decide(rollout, facts, now)
        if not outcome.decisions:
            return Step(
                rollout=rollout, events=tuple(events), effects=tuple(effects), outcome=outcome
            )
        for decision in outcome.decisions:
            if isinstance(decision, Conclude):
                event = decision.event
            else:
                event = intent_of(decision, now)
                effects.append(decision)
            events.append(event)
            rollout = evolve(rollout, event)
        facts = _after(facts, rollout, outcome.decisions)
    raise RuntimeError(f"the planner of rollout {rollout.id} does not come to rest")


def _after(facts: Facts, rollout: Rollout, decisions: tuple[Decision, ...]) -> Facts:
    """Count what was just assigned among what is changing."""
    assigned = [each.cluster for each in decisions if isinstance(each, AssignRelease)]
    if not assigned:
        return facts
    changing = facts.changing.plus(assigned, rollout.plan.release.bundle)
    return replace(facts, changing=changing)
