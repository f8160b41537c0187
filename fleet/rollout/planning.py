"""Makes the plan of a release: every cluster in exactly one stage, every amount a number.

Refuses what could not travel: a cluster in two stages or in none, an amount out of range, a gate or
window that does not exist or never opens.  All problems are found at once, each said for a person.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from clusters.model import ClusterName, Digest
from fleet.model import (
    Amount,
    Cluster,
    Inventory,
    Stage,
    StageName,
    Strategy,
)
from fleet.rollout.checking import strategy_problems
from fleet.rollout.model import Plan, Release, RolloutId, Seat, StagePlan, hash_of_plan
from fleet.rollout.replacing import replace


class PlanRefused(ValueError):
    """The release cannot travel.  `problems` are sentences for a person, in order."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Where the clusters stand when a plan is made."""

    assigned: Mapping[ClusterName, Digest] = field(default_factory=dict)
    """Digest of the bundle that is assigned to each cluster."""
    completed: Mapping[tuple[StageName, ClusterName], Digest] = field(default_factory=dict)
    """Digest that the newest release completed in a stage has for a cluster."""


NOTHING_ASSIGNED = Baseline()


def make_plan(
    release: Release,
    inventory: Inventory,
    *,
    rollout: RolloutId,
    now: datetime,
    baseline: Baseline = NOTHING_ASSIGNED,
) -> Plan:
    """Plan the way of `release`.  Random orders are seeded by `rollout`, so they can be repeated.

    Raises:
        PlanRefused: why it cannot travel.
    """
    strategy = release.strategy
    problems = list(strategy_problems(strategy, inventory, now))
    stages_of = assign_stages(strategy, inventory, release.digests)
    problems += placement_problems(strategy, stages_of)
    if problems:
        raise PlanRefused(problems)
    members: dict[StageName, list[Cluster]] = {stage.name: [] for stage in strategy.stages}
    for name, stages in stages_of.items():
        members[stages[0]].append(inventory.clusters[name])
    plans = tuple(
        _plan_stage(stage, members[stage.name], release, rollout=rollout, baseline=baseline)
        for stage in strategy.stages
    )
    return _sealed(release, plans, inventory)


def _sealed(release: Release, stages: tuple[StagePlan, ...], inventory: Inventory) -> Plan:
    names = {name for stage in release.strategy.stages for name in stage.gates.names}
    size = sum(stage.size for stage in stages)
    budget = release.strategy.max_failures
    plan = Plan(
        release=release,
        stages=stages,
        gates={name: inventory.gates[name] for name in sorted(names)},
        failures=None if budget is None else budget.floor_of(size),
    )
    return replace(plan, plan_hash=hash_of_plan(plan))


def assign_stages(
    strategy: Strategy, inventory: Inventory, clusters: Iterable[ClusterName]
) -> dict[ClusterName, list[StageName]]:
    """Find, for each cluster, all stages that select it."""
    found: dict[ClusterName, list[StageName]] = {}
    for name in clusters:
        cluster = inventory.clusters.get(name)
        found[name] = [
            stage.name
            for stage in strategy.stages
            if cluster is not None and selects(stage, cluster, inventory)
        ]
    return found


def selects(stage: Stage, cluster: Cluster, inventory: Inventory) -> bool:
    """Whether `stage` selects `cluster`, by its selector or by a group."""
    if stage.select is not None and stage.select.matches(cluster.labels):
        return True
    groups = (inventory.groups.get(name) for name in stage.groups)
    return any(group is not None and group.select.matches(cluster.labels) for group in groups)


def placement_problems(
    strategy: Strategy, stages_of: Mapping[ClusterName, Sequence[StageName]]
) -> list[str]:
    """Say which clusters are not in exactly one stage."""
    problems = []
    for name, stages in sorted(stages_of.items()):
        if not stages:
            problems.append(
                f"{strategy.place}: cluster {name} is in no stage of strategy {strategy.name}; "
                "widen a stage's select, or exclude the cluster from the bundle's placement"
            )
        elif len(stages) > 1:
            problems.append(
                f"{strategy.place}: cluster {name} is in {len(stages)} stages of strategy "
                f"{strategy.name} ({', '.join(stages)}); each cluster must be in exactly one"
            )
    return problems


def _plan_stage(
    stage: Stage,
    clusters: Iterable[Cluster],
    release: Release,
    *,
    rollout: RolloutId,
    baseline: Baseline,
) -> StagePlan:
    """Order the clusters of one stage and resolve its amounts for them."""
    ordered = _ordered(stage, clusters, rollout)
    changing = [c for c in ordered if baseline.assigned.get(c.name) != release.digests[c.name]]
    resting = [c for c in ordered if baseline.assigned.get(c.name) == release.digests[c.name]]
    seats = tuple(
        seat(stage, cluster, release, index=index, baseline=baseline)
        for index, cluster in enumerate((*changing, *resting))
    )
    return resolved(stage, seats)


def seat(
    stage: Stage, cluster: Cluster, release: Release, *, index: int, baseline: Baseline
) -> Seat:
    """Make one cluster's place in the plan."""
    return Seat(
        cluster=cluster.name,
        stage=stage.name,
        index=index,
        digest=release.digests[cluster.name],
        previous=baseline.assigned.get(cluster.name),
        domain=cluster.labels.get(stage.spread.by, "") if stage.spread else "",
        baseline=baseline.completed.get((stage.name, cluster.name)),
    )


def resolved(stage: Stage, seats: tuple[Seat, ...]) -> StagePlan:
    """Resolve the amounts of a stage for its size: the clusters that change.

    A percentage is rounded down; concurrency and ramp batches are at least one.
    """
    size = sum(not each.unchanged for each in seats)
    return StagePlan(
        stage=stage,
        seats=seats,
        size=size,
        concurrency=stage.max_concurrency.at_least_one_of(size),
        failures=stage.max_failures.floor_of(size),
        deferrals=stage.unreachable.max.floor_of(size),
        ramp=_ramp(stage.ramp, size),
        catch_up=stage.catch_up.at_least_one_of(size) if stage.catch_up else 0,
    )


def _ramp(amounts: Sequence[Amount], size: int) -> tuple[int, ...]:
    """Resolve the batches as how many clusters are reached after each; the last is all of them."""
    limits: list[int] = []
    for amount in amounts:
        limit = min(size, amount.at_least_one_of(size))
        if limit > (limits[-1] if limits else 0):
            limits.append(limit)
    if not limits or limits[-1] < size:
        limits.append(size)
    return tuple(limits)


def _ordered(stage: Stage, clusters: Iterable[Cluster], rollout: RolloutId) -> list[Cluster]:
    """Sort by the stage's keys, each later one deciding what the earlier leave equal; then name."""
    ordered = sorted(clusters, key=lambda cluster: cluster.name)
    for key in reversed(stage.order):
        if key == "random":
            # Seeded, so that a plan can be made again; not a secret.
            random.Random(f"{rollout}/{stage.name}").shuffle(ordered)
        elif key.startswith("label:"):
            label = key.removeprefix("label:")
            ordered.sort(key=lambda cluster: _rank(cluster.labels.get(label)))
    return ordered


def _rank(value: str | None) -> tuple[int, int, str]:
    """Sort numbers by value, then words, then clusters without the label."""
    if value is None:
        return (2, 0, "")
    if value.lstrip("-").isdigit():
        return (0, int(value), "")
    return (1, 0, value)
