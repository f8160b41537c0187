"""What people asked for, as facts: checked by `commands`, then folded like any other event.

Every one carries who asked and why, for the audit log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from clusters.model import ClusterName, Contest, Digest
from fleet.model import GateName, StageName, WindowName
from fleet.rollout.state import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that happened, and when."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Fact):
    """Something a person asked for, and why."""

    actor: str
    reason: str = ""


class UndoScope(StrEnum):
    """How much of a rollout is rolled back."""

    CLUSTER = "cluster"
    STAGE = "stage"
    ROLLOUT = "rollout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Command):
    """A person agrees that the stage passes the gate."""

    stage: StageName
    gate: GateName
    position: Position
    roles: tuple[str, ...]
    plan_hash: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Command):
    """A person says no: the rollout halts."""

    stage: StageName
    gate: GateName
    position: Position
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePassed(Command):
    """A person answers a gate that could not say yes or no by itself."""

    stage: StageName
    gate: GateName
    position: Position
    cluster: ClusterName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused(Command):
    """Start nothing more until resumed; what is in flight finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(Command):
    """Go on after a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aborted(Command):
    """End the rollout where it is; what is in flight finishes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(Command):
    """Try these clusters again; a halted rollout runs again."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Command):
    """Leave a cluster out; counts as a failure unless excused."""

    cluster: ClusterName
    excuse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotedNow(Command):
    """Do not wait for soaks and measurements of the stage.  Approvals and windows still hold."""

    stage: StageName


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeoverDecided(Command):
    """Fields that others hold are taken from them, or left to them as far as this release goes."""

    take: bool
    contests: Mapping[ClusterName, tuple[Contest, ...]]
    """What was decided about, cluster by cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBypassed(Command):
    """Changes may pass a closed window until `until`."""

    window: WindowName
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested(Command):
    """Roll back now, without waiting for what is in flight.

    `targets` are digests to go to in place of each cluster's last good one.
    """

    scope: UndoScope = UndoScope.ROLLOUT
    stage: StageName | None = None
    clusters: tuple[ClusterName, ...] = ()
    targets: Mapping[ClusterName, Digest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleased(Command):
    """A person lifted the hold."""


GateRequest = Approved | Rejected | GatePassed
Request = (
    GateRequest
    | Paused
    | Resumed
    | Aborted
    | Retried
    | Skipped
    | PromotedNow
    | TakeoverDecided
    | WindowBypassed
    | RollbackRequested
    | HoldReleased
)
