"""Watches what one cluster has of what we manage, and keeps the records true.

One label-filtered watch per managed kind, metadata only where health needs no more.  Every change
is judged at once from what the watch brings (levels L0 and L1 of `drift`); what needs a request is
left in `suspects` for the reconciler.  Decides nothing and writes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType

import msgspec

from clusters.client.api import ClusterApi, Live
from clusters.client.stream import (
    Changed,
    Interrupted,
    Observation,
    Removed,
    Seen,
    Synced,
    newer,
    observe,
)
from clusters.client.wire import Metadata, decode_object
from clusters.errors import ClusterError, Forbidden, Gone, UnknownKind
from clusters.fields.drift import Glance, glance
from clusters.fields.rules import ObjectRules
from clusters.health.kinds import (
    HEALTHY,
    HealthResult,
    being_deleted,
    health_of,
    needs_body,
)
from clusters.health.rules import HealthRules, judge_by
from clusters.model import BundleName, GroupKind, Health, HealthRule, ObjectRef
from clusters.records import UNFINISHED, Record

PRUNE_ANNOTATION = "flotilla.dev/prune"
"""`disabled` on a live object: never delete it."""
DELETION_ANNOTATIONS = ("flotilla.dev/deletion", "client.lifecycle.config.k8s.io/deletion")
"""`detach` on a live object: let it go instead of deleting it.  The second is cli-utils' own."""

_NONE: Mapping[str, str] = {}
_NOT_SERVED = "its kind is not served now"


