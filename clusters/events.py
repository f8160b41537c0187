"""What the reconciler of one cluster reports: facts, never wishes.

Every event is about one cluster and is delivered in order.  Whoever receives them (the coordinator)
keeps its picture of the cluster by folding them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clusters.bookkeeping.mirror import MirroredRelease
from clusters.model import BundleName, ClusterName, Contest, Digest, DriftPolicy, Health, ObjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """The cluster answers."""

    cluster: ClusterName
    at: datetime
    version: str
    latency_ms: float
    identity: str = ""
    """What tells the cluster from any other (uid of kube-system); empty: it may not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorRead:
    """What the cluster itself remembers was read, once after each start of its reconciler."""

    cluster: ClusterName
    at: datetime
    releases: Sequence[MirroredRelease]
    """What it was told to hold, by its own record."""
    recalled: int
    """Objects that only this record knew of: they are in the apply set now, unconfirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorFailed:
    """The cluster does not keep the record of its apply set; with no reason: it does again."""

    cluster: ClusterName
    at: datetime
    reason: str


class Silence(StrEnum):
    """Why nothing is heard of a cluster, in the words that people are shown."""

    NO_ANSWER = "no answer"
    ASKED_RARELY = "asked rarely"
    """It failed so often that the breaker lets few requests pass (`clusters.client.breaker`)."""
    FENCED = "another server writes"
    """It may well answer; we have not the right to write (`clusters.bookkeeping.lease`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnected:
    """The cluster does not answer as it should; `retry_in_s` until the next attempt."""

    cluster: ClusterName
    at: datetime
    reason: str
    retry_in_s: float
    silence: Silence = Silence.NO_ANSWER
    free_at: datetime | None = None
    """When the right to write is free, should nothing more be heard of the server that has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleObserved:
    """How one bundle stands on the cluster now.  Sent when any of it changed.

    `applied_digest` is the desired digest when every object of it is applied, else empty.
    """

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    generation: int
    """Generation of the desired state that this speaks of."""
    applied_digest: Digest | None
    health: Health
    objects: int
    applied: int
    drifted: int
    leftover: int
    """Objects of the bundle that it no longer names: to be pruned, or kept."""
    message: str
    digest: Digest | None = None
    """The desired digest that this speaks of."""
    contested: tuple[Contest, ...] = ()
    """Fields that other managers hold, where nothing else is refused: a person may decide."""
    refused: str = ""
    """Why the server will not take an object of it, however often it is tried; empty: it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectsApplied:
    """Objects of a bundle were written."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    digest: Digest
    created: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Objects that left the desired state were deleted."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    refs: Sequence[ObjectRef]


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneHeld:
    """Objects left the desired state and are kept until a person confirms (`reason` says why)."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    digest: Digest
    refs: Sequence[ObjectRef]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyFailed:
    """The server refuses an object; it is tried again later, and when its content changes."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    ref: ObjectRef
    reason: str


class NoticeKind(StrEnum):
    """What was done to one object that a person should be able to read later."""

    ADOPTED = "adopted"
    """It was there before us, and is ours now; the words say who held it."""
    REPLACED = "replaced"
    """It is deleted to be made anew; the words say which fields are immutable."""
    DETACHED = "detached"
    """It left the bundle and stays on the cluster, without us; the words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectNoted:
    """Something out of the ordinary was done to one object."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    ref: ObjectRef
    kind: NoticeKind
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFound:
    """Somebody else changed what we applied.

    `paths` are dotted field paths, empty when the object is gone.  `manager` is who holds the
    changed fields now (`name/Operation`), empty when nobody does.
    """

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    ref: ObjectRef
    paths: Sequence[str]
    manager: str
    changed_at: datetime | None
    policy: DriftPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftCorrected:
    """The object is again as it was applied (by us, or by whoever changed it)."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    ref: ObjectRef
    by_us: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FightDetected:
    """An object is changed back as often as we correct it; correction pauses until `until`."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    ref: ObjectRef
    manager: str
    corrections: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDisagreed:
    """A dry-run apply finds a difference that nobody reported: what we believe may be wrong."""

    cluster: ClusterName
    at: datetime
    bundle: BundleName
    ref: ObjectRef
    paths: Sequence[str]
    manager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A sample of the objects was compared with a dry-run apply."""

    cluster: ClusterName
    at: datetime
    objects: int
    disagreements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilerCrashed:
    """A bug: the reconciler of this cluster stopped, and stays stopped until a person asks."""

    cluster: ClusterName
    at: datetime
    error: str


ClusterEvent = (
    Connected
    | MirrorRead
    | MirrorFailed
    | Disconnected
    | BundleObserved
    | ObjectsApplied
    | Pruned
    | PruneHeld
    | ApplyFailed
    | ObjectNoted
    | DriftFound
    | DriftCorrected
    | FightDetected
    | AuditDisagreed
    | Audited
    | ReconcilerCrashed
)
