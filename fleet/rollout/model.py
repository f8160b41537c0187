"""What is fixed when a rollout is planned: the release, and its way across the fleet.

A plan is what people read and approve: every cluster's place and digest, every percentage already
resolved to a number, and `plan_hash` over all of it.  What changes while it runs is in `state`;
`planning` makes plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from clusters.model import BundleName, ClusterName, Digest, Revision, canonical_json, digest_of
from fleet.model import (
    Admission,
    Gate,
    GateName,
    Person,
    RollbackPolicy,
    Stage,
    StageName,
    Strategy,
)
from fleet.rollout.codec import to_data

RolloutId = NewType("RolloutId", str)
ReleaseId = NewType("ReleaseId", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One bundle at one commit, rendered for every cluster it goes to."""

    bundle: BundleName
    revision: Revision
    strategy: Strategy
    digests: Mapping[ClusterName, Digest]
    """Digest of the rendered manifests of each cluster of the placement."""
    author: str
    committed_at: datetime
    subject: str = ""
    rollback: RollbackPolicy = RollbackPolicy()
    hotfix: bool = False
    sequential: bool = False
    """A cluster that missed it gets it all the same, before any later one."""
    fleet_revision: Revision = Revision("")
    """The commit of the fleet repository that made it; `revision` is of the bundle's own."""
    authors: tuple[Person, ...] = ()
    """Authors and committers of all that is new in it since the bundle was last good."""

    @property
    def people(self) -> tuple[Person, ...]:
        """Who wrote it; for releases that were stored without, the author of the commit."""
        return self.authors or (Person(name=self.author),)

    @property
    def id(self) -> ReleaseId:
        """Names the release: its bundle, commit and strategy, never "the newest"."""
        travels = digest_of(canonical_json(strategy_data(self.strategy)))
        return ReleaseId(digest_of(canonical_json([self.bundle, self.revision, travels])))


class Membership(StrEnum):
    """How a cluster came into a stage, and so what it counts for."""

    MEMBER = "member"
    """In the plan before the stage started: counts in size and budgets."""
    LATE = "late"
    """Joined a running stage: uses slots, counts in neither size nor budgets."""
    DIRECT = "direct"
    """Joined or came back after its stage was done: converges on its own, never a breach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One cluster's place in the plan."""

    cluster: ClusterName
    stage: StageName
    index: int
    """Position in its stage; the clusters that change come first."""
    digest: Digest
    previous: Digest | None = None
    """What is assigned to the cluster when the plan is made."""
    domain: str = ""
    """Value of the label that the stage spreads by."""
    baseline: Digest | None = None
    """Last completed release of the stage, where that is not what the cluster holds."""

    @property
    def unchanged(self) -> bool:
        """Whether the cluster already has what the release would give it."""
        return self.digest == self.previous


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """One stage with its clusters in order, and its amounts as numbers."""

    stage: Stage
    seats: tuple[Seat, ...]
    size: int
    """Clusters that change: what percentages are of."""
    concurrency: int
    failures: int
    deferrals: int
    catch_up: int = 0
    """Clusters that converge at once when the stage is done; 0: as many as `concurrency`."""
    ramp: tuple[int, ...]
    """How many clusters have been reached after each batch; the last is `size`."""

    @property
    def name(self) -> StageName:
        """The stage's name."""
        return self.stage.name

    @property
    def bound(self) -> int | None:
        """Most clusters that can be broken before the stage stops; None: no such promise.

        Holds while a cluster keeps its slot until its soak is over, and does not degrade after.
        """
        if not self.stage.soak_holds_slot:
            return None
        if self.stage.admission is Admission.RESERVE:
            return min(self.size, self.failures + 1)
        return min(self.size, self.failures + self.concurrency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole way of one release, frozen."""

    release: Release
    stages: tuple[StagePlan, ...]
    gates: Mapping[GateName, Gate] = field(default_factory=dict)
    """The gates that the stages name, as they were when the plan was made."""
    failures: int | None = None
    """Failures that the whole rollout tolerates, or None for no limit beside the stages'."""
    plan_hash: Digest = Digest("")

    @property
    def size(self) -> int:
        """Clusters that change."""
        return sum(stage.size for stage in self.stages)


def strategy_data(strategy: Strategy) -> object:
    """Plain data of a strategy, without the places it was written at: moving it changes nothing."""
    data = to_data(strategy)
    data.pop("place", None)
    for stage in data["stages"]:
        stage.pop("place", None)
    return data


def gate_data(gate: Gate) -> object:
    """Plain data of a gate, without the place it was written at."""
    data = to_data(gate)
    data.pop("place", None)
    return data


def hash_of_plan(plan: Plan) -> Digest:
    """Name what people approve: release, order, digests, resolved numbers and gates."""
    gates = {name: gate_data(gate) for name, gate in plan.gates.items()}
    stages = [
        {
            "name": stage.name,
            "seats": [
                [seat.cluster, seat.index, seat.digest, seat.previous] for seat in stage.seats
            ],
            "numbers": [stage.size, stage.concurrency, stage.failures, stage.deferrals],
            "ramp": stage.ramp,
            **({"catchUp": stage.catch_up} if stage.catch_up else {}),
        }
        for stage in plan.stages
    ]
    return digest_of(canonical_json([plan.release.id, stages, plan.failures, gates]))
