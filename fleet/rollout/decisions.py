"""What the planner wants done.  `events` are their counterpart: what came of it.

Two kinds.  A `Conclude` needs nothing but to be stored and folded: time alone established it.
Every other decision has a side effect, and `intent_of` names the event that is stored before it.
Carrying a decision out twice does no harm: each sets something to a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet.model import GateName, StageName
from fleet.rollout.events import ClusterAssigned, Event, GateAsked, HoldAsked, Purpose, RevertAsked
from fleet.rollout.member_events import ObservationAsked
from fleet.rollout.state import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclude:
    """Store `event` and fold it; there is nothing else to do."""

    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignRelease:
    """Make `digest` what the cluster should hold of the bundle (None: uninstall the bundle).

    `generation` is the lease's fencing number: a writer with an older one is refused.
    """

    cluster: ClusterName
    digest: Digest | None
    generation: int
    purpose: Purpose
    last_good: Digest | None = None
    outside_window: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveCluster:
    """Read from the cluster's own record what it holds, and answer with `ClusterObserved`."""

    cluster: ClusterName


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureGate:
    """Run the gate's query, request or job once, and answer with `GateMeasured`."""

    stage: StageName
    gate: GateName
    position: Position
    cluster: ClusterName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskApproval:
    """Tell the people who may approve that their word is waited for."""

    stage: StageName
    gate: GateName
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceHold:
    """Put the bundle's digests on hold, and answer with `HoldPlaced`."""

    bundle: BundleName
    digests: frozenset[Digest]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeRevert:
    """Propose the revert of a rolled back release to Git, and answer with `RevertProposed`."""

    bundle: BundleName
    revision: Revision
    reason: str


Effect = AssignRelease | ObserveCluster | MeasureGate | AskApproval | PlaceHold | ProposeRevert
Decision = Conclude | Effect


def intent_of(effect: Effect, now: datetime) -> Event:
    """Name the event that is stored before `effect` is carried out."""
    match effect:
        case AssignRelease():
            return ClusterAssigned(
                at=now,
                cluster=effect.cluster,
                digest=effect.digest,
                generation=effect.generation,
                purpose=effect.purpose,
                last_good=effect.last_good,
                outside_window=effect.outside_window,
            )
        case MeasureGate():
            return GateAsked(
                at=now,
                stage=effect.stage,
                gate=effect.gate,
                position=effect.position,
                cluster=effect.cluster,
            )
        case AskApproval():
            return GateAsked(at=now, stage=effect.stage, gate=effect.gate, position=effect.position)
        case PlaceHold():
            return HoldAsked(at=now)
        case ProposeRevert():
            return RevertAsked(at=now)
        case ObserveCluster():
            return ObservationAsked(at=now, cluster=effect.cluster)
        case _:
            assert_never(effect)
