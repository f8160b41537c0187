"""From an action and what is selected to a plan: which planner, and for what.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fleet.view import NeedView
from tui import orders_drift, orders_fleet, orders_rollouts
from tui.plans import NotNow, Plan, together
from tui.queries import subject_of_need
from tui.store import FleetStore


def plan(action: str, subjects: Sequence[object], store: FleetStore) -> Plan | NotNow:
    """Say what `action` would send for `subjects`, or why it would not."""
    found = [
        subject_of_need(store, subject) if isinstance(subject, NeedView) else subject
        for subject in subjects
    ]
    resolved = [each for each in found if each is not None]
    if not resolved:
        return NotNow("nothing is selected that this could be done to")
    plans = []
    for subject in resolved:
        one = _PLANNERS[action](subject, store)
        if isinstance(one, NotNow):
            return one
        plans.append(one)
    return plans[0] if len(plans) == 1 else together(plans)


_PLANNERS: dict[str, Callable[[Any, FleetStore], Plan | NotNow]] = {
    "sync": orders_fleet.sync,
    "suspend": orders_fleet.suspend,
    "approve": orders_rollouts.approve,
    "reject": orders_rollouts.reject,
    "promote": orders_rollouts.promote,
    "retry": orders_rollouts.retry,
    "skip": orders_rollouts.skip,
    "rollback": orders_rollouts.rollback,
    "hold": orders_fleet.hold,
    "acknowledge": orders_drift.acknowledge,
    "confirm_prune": orders_fleet.confirm_prune,
}
