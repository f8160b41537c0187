"""What the engine remembers of each managed object: a few hundred bytes, never the object.

One `Record` joins the member of the apply set (`applied`, persistent) with what the watch last
showed (all else, rebuilt after a restart).  Owned by one reconciler; not shared.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from sys import intern
from typing import TYPE_CHECKING, Protocol

from clusters.backoff import APPLY
from clusters.errors import ClusterError, FieldConflict, Forbidden, InvalidObject, NotOurs
from clusters.fields.projection import Path
from clusters.health.kinds import HealthResult
from clusters.model import (
    NEVER_APPLIED,
    Applied,
    BundleName,
    ClusterName,
    Contest,
    Digest,
    Health,
    Manifest,
    ObjectRef,
)

if TYPE_CHECKING:
    from clusters.client.stream import Changed, Removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How an object differs from what was applied."""

    paths: tuple[str, ...]
    """As people write them; none: the object is gone."""
    manager: str
    changed_at: datetime | None
    fields: tuple[Path, ...] = ()
    """The same paths, as keys of the field set."""
    wanted: tuple[str, ...] = ()
    """For each of `fields`, the hash of what it should be: whether a release changes it."""
    replaced: bool = False
    """Another object has the name now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The last attempt to write the object failed."""

    reason: str
    attempts: int
    retry_at: float
    """Monotonic time in seconds."""
    digest: str
    """What was tried: other content is tried at once."""
    tried: str = ""
    """Under which rules and decisions (`Apply.tried`)."""
    holders: tuple[tuple[str, str], ...] = ()
    """Of a conflict: manager and field, as the server names them."""
    definite: bool = False
    """The server refuses the object as it is, or another manager holds its fields: it stays so
    until a person changes something."""

    @classmethod
    def of(
        cls,
        error: ClusterError,
        *,
        before: Failure | None,
        digest: str,
        now: float,
        random_unit: float,
        tried: str = "",
    ) -> Failure:
        """What an error means for the next attempt; each one in a row waits longer."""
        attempts = before.attempts + 1 if before else 1
        delay_s = max(APPLY.delay_s(attempts - 1, random_unit), error.retry_after_s or 0.0)
        return cls(
            reason=error.message,
            attempts=attempts,
            retry_at=now + delay_s,
            digest=digest,
            definite=isinstance(error, InvalidObject | Forbidden | FieldConflict | NotOurs),
            tried=tried,
            holders=error.holders if isinstance(error, FieldConflict) else (),
        )


def contests(ref: ObjectRef, holders: Iterable[tuple[str, str]]) -> frozenset[Contest]:
    """Who holds which field of an object, from how a server names them in a conflict."""
    return frozenset(
        Contest(ref=ref, field=field.removeprefix(".").replace('"', ""), manager=manager)
        for manager, field in holders
    )


UNFINISHED = frozenset({Health.PROGRESSING, Health.DEGRADED})
"""Where it may be worth while to find out more than an object's own status says."""

CORRECTIONS_KEPT = 6
"""How many corrections are remembered: one more than are no fight yet."""


class Leaving(Enum):
    """How an object leaves, at our request."""

    DELETED = auto()
    REPLACED = auto()
    """Deleted to be made anew."""
    DETACHED = auto()
    """Let go: it stays, and is nobody's."""