class Observer:
    """Keeps `records` in step with one cluster.  Use as an async context manager.

    Args:
        api: the cluster.
        selector: label selector of the objects that are ours.
        records: the records to keep; shared with the reconciler, in the same event loop.
        wake: called when the reconciler has something to decide.
    """

    def __init__(
        self,
        api: ClusterApi,
        *,
        selector: str,
        records: dict[ObjectRef, Record],
        wake: Callable[[], None],
    ) -> None:
        self._api = api
        self._selector = selector
        self._records = records
        self._wake_reconciler = wake
        self._moved = asyncio.Event()
        self._tasks: dict[GroupKind, asyncio.Task[None]] = {}
        self.synced: set[GroupKind] = set()
        self.interrupted: dict[GroupKind, str] = {}
        """Kinds that cannot be watched now, with the reason."""
        self.forbidden: set[GroupKind] = set()
        """Those of them that our credentials may not watch."""
        self.rules: Mapping[ObjectRef, ObjectRules] = {}
        """The rules of those objects that have any."""
        self.health_rules: HealthRules = {}
        """How bundles judge some kinds themselves."""
        self.suspects: dict[ObjectRef, Record] = {}
        self.restored: list[Record] = []
        """Records whose drift went away without us."""
        self.gone: dict[ObjectRef, Record] = {}
        """Records whose deletion, which we asked for, is complete."""
        self.stale: set[BundleName] = set()
        """Bundles whose summary may have changed."""
        self.trouble: ClusterError | None = None
        """Why a watch is interrupted, since the reconciler last looked."""
        self.unserved: set[GroupKind] = set()
        """Kinds that vanished from the server, until `retry`."""
        self.crash: BaseException | None = None

    async def __aenter__(self) -> Observer:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _wake(self) -> None:
        self._moved.set()
        self._wake_reconciler()

    def want(self, kinds: Iterable[GroupKind]) -> None:
        """Watch exactly these kinds (those of them that the server serves)."""
        wanted = {kind: resource for kind in kinds if (resource := self._resource(kind))}
        for kind in self._tasks.keys() - wanted.keys():
            self._tasks.pop(kind).cancel()
            self._passed(kind)
            self._lose_sight(kind, _NOT_SERVED)
        for kind in wanted.keys() - self._tasks.keys():
            task = asyncio.get_running_loop().create_task(self._follow(kind), name=f"watch {kind}")
            task.add_done_callback(self._ended)
            self._tasks[kind] = task

    def judge_by(self, rules: HealthRules) -> None:
        """Judge health by these rules from now on; kinds whose rules changed are listed anew."""
        before, self.health_rules = self.health_rules, rules
        changed = {
            kind
            for bundle, kind in {*before, *rules}
            if before.get((bundle, kind)) != rules.get((bundle, kind))
        }
        if not changed:
            return
        for kind in changed & self._tasks.keys():
            self._tasks.pop(kind).cancel()
            self.synced.discard(kind)
        for record in self._records.values():
            if record.ref.group_kind in changed:
                record.resource_version = ""

    def _needs_body(self, kind: GroupKind) -> bool:
        return needs_body(kind) or any(ruled == kind for _, ruled in self.health_rules)

    def _resource(self, kind: GroupKind) -> object | None:
        return self._api.discovery.preferred(kind)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            self.crash = task.exception()
            self._wake()

    async def _follow(self, kind: GroupKind) -> None:
        resource = self._api.discovery.preferred(kind)
        assert resource is not None
        stream = observe(
            self._api.transport,
            resource,
            selector=self._selector,
            metadata_only=not self._needs_body(kind),
        )
        try:
            async for observation in stream:
                self._take(kind, observation)
        except UnknownKind:
            self._lose_sight(kind, _NOT_SERVED)
            self.interrupted[kind] = _NOT_SERVED
            self.unserved.add(kind)
            self._wake()

    def retry(self) -> None:
        """Watch kinds that vanished from the server again, if it has them now."""
        for kind in self.unserved:
            if task := self._tasks.pop(kind, None):
                task.cancel()
            self._passed(kind)
        self.unserved.clear()

    def _lose_sight(self, kind: GroupKind, why: str) -> None:
        """Nothing tells of a kind any more: of what there was of it, nothing is known."""
        self.synced.discard(kind)
        for record in self._records.values():
            if record.ref.group_kind == kind and not record.in_flight:
                record.out_of_sight(why)
                self.suspects.pop(record.ref, None)
                self.stale.add(record.bundle)

    def _take(self, kind: GroupKind, observation: Observation) -> None:
        match observation:
            case Synced():
                self._take_all(kind, observation)
            case Changed() | Removed():
                self._take_one(kind, observation)
            case Interrupted(error, blind):
                self._passed(kind)
                if blind:
                    self._lose_sight(kind, f"not observed for a while: {error.message}")
                self.interrupted[kind] = error.message
                if isinstance(error, Forbidden):
                    self.forbidden.add(kind)
                self.trouble = error
                self._wake()

    def _take_all(self, kind: GroupKind, synced: Synced) -> None:
        known = [record for record in self._records.values() if record.ref.group_kind == kind]
        if synced.rewound:
            self.trouble = Gone("its history went back")  # is it the same cluster at all?
            for record in known:
                record.resource_version = ""
        present = set()
        for seen in synced.objects:
            present.add(_ref(kind, seen))
            self._believe(kind, seen, synced.version)
            self._take_one(kind, Changed(seen))
        for record in known:
            if record.ref not in present:
                self._take_one(kind, Removed(_absence(record.ref, synced.version)))
        self.synced.add(kind)
        self._passed(kind)
        self._wake()

    def _believe(self, kind: GroupKind, seen: Seen, version: str) -> None:
        """An object that is older than we knew it, in a list that is not: a restored backup."""
        record = self._records.get(_ref(kind, seen))
        if record is None or record.in_flight or newer(record.resource_version, version):
            return
        if newer(record.resource_version, seen.metadata.resource_version):
            record.resource_version = ""

    def _passed(self, kind: GroupKind) -> None:
        """Forget why a kind could not be watched."""
        self.interrupted.pop(kind, None)
        self.forbidden.discard(kind)

    def _take_one(self, kind: GroupKind, change: Changed | Removed) -> None:
        record = self._records.get(_ref(kind, change.object))
        if record is None:
            return
        if record.in_flight:
            record.deferred = change
            return
        version = change.object.metadata.resource_version
        if record.present and (
            record.resource_version == version or newer(record.resource_version, version)
        ):
            return
        if isinstance(change, Removed):
            self._lost(record)
        else:
            self.judge(record, change.object)

    async def oriented(self, *, timeout_s: float) -> bool:
        """Wait until every watched kind is known, or known to be in trouble."""
        return await self.until(
            lambda: self._tasks.keys() <= self.synced | self.interrupted.keys(),
            timeout_s=timeout_s,
        )

    async def until(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Wait until what the records say fulfils a condition; False when it did not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def nudge(self) -> None:
        """Let whoever waits in `until` ask its condition anew."""
        self._moved.set()

    def wrote(self, record: Record, live: Live) -> None:
        """A write of ours was answered with the whole object."""
        _note(record, live.metadata)
        record.diagnosis = None
        self._judge_health(record, Seen(live.metadata, msgspec.Raw(live.body)))
        self.stale.add(record.bundle)

    def reconsider(self, record: Record) -> None:
        """Why an object is not ready became known, or is no longer so."""
        if (found := record.judged) is not None:
            record.health, record.message = found.health, found.message
            self.stale.add(record.bundle)

    def settle(self, record: Record) -> None:
        """A write of ours is answered: now look at what the watch showed meanwhile."""
        record.in_flight = False
        change, record.deferred = record.deferred, None
        if change is not None:
            self._take_one(record.ref.group_kind, change)

    def judge(self, record: Record, seen: Seen) -> None:
        """Bring a record up to date with what the watch showed."""
        was_present, asked = record.present, (record.keep, record.detach)
        if record.deleting and record.uid and record.uid != seen.metadata.uid:
            record.leaving = None  # what we deleted is gone; this is another object
        if record.deleting and not (record.resource_version or seen.metadata.deletion_timestamp):
            # Listed anew, and nobody is deleting it: a backup from before that was restored.
            record.leaving = None
        went_back = _went_back(record, seen.metadata)
        _note(record, seen.metadata)
        self._judge_health(record, seen)
        if record.applied.confirmed:
            self._judge_drift(record, seen, doubt=went_back)
        else:
            record.foreign = seen.metadata.our_fields() is None
        if not was_present or asked != (record.keep, record.detach):
            self.stale.add(record.bundle)
            self._wake()

    def _judge_health(self, record: Record, seen: Seen) -> None:
        kind = record.ref.group_kind
        record.stated = _health(kind, seen, self.health_rules.get((record.bundle, kind)))
        if record.stated.health not in UNFINISHED:
            record.diagnosis = None
        result = record.judged or record.stated
        if (result.health, result.message) != (record.health, record.message):
            record.health, record.message = result.health, result.message
            self.stale.add(record.bundle)
            self._wake()

    def exemption(self, ref: ObjectRef) -> str:
        """What of an object is left to others, by name; empty: nothing."""
        rules = self.rules.get(ref)
        return rules.exemption if rules else ""

    def _judge_drift(self, record: Record, seen: Seen, *, doubt: bool) -> None:
        metadata = seen.metadata
        exemption = self.exemption(record.ref)
        found = glance(record.applied, metadata.uid, metadata.our_fields(), exemption=exemption)
        if doubt or found is Glance.LOOK:
            record.suspect = True
            self.suspects[record.ref] = record
            self._wake()
            return
        record.suspect = record.reclaim = False
        self.suspects.pop(record.ref, None)
        if record.drift:
            record.drift, record.asked = None, False
            self.restored.append(record)
            self.stale.add(record.bundle)
            self._wake()

    def _lost(self, record: Record) -> None:
        was_present, record.present = record.present, False
        record.suspect = False
        self.suspects.pop(record.ref, None)
        if record.leaving is not None:
            self.gone[record.ref] = record
        elif record.expired:
            return
        elif record.applied.confirmed and (was_present or record.drift is None):
            record.health, record.message = Health.MISSING, "not on the cluster"
            record.suspect = True
            self.suspects[record.ref] = record
        self.stale.add(record.bundle)
        self._wake()


def _ref(kind: GroupKind, seen: Seen) -> ObjectRef:
    return ObjectRef(kind.group, kind.kind, seen.metadata.namespace, seen.metadata.name)


def _absence(ref: ObjectRef, version: str) -> Seen:
    """What a list that does not have an object says of it."""
    metadata = Metadata(name=ref.name, namespace=ref.namespace, resource_version=version)
    return Seen(metadata, msgspec.Raw(b"{}"))


def _went_back(record: Record, metadata: Metadata) -> bool:
    """Whether an object is older than we have seen it: the same fields, with other values."""
    return record.uid == metadata.uid and newer(record.newest_version, metadata.resource_version)


def _note(record: Record, metadata: Metadata) -> None:
    """Take over what metadata says of an object that is there."""
    record.present, record.expired = True, False
    same = metadata.uid == record.applied.uid
    record.uid = record.applied.uid if same else metadata.uid  # one string, held once
    record.resource_version = record.newest_version = metadata.resource_version
    record.keep = asks_to_be_kept(metadata)
    record.detach = "detach" in map((metadata.annotations or _NONE).get, DELETION_ANNOTATIONS)


def asks_to_be_kept(metadata: Metadata) -> bool:
    """Whether an object is annotated never to be deleted."""
    return (metadata.annotations or _NONE).get(PRUNE_ANNOTATION) == "disabled"


def _health(kind: GroupKind, seen: Seen, rule: HealthRule | None) -> HealthResult:
    if seen.metadata.deletion_timestamp:
        metadata = seen.metadata
        return being_deleted(metadata.deletion_timestamp, metadata.finalizers)
    if rule is not None:
        return judge_by(rule, decode_object(seen.body))
    if not needs_body(kind):
        return HEALTHY
    return health_of(kind, decode_object(seen.body))
