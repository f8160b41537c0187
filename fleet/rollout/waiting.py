"""Everything a rollout can be waiting for, machine-readable; `report` says each in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clusters.model import BundleName, ClusterName, Contest
from fleet.model import GateName, StageName, WindowName
from fleet.rollout.state import GateVerdict, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class ForClusters:
    """Clusters in flight that are not healthy yet."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    deadline: datetime | None = None
    """The first deadline among them; None while none counts."""
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSoak:
    """Healthy clusters that must stay so for a while."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSlot:
    """All slots of the stage are taken."""

    stage: StageName
    pending: int
    in_flight: int
    concurrency: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForBudget:
    """One more start could break more clusters than the stage may lose."""

    stage: StageName
    pending: int
    in_flight: int
    failures: int
    allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForBatch:
    """The ramp's current batch must be done first."""

    stage: StageName
    batch: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSpread:
    """Enough clusters of the same domain are in flight."""

    stage: StageName
    label: str
    domains: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForWindow:
    """Clusters outside their window."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    window: WindowName
    until: datetime | None = None
    """The next opening, or None if there is none in sight."""
    deleting: bool = False
    """They have the release, and are to delete what it no longer has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForClosing:
    """A warning: the window of clusters in flight closes soon."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    window: WindowName
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ForApproval:
    """People's agreement."""

    stage: StageName
    gate: GateName
    position: Position
    given: int
    needed: int
    roles: tuple[str, ...]
    lapsed: str = ""
    """Why agreements that were given do not count any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForGate:
    """A gate that measures, or has measured, and is not open."""

    stage: StageName
    gate: GateName
    position: Position
    verdict: GateVerdict
    cluster: ClusterName | None = None
    detail: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForTakeover:
    """A person's word about fields that others hold and the release changes."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    contests: tuple[Contest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForContact:
    """Clusters without API contact."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForReturn:
    """More clusters are deferred than the stage may go on without."""

    stage: StageName
    deferred: int
    allowed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForGuard:
    """A limit that holds for the whole fleet."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForBlocker:
    """Something about single clusters: suspended, quarantined, a dependency, a taint, a hold."""

    stage: StageName
    clusters: tuple[ClusterName, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForBaseline:
    """Clusters that first get the release their stage had before."""

    stage: StageName
    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForTrain:
    """The release ahead has not finished this stage."""

    stage: StageName
    ahead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForPerson:
    """Paused or halted: somebody has to say how to go on."""

    reason: str
    halted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForDraining:
    """No more starts; what is in flight finishes before what comes next."""

    clusters: tuple[ClusterName, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRollback:
    """Clusters on their way back."""

    clusters: tuple[ClusterName, ...]
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForPrune:
    """Clusters that delete what the release no longer has."""

    clusters: tuple[ClusterName, ...]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ForHold:
    """The hold on the release, which was asked for."""

    bundle: BundleName


@dataclass(frozen=True, slots=True, kw_only=True)
class ForObservation:
    """Clusters whose real state is read before anything else is done with them."""

    clusters: tuple[ClusterName, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRevert:
    """The proposal to Git of what the clusters go back to."""

    bundle: BundleName


ClusterReason = (
    ForClusters
    | ForSoak
    | ForTakeover
    | ForContact
    | ForObservation
    | ForWindow
    | ForClosing
    | ForBaseline
)
"""Reasons that name clusters and what happens on them."""
RoomReason = ForSlot | ForBudget | ForBatch | ForSpread | ForGuard | ForBlocker | ForReturn
"""Reasons that are limits."""
WordReason = (
    ForApproval
    | ForGate
    | ForTrain
    | ForPerson
    | ForDraining
    | ForRollback
    | ForPrune
    | ForRevert
    | ForHold
)
"""Reasons that end with somebody's or something's word."""
Reason = ClusterReason | RoomReason | WordReason
