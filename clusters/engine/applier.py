"""Carries out a plan: with `pruner`, the only writer to a cluster.

Before the first request of a pass, objects that it may create are stored as intended; after each
wave, what was confirmed is stored.  A crash at any point therefore leaves an apply set that names
at least everything that exists because of us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from time import monotonic
from typing import TypeVar

from clusters.client.api import ClusterApi
from clusters.client.limits import SLOTS_MAX
from clusters.engine.observer import Observer
from clusters.engine.pruner import Pruner
from clusters.engine.replacing import Replacer
from clusters.engine.writer import Writer, Written
from clusters.errors import OF_THE_CLUSTER, ClusterError, InvalidObject
from clusters.events import NoticeKind
from clusters.fields.ownership import remembered
from clusters.fields.projection import projection_hasher
from clusters.model import Applied, BundleName, ClusterName, Health, ObjectRef
from clusters.planning.actions import Apply, Cause, Detach, Plan, Prune
from clusters.planning.waves import FOUNDATION_WAVE, wave_of
from clusters.records import CORRECTIONS_KEPT, Failure, FieldSets, Journal, Leaving, Record

_Action = TypeVar("_Action", Apply, Prune, Detach)
FOUNDATION_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something out of the ordinary that was done to an object."""

    ref: ObjectRef
    kind: NoticeKind
    words: str


