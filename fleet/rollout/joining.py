"""A cluster that comes into the fleet while a rollout is under way: where it belongs in the plan.

Into a stage that has not started it is appended, and the plan gets a new hash.  A running or
completed stage is not planned again: the rollout takes the cluster in beside its frozen members.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fleet.model import Cluster, Inventory, TaintEffect
from fleet.rollout.folding import stage_of
from fleet.rollout.member_events import ClusterJoined
from fleet.rollout.model import Plan, Release, Seat, StagePlan, hash_of_plan
from fleet.rollout.planning import (
    NOTHING_ASSIGNED,
    Baseline,
    PlanRefused,
    assign_stages,
    placement_problems,
    resolved,
    seat,
)
from fleet.rollout.replacing import replace
from fleet.rollout.state import Rollout, StagePhase


def joining(
    rollout: Rollout,
    release: Release,
    cluster: Cluster,
    inventory: Inventory,
    *,
    at: datetime,
    baseline: Baseline = NOTHING_ASSIGNED,
) -> ClusterJoined:
    """Make the event of a cluster that joins `rollout`.

    Args:
        rollout: the one under way.
        release: its release, with the digest that was rendered for the new cluster.
        cluster: the new cluster.
        inventory: the fleet that has it.
        at: now.
        baseline: where the clusters stand; `completed` gives the stage's last completed release.

    Raises:
        PlanRefused: no stage of the strategy, or more than one, selects the cluster.
    """
    found = assign_stages(release.strategy, inventory, [cluster.name])
    if problems := placement_problems(release.strategy, found):
        raise PlanRefused(problems)
    run = stage_of(rollout, found[cluster.name][0])
    plan = run.plan
    new = seat(plan.stage, cluster, release, index=len(plan.seats), baseline=baseline)
    if run.phase is not StagePhase.WAITING:
        return ClusterJoined(at=at, cluster=cluster.name, seat=new)
    appended = _appended(plan, new)
    placed = next(each for each in appended.seats if each.cluster == cluster.name)
    grown = _grown(rollout.plan, appended, release)
    return ClusterJoined(at=at, cluster=cluster.name, seat=placed, plan=grown)


def _appended(plan: StagePlan, new: Seat) -> StagePlan:
    """Put the new cluster behind those that change, and resolve the amounts anew."""
    seats = [*plan.seats, new]
    ordered = [each for each in seats if not each.unchanged]
    ordered += [each for each in seats if each.unchanged]
    return resolved(
        plan.stage, tuple(replace(each, index=index) for index, each in enumerate(ordered))
    )


def _grown(plan: Plan, stage: StagePlan, release: Release) -> Plan:
    stages = tuple(stage if each.name == stage.name else each for each in plan.stages)
    budget = release.strategy.max_failures
    size = sum(each.size for each in stages)
    grown = replace(
        plan,
        release=release,
        stages=stages,
        failures=None if budget is None else budget.floor_of(size),
    )
    return replace(grown, plan_hash=hash_of_plan(grown))


def taint_blocking(cluster: Cluster, tolerations: Sequence[str]) -> str:
    """Say which taint keeps a new bundle from a cluster; empty: none does."""
    for taint in cluster.taints:
        if taint.effect is TaintEffect.NO_NEW_BUNDLES and taint.key not in tolerations:
            return (
                f"its taint {taint.key} lets no new bundles in; remove the taint, or tolerate it "
                "in the bundle's placement"
            )
    return ""
