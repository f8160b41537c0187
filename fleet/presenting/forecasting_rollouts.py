"""How a revision that is not in force would travel: its stages, amounts, bound and gates.  Pure."""

from __future__ import annotations

from datetime import datetime

from fleet.deciding.travelling import baseline, release_of, rollout_id
from fleet.model.release import BundleChange, Proposal
from fleet.presenting.rollouts import gate_sentence
from fleet.rollout.model import Plan, RolloutId, StagePlan
from fleet.rollout.planning import PlanRefused, make_plan
from fleet.rollout.report import at_once_sentence, bound_sentence
from fleet.rollout.state import Position
from fleet.state.fleet import FleetState
from fleet.view import RolloutPlanView, StagePlanView


def travel_plan(
    state: FleetState, proposal: Proposal, change: BundleChange, now: datetime
) -> RolloutPlanView | None:
    """Plan the way of one bundle's change; None where it is only withdrawn."""
    bundle = proposal.inventory.bundles.get(change.bundle)
    if bundle is None or not (change.changed or change.joined):
        return None
    if bundle.strategy is None:
        count = sum(len(n) for by in (change.changed, change.joined) for n in by.values())
        return RolloutPlanView(bundle=bundle.name, clusters=count)
    release = release_of(proposal, bundle, change.revision)
    try:
        plan = make_plan(
            release,
            proposal.inventory,
            rollout=RolloutId(rollout_id(state, bundle.name)),
            now=now,
            baseline=baseline(state, bundle.name),
        )
    except PlanRefused as error:
        return RolloutPlanView(
            bundle=bundle.name, strategy=bundle.strategy, problems=list(error.problems)
        )
    return RolloutPlanView(
        bundle=bundle.name,
        strategy=bundle.strategy,
        clusters=plan.size,
        stages=[_stage(plan, stage) for stage in plan.stages],
    )


def _stage(plan: Plan, stage: StagePlan) -> StagePlanView:
    declared = stage.stage
    return StagePlanView(
        name=stage.name,
        clusters=[seat.cluster for seat in stage.seats],
        changing=stage.size,
        max_concurrency=stage.concurrency,
        at_once=at_once_sentence(stage),
        max_failures=stage.failures,
        ramp=list(stage.ramp),
        soak_s=declared.soak_s,
        on_breach=declared.on_breach.value,
        bound=bound_sentence(stage),
        gates=[
            f"{name} {position}: {gate_sentence(plan.gates[name])}"
            for position in Position
            for name in getattr(declared.gates, position.value)
        ],
    )