@dataclass(slots=True)
class Outcome:
    """What a pass did to one bundle."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    corrected: list[Record] = field(default_factory=list)
    failed: list[Record] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


class Applier:
    """Writes to one cluster.

    Args:
        cluster: its name in the journal.
        api: the cluster.
        observer: told about our own writes, so that their echo is not taken for drift.
        records: the records, shared with observer and reconciler.
        journal: the stored apply set.
        field_sets: where the field sets of our applies are remembered.
        random_unit: jitter for retries, in [0, 1).
    """

    def __init__(
        self,
        *,
        cluster: ClusterName,
        api: ClusterApi,
        observer: Observer,
        records: dict[ObjectRef, Record],
        journal: Journal,
        field_sets: FieldSets,
        random_unit: Callable[[], float],
    ) -> None:
        self._cluster = cluster
        self._api = api
        self._observer = observer
        self._records = records
        self._journal = journal
        self._field_sets = field_sets
        self._random_unit = random_unit
        self._writer = Writer(api, field_sets)
        self._replacer = Replacer(api, observer)
        self._pruner = Pruner(api=api, observer=observer, records=records, random_unit=random_unit)

    async def execute(
        self, plan: Plan, outcomes: dict[BundleName, Outcome], *, interrupted: Callable[[], bool]
    ) -> None:
        """Do what the plan says, wave by wave.

        Args:
            plan: what to do.
            outcomes: gets what was done, also where the cluster goes away in the middle of it.
            interrupted: asked between waves, while waiting and before each object that leaves; True
                ends the pass early (a newer desired state).

        Raises:
            ClusterError: the cluster as a whole is in trouble; what was done until then is stored.
        """
        await self._intend(plan)
        for wave, actions in groupby(plan.applies, key=_wave):
            batch = list(actions)
            try:
                await self._each(self._apply, batch, outcomes)
            except ClusterError:
                await self._confirm(batch)
                raise
            await self._confirm(batch)
            if wave == FOUNDATION_WAVE and not interrupted():
                await self._founded(batch, interrupted)
            if interrupted():
                return
        failed = {name for name, outcome in outcomes.items() if outcome.failed}
        await self._each(self._detach, plan.detaches, outcomes, stop=interrupted)
        # What replaces an object is in place before the object goes.
        prunes = [prune for prune in plan.prunes if prune.bundle not in failed]
        for _, group in groupby(prunes, key=lambda prune: wave_of(prune.ref.group_kind)):
            await self._each(self._prune, list(group), outcomes, stop=interrupted)

    async def _detach(self, action: Detach, outcome: Outcome) -> None:
        record = self._records[action.ref]
        if not await self._pruner.detach(action):
            outcome.failed.append(record)
        elif record.leaving is Leaving.DETACHED:
            words = "it is annotated to be kept when it leaves the bundle, or holds what is"
            outcome.notices.append(Notice(action.ref, NoticeKind.DETACHED, words))

    async def _prune(self, action: Prune, outcome: Outcome) -> None:
        if not await self._pruner.prune(action):
            outcome.failed.append(self._records[action.ref])

    async def _intend(self, plan: Plan) -> None:
        new: list[Applied] = []
        for action in plan.applies:
            ref = action.manifest.ref
            known = self._records.get(ref)
            creates = known is None or action.cause is Cause.MISSING
            if known is not None and known.bundle == action.bundle and not creates:
                continue
            applied = Applied(
                ref=ref,
                api_version=action.manifest.api_version,
                bundle=action.bundle,
                digest=action.manifest.digest,
                uid=known.applied.uid if known and not creates else "",
            )
            new.append(applied)
            if known is None:
                self._records[ref] = Record(applied)
            else:
                known.applied = applied
        removals = list(plan.forgets)
        if new or removals:
            await self._journal.write(self._cluster, new, removals)
        for ref in removals:
            self._records.pop(ref, None)

    async def _confirm(self, batch: Sequence[Apply]) -> None:
        confirmed = [
            record.applied
            for action in batch
            if (record := self._records.get(action.manifest.ref))
            and record.applied.confirmed
            and record.applied.digest == action.manifest.digest
        ]
        if confirmed:
            await self._journal.write(self._cluster, confirmed, ())

    async def _each(
        self,
        perform: Callable[[_Action, Outcome], Coroutine[None, None, None]],
        actions: Sequence[_Action],
        outcomes: dict[BundleName, Outcome],
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Perform all; one failing object does not stop the others, a failing cluster does."""
        todo = iter(actions)

        async def work() -> None:
            for action in todo:
                if stop():
                    return
                await perform(action, outcomes.setdefault(action.bundle, Outcome()))

        # As many hands as may have a request in flight: more would only wait in a queue.
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(work()) for _ in range(min(SLOTS_MAX, len(actions)))]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _apply(self, action: Apply, outcome: Outcome) -> None:
        manifest = action.manifest
        record = self._records[manifest.ref]
        record.in_flight = True
        try:
            written = await self._write(action, record, outcome)
        except OF_THE_CLUSTER:
            self._observer.settle(record)
            raise
        except ClusterError as error:
            record.failure = Failure.of(
                error,
                before=record.failure,
                digest=manifest.digest,
                tried=action.tried,
                now=monotonic(),
                random_unit=self._random_unit(),
            )
            self._observer.stale.add(record.bundle)
            outcome.failed.append(record)
            self._observer.settle(record)
            return
        if written is not None:
            self._written(action, record, written, outcome)
        self._observer.settle(record)

    async def _write(self, action: Apply, record: Record, outcome: Outcome) -> Written | None:
        """Write an object; None: it has to go first, to be made anew."""
        try:
            return await self._writer.write(action, record)
        except InvalidObject as error:
            fields = await self._replacer.replace(action, record, error)
        outcome.notices.append(Notice(record.ref, NoticeKind.REPLACED, fields))
        return None

    def _written(self, action: Apply, record: Record, written: Written, outcome: Outcome) -> None:
        live = written.live
        metadata = live.metadata
        if written.adopted:
            outcome.changed += 1
            outcome.notices.append(Notice(record.ref, NoticeKind.ADOPTED, written.adopted))
        elif not record.applied.uid or record.applied.uid != metadata.uid:
            outcome.created += 1
        elif record.resource_version == metadata.resource_version:
            outcome.unchanged += 1
        else:
            outcome.changed += 1
        fields = metadata.our_fields() or b"{}"
        exemption = self._observer.exemption(record.ref)
        entry_hash = remembered(fields, exemption)
        self._field_sets.add(entry_hash, fields)
        record.applied = Applied(
            ref=record.ref,
            api_version=action.manifest.api_version,
            bundle=action.bundle,
            digest=action.manifest.digest,
            uid=metadata.uid,
            entry_hash=entry_hash,
            live_hash=projection_hasher(fields)(live.content()),
            confirmed=True,
        )
        record.failure, record.reclaim, record.suspect = None, False, False
        record.foreign = False
        record.asked = False
        self._observer.suspects.pop(record.ref, None)
        if record.drift:
            if action.cause in (Cause.DRIFTED, Cause.MISSING):
                record.corrections = (*record.corrections, monotonic())[-CORRECTIONS_KEPT:]
            record.drift = None
            outcome.corrected.append(record)
        if action.leaves_drift:
            self._goes_on(record)
        self._observer.wrote(record, live)

    def _goes_on(self, record: Record) -> None:
        """Some drift was left as it is: it is compared with what a whole apply would leave."""
        record.applied = replace(record.applied, entry_hash="", live_hash="")
        record.suspect = True
        self._observer.suspects[record.ref] = record

    async def _founded(self, batch: Sequence[Apply], interrupted: Callable[[], bool]) -> None:
        """Wait until namespaces are active and CRDs established, then learn the new kinds."""
        refs = [action.manifest.ref for action in batch]
        await self._observer.until(
            lambda: interrupted() or not any(self._unready(ref) for ref in refs),
            timeout_s=FOUNDATION_TIMEOUT_S,
        )
        if any(ref.kind == "CustomResourceDefinition" for ref in refs):
            await self._api.discovery.refresh()

    def _unready(self, ref: ObjectRef) -> bool:
        record = self._records.get(ref)
        return bool(record and record.applied.confirmed and record.health is Health.PROGRESSING)


def _wave(action: Apply) -> int:
    return wave_of(action.manifest.ref.group_kind)
