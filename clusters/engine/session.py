"""One connection's worth of work: look after watches, verify, plan, act, report, wait."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import monotonic

from clusters.bookkeeping.lease_keeper import LeaseKeeper
from clusters.bookkeeping.mirroring import MirrorKeeper
from clusters.client.api import ClusterApi
from clusters.engine.applier import Applier, Outcome
from clusters.engine.auditor import Auditor
from clusters.engine.diagnosis import Diagnosis
from clusters.engine.observer import Observer
from clusters.engine.site import Site
from clusters.engine.verifier import Verifier, manifests_of
from clusters.errors import ClusterError
from clusters.fields.rules import all_rules
from clusters.health.rules import health_rules
from clusters.model import BundleName, DesiredState, GroupKind, kinds_of
from clusters.planning.actions import Plan
from clusters.planning.plan import make_plan
from clusters.planning.situation import Situation
from clusters.records import Record, share_references

PROBE_S = 30.0
"""How often a quiet cluster is asked whether it is still there."""
REDISCOVER_S = 10.0
"""How often unknown kinds are looked for: somebody else may install their CRD."""
ORIENTATION_S = 10.0
"""How long a pass waits for the first list of a kind, before it goes on without that kind."""


class Session:
    """One connection's worth of work.

    Args:
        site: the cluster.
        api: the connection to it.
        observer: watches it over that connection.
        mirror: keeps the apply set on the cluster as well.
        keeper: keeps the right to write to it; None: nobody else can be there.
        probe: asks whether the cluster is still there, and still the same one.
    """

    def __init__(
        self,
        site: Site,
        *,
        api: ClusterApi,
        observer: Observer,
        mirror: MirrorKeeper,
        keeper: LeaseKeeper | None,
        probe: Callable[[ClusterApi], Awaitable[None]],
    ) -> None:
        self._site = site
        self._api = api
        self._observer = observer
        self._mirror = mirror
        self._keeper = keeper
        self._probe = probe
        self._records = site.records
        self._applier = Applier(
            cluster=site.cluster,
            api=api,
            observer=observer,
            records=site.records,
            journal=site.journal,
            field_sets=site.field_sets,
            random_unit=random.random,
        )
        self._diagnosis = Diagnosis(api)
        self._verifier = Verifier(api, site.field_sets)
        self._auditor = Auditor(site, api=api, observer=observer)
        self._probe_at = monotonic() + PROBE_S
        self._rediscover_at = 0.0
        self._rediscovered_at = -math.inf
        self._shared_with: DesiredState | None = None
        """The desired state whose references the records use."""
        self._kinds: set[GroupKind] = set()
        self._kinds_of: DesiredState | None = None
        self._kinds_count = 0
        self._moved = True
        """Whether the apply set may differ from the record of it on the cluster."""

    async def work(self) -> None:
        """Work until the connection is lost.

        Raises:
            ClusterError: it is.
        """
        woken = self._site.woken
        while True:
            woken.clear()
            await self._look_after_watches()
            desired = self._site.desired
            again_at = self._probe_at
            if desired is not None:
                plan = await self._reconcile(desired)
                await self._auditor.audit(desired)
                dues = (plan.retry_at, self._verifier.retry_at, self._rediscover_at)
                later = (self._diagnosis.due_at, self._auditor.due_at)
                again_at = min(due for due in (again_at, *dues, *later) if due)
            try:
                async with asyncio.timeout(max(0.0, again_at - monotonic())):
                    await woken.wait()
            except TimeoutError:
                pass
            if monotonic() >= self._probe_at:
                await self._probe(self._api)
                self._probe_at = monotonic() + PROBE_S

    async def _look_after_watches(self) -> None:
        observer = self._observer
        if observer.crash:
            raise observer.crash
        if self._keeper is not None and self._keeper.trouble is not None:
            raise self._keeper.trouble
        now = monotonic()
        if observer.unserved:
            # At once, but not again and again: discovery may name what is not served.
            due_at = max(now, self._rediscovered_at + REDISCOVER_S)
            self._rediscover_at = min(self._rediscover_at or due_at, due_at)
        if self._rediscover_at and now >= self._rediscover_at:
            self._rediscover_at, self._rediscovered_at = 0.0, now
            await self._api.discovery.refresh()
            observer.retry()
        if observer.trouble:
            observer.trouble = None
            # One kind may be in trouble alone; if the whole cluster is, this raises.
            await self._probe(self._api)

    async def _reconcile(self, desired: DesiredState) -> Plan:
        """Verify, plan and act until nothing is left to do now."""
        site, reporter = self._site, self._site.reporter
        self._follow_rules(desired)
        while True:
            self._watch(desired)
            # Half a picture would send objects before the namespaces they belong to.
            await self._observer.oriented(timeout_s=ORIENTATION_S)
            await self._settle_observations(desired)
            plan = make_plan(desired, self._situation())
            if not plan.acts:
                break
            self._moved = True
            outcomes: dict[BundleName, Outcome] = {}
            try:
                await self._applier.execute(
                    plan, outcomes, interrupted=lambda: site.desired is not desired
                )
            except ClusterError:
                await reporter.acted(desired, outcomes)
                raise
            await reporter.acted(desired, outcomes)
            if site.desired is not desired:
                break
        if plan.unserved and not self._rediscover_at:
            self._rediscover_at = monotonic() + REDISCOVER_S
        await self._diagnose(desired)
        await self._mirror.keep(self._api, desired, moved=self._moved)
        self._moved = False
        await reporter.stands(desired, self._records, plan, self._observer.stale)
        return plan

    def _follow_rules(self, desired: DesiredState) -> None:
        """Where other fields are left to others than before, compare with a whole apply."""
        site, observer = self._site, self._observer
        if self._shared_with is not desired:
            share_references(site.records, manifests_of(desired))
            self._shared_with = desired
        observer.judge_by(health_rules(desired))
        before, observer.rules = site.rules, all_rules(desired)
        site.rules = observer.rules
        if before is None:
            return  # nothing of this process was applied under other rules
        for ref in {*before, *observer.rules}:
            record, old = self._records.get(ref), before.get(ref)
            if record is None or (old.exemption if old else "") == observer.exemption(ref):
                continue
            record.applied = replace(record.applied, entry_hash="", live_hash="")
            record.suspect = True
            observer.suspects[ref] = record

    async def _diagnose(self, desired: DesiredState) -> None:
        """Find out why workloads do not become ready."""
        for record in await self._diagnosis.look(
            self._records.values(), lambda: manifests_of(desired)
        ):
            self._observer.reconsider(record)

    def _watch(self, desired: DesiredState) -> None:
        """Watch the kinds of all that is wanted, and of all that is there."""
        count = len(self._records)
        if self._kinds_of is not desired or self._kinds_count != count:
            self._kinds = kinds_of(self._records)
            self._kinds.update(kind for _, kind in desired.versions)
            self._kinds_of, self._kinds_count = desired, count
        self._observer.want(self._kinds)

    def _situation(self) -> Situation:
        return Situation(
            records=self._records,
            served=self._api.discovery.serves,
            lacks=self._api.discovery.lacks,
            plural_of=self._plural_of,
            synced=self._observer.synced,
            interrupted=self._observer.interrupted,
            forbidden=self._observer.forbidden,
            now=monotonic(),
            budget=self._site.terms.budget,
        )

    def _plural_of(self, kind: GroupKind) -> str:
        resource = self._api.discovery.preferred(kind)
        return resource.plural if resource else ""

    async def _remember(self, records: list[Record]) -> None:
        if records:
            journal = self._site.journal
            await journal.write(self._site.cluster, [record.applied for record in records], ())

    async def _settle_observations(self, desired: DesiredState) -> None:
        observer, reporter = self._observer, self._site.reporter
        if not observer.suspects:
            self._verifier.retry_at = None  # what it was for became known otherwise
        due_at = self._verifier.retry_at
        if observer.suspects and (due_at is None or monotonic() >= due_at):
            suspects = list(observer.suspects.values())
            observer.suspects.clear()
            found = await self._verifier.verify(suspects, desired)
            for record in suspects:
                if record.suspect and self._records.get(record.ref) is record:
                    observer.suspects[record.ref] = record
            observer.stale.update(record.bundle for record in suspects)
            await self._remember(found.settled)
            await reporter.restored(found.ended)
            await reporter.drifted(desired, found.drifted)
        restored, observer.restored = observer.restored, []
        await reporter.restored(restored)
        gone, observer.gone = list(observer.gone.values()), {}
        if gone:
            self._moved = True
            await self._site.journal.write(self._site.cluster, (), [record.ref for record in gone])
            for record in gone:
                self._records.pop(record.ref, None)
            await reporter.pruned(gone)
