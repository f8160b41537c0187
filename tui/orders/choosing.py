"""From an action and what is selected to a plan: which planner, and for what.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fleet.view import NeedView
from tui.model.queries import subject_of_need
from tui.model.store import FleetStore
from tui.orders import drift, fleet, needs, rollouts
from tui.orders.plans import NotNow, Plan, together


def plan(action: str, subjects: Sequence[object], store: FleetStore) -> Plan | NotNow:
    """Say what `action` would send for `subjects`, or why it would not."""
    if action == "look_at_git":
        return fleet.look_at_git(store)
    plans = []
    for subject in subjects:
        made = _plan_one(action, subject, store)
        if isinstance(made, NotNow):
            return made
        plans.append(made)
    if not plans:
        return NotNow("nothing is selected that this could be done to")
    return plans[0] if len(plans) == 1 else together(plans)


def _plan_one(action: str, subject: object, store: FleetStore) -> Plan | NotNow:
    if isinstance(subject, NeedView):
        if (of_itself := needs.of_need(action, subject)) is not None:
            return of_itself(subject, store)
        subject = subject_of_need(store, subject)
    if subject is None:
        return NotNow("nothing is selected that this could be done to")
    return _PLANNERS[action](subject, store)


_PLANNERS: dict[str, Callable[[Any, FleetStore], Plan | NotNow]] = {
    "sync": fleet.sync,
    "suspend": fleet.suspend,
    "approve": rollouts.approve,
    "reject": rollouts.reject,
    "promote": rollouts.promote,
    "retry": rollouts.retry,
    "skip": rollouts.skip,
    "rollback": rollouts.rollback,
    "release_hold": needs.release_hold,
    "acknowledge": drift.acknowledge,
    "confirm_prune": fleet.confirm_prune,
}