@dataclass(slots=True)
class Record:
    """One object of the apply set."""

    applied: Applied
    present: bool = False
    """Whether the watch shows it (it exists and carries our label)."""
    uid: str = ""
    resource_version: str = ""
    newest_version: str = ""
    """The last one that was ever seen of `uid`, also before an interruption."""
    health: Health = Health.UNKNOWN
    message: str = "not observed yet"
    stated: HealthResult | None = None
    """What its own status says; None: nothing was seen of it yet."""
    diagnosis: HealthResult | None = None
    """What was found out beyond its status while it is on its way; None: nothing."""
    drift: Drift | None = None
    reclaim: bool = False
    """Our entry in managedFields is gone though nothing changed: apply once more to own it."""
    suspect: bool = False
    """Our entry changed, or it is gone: whether this is drift must be looked at."""
    expired: bool = False
    """It is gone as it asked to be: a finished Job with a time to live."""
    foreign: bool = False
    """What the watch shows was never applied by us: the name was taken before we came."""
    in_flight: bool = False
    """A write of ours is under way: what the watch shows meanwhile may be its echo."""
    deferred: Changed | Removed | None = None
    leaving: Leaving | None = None
    """How it leaves, from our request until it is gone; None: it does not."""
    keep: bool = False
    """The live object asks not to be pruned."""
    detach: bool = False
    """The live object asks to be let go instead of pruned."""
    failure: Failure | None = None
    corrections: tuple[float, ...] = ()
    """When it was corrected, the latest ones.  Monotonic time in seconds."""
    paused_until: float = 0.0
    """Correction pauses until then, after a fight.  Monotonic time in seconds."""
    asked: bool = False
    """A person asked for its drift to be put back, once, whatever the bundle says."""

    @classmethod
    def of(cls, applied: Applied) -> Record:
        """A record of a stored member, of which nothing is seen yet.

        Its texts become those that all clusters with the same object share.
        """
        return cls(
            replace(
                applied,
                api_version=intern(applied.api_version),
                bundle=BundleName(intern(applied.bundle)),
                digest=Digest(intern(applied.digest)),
                entry_hash=intern(applied.entry_hash),
                live_hash=intern(applied.live_hash),
            )
        )

    def out_of_sight(self, why: str) -> None:
        """Nobody watches it any more: whatever it was is unknown, not healthy."""
        self.present = self.expired = self.suspect = False
        self.deferred = self.stated = None
        self.resource_version = ""
        self.health, self.message = Health.UNKNOWN, why

    @property
    def judged(self) -> HealthResult | None:
        """Its own status, or what was found out beyond it; what has failed is not hoped for."""
        stated, found = self.stated, self.diagnosis
        if stated is None or found is None or stated.health not in UNFINISHED:
            return stated
        hopes = stated.health is Health.DEGRADED and found.health is not Health.DEGRADED
        return stated if hopes else found

    @property
    def is_recalled(self) -> bool:
        """Whether nothing of our own says that we applied it to this very cluster."""
        return not self.applied.confirmed and self.applied.digest == NEVER_APPLIED

    @property
    def deleting(self) -> bool:
        """Whether we asked for its deletion and wait until it is gone."""
        return self.leaving is Leaving.DELETED or self.leaving is Leaving.REPLACED

    @property
    def stands(self) -> bool:
        """Whether nothing is missing of it: it is there, or gone as it asked to be."""
        return self.present or self.expired

    def refused(self, digest: str) -> bool:
        """Whether the server said a definite no to this content."""
        failure = self.failure
        return failure is not None and failure.definite and failure.digest == digest

    def rests(self, digest: Digest) -> bool:
        """Whether there is nothing to do for it while content `digest` is wanted."""
        return (
            self.applied.digest == digest
            and self.applied.confirmed
            and (self.present or self.expired)
            and not (self.suspect or self.reclaim or self.leaving)
            and self.drift is None
        )

    @property
    def ref(self) -> ObjectRef:
        """The object."""
        return self.applied.ref

    @property
    def bundle(self) -> BundleName:
        """The bundle that owns the object."""
        return self.applied.bundle


OWN_REFERENCES = 0.1
"""Share of the records that may name their objects by references of their own."""


def share_references(
    records: dict[ObjectRef, Record], manifests: Mapping[ObjectRef, Manifest]
) -> None:
    """Let records name their objects by the references of the manifests: those are there anyway.

    After a restart each record has one of its own, which is as large as all the rest of it.  A few
    of them, as a new release brings, are not worth a walk over all records.
    """
    own = sum(m.ref is not records[ref].ref for ref, m in manifests.items() if ref in records)
    if own <= len(records) * OWN_REFERENCES:
        return
    renamed: dict[ObjectRef, Record] = {}
    for ref, record in records.items():
        shared = manifests[ref].ref if ref in manifests else ref
        if record.applied.ref is not shared:
            record.applied = replace(record.applied, ref=shared)
        renamed[shared] = record
    records.clear()
    records.update(renamed)


class Journal(Protocol):
    """Where the apply set of a cluster survives a crash."""

    async def load(self, cluster: ClusterName) -> Sequence[Applied]:
        """All members, confirmed or only intended."""
        ...

    async def write(
        self, cluster: ClusterName, upserts: Sequence[Applied], removals: Sequence[ObjectRef]
    ) -> None:
        """Change members; durable when it returns, all or nothing."""
        ...


FIELD_SETS_MAX_BYTES = 64 * 1024 * 1024


class FieldSets:
    """Field sets by the hash of their bytes: one copy for all clusters that share a manifest.

    Every release brings new ones, and nobody says which are of no use any more: of those that
    were not asked for longest, the oldest are forgotten.  That costs a dry run if one is missed.

    Args:
        max_bytes: how much is remembered.
    """

    def __init__(self, max_bytes: int = FIELD_SETS_MAX_BYTES) -> None:
        self._known: OrderedDict[str, bytes] = OrderedDict()
        self._max_bytes = max_bytes
        self.size_bytes = 0

    def add(self, entry_hash: str, fields: bytes) -> None:
        """Remember what a hash stands for."""
        if self.get(entry_hash) is not None:
            return
        self._known[entry_hash] = fields
        self.size_bytes += len(fields)
        while self.size_bytes > self._max_bytes and len(self._known) > 1:
            _, dropped = self._known.popitem(last=False)
            self.size_bytes -= len(dropped)

    def get(self, entry_hash: str) -> bytes | None:
        """The fieldsV1 bytes with this hash; None after a restart, until the next apply."""
        fields = self._known.get(entry_hash)
        if fields is not None:
            self._known.move_to_end(entry_hash)
        return fields
