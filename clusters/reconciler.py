"""The loop of one cluster: connect, observe, verify, plan, act, report, wait.

Level-triggered: whatever woke it, it looks at the whole desired state and at all records, and does
what the plan says until the plan is empty.  Expected failures become an event and backoff here; any
other exception leaves `run`, and the supervisor quarantines the cluster.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from clusters.actions import Plan
from clusters.applier import Applier
from clusters.backoff import CONNECT
from clusters.client.api import ClusterApi, ServerInfo
from clusters.client.transport import Endpoint, Transport
from clusters.diagnosis import Diagnosis
from clusters.errors import ClusterError, Gone
from clusters.events import ClusterEvent, Connected, Disconnected
from clusters.guards import PruneBudget
from clusters.lease import WriteRight
from clusters.lease_keeper import LeaseKeeper
from clusters.model import ClusterName, DesiredState, GroupKind, Health, ObjectRef
from clusters.observer import Observer
from clusters.plan import Situation, make_plan
from clusters.records import FieldSets, Journal, Record
from clusters.reporter import Reporter
from clusters.rules import ObjectRules, all_rules
from clusters.verifier import Verifier, manifests_of

PROBE_S = 30.0
"""How often a quiet cluster is asked whether it is still there."""
REDISCOVER_S = 10.0
"""How often unknown kinds are looked for: somebody else may install their CRD."""
ORIENTATION_S = 10.0
"""How long a pass waits for the first list of a kind, before it goes on without that kind."""


def _nobody() -> None:
    """Nobody else writes."""


class Reconciler:
    """Keeps one cluster as it should be.

    Args:
        cluster: its name.
        connect: gives the endpoint; called before each attempt to connect.
        journal: where the apply set is stored.
        report: where events go; may wait, which slows only this cluster.
        selector: label selector of all objects that are ours.
        field_sets: shared by all reconcilers of the process.
        budget: how much may be pruned without confirmation.
        right: who writes, and for which fleet; None: nobody else can be there.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that a cluster is kept with
        self,
        cluster: ClusterName,
        *,
        connect: Callable[[], Awaitable[Endpoint]],
        journal: Journal,
        report: Callable[[ClusterEvent], Awaitable[None]],
        selector: str,
        field_sets: FieldSets,
        budget: PruneBudget,
        right: WriteRight | None = None,
    ) -> None:
        self.cluster = cluster
        self.budget = budget
        self._right = right
        self._connect = connect
        self._journal = journal
        self._report = report
        self._selector = selector
        self._field_sets = field_sets
        self._desired: DesiredState | None = None
        self._rules: dict[ObjectRef, ObjectRules] | None = None
        self._records: dict[ObjectRef, Record] = {}
        self._woken = asyncio.Event()
        self._reporter = Reporter(cluster, report)
        self._api: ClusterApi | None = None
        self._observer: Observer | None = None
        self._identity: str | None = None

    @property
    def records(self) -> dict[ObjectRef, Record]:
        """What is known of the objects.  Read only."""
        return self._records

    @property
    def api(self) -> ClusterApi | None:
        """The connected cluster, or None."""
        return self._api

    def assign(self, desired: DesiredState) -> None:
        """Set what the cluster should hold; the newest one counts, even in the middle of a pass."""
        self._desired = desired
        self._woken.set()
        if self._observer:
            self._observer.nudge()

    def correct(self, ref: ObjectRef) -> bool:
        """Put drift of one object back once, whatever its bundle says; False: it has none."""
        record = self._records.get(ref)
        if record is None or record.drift is None:
            return False
        record.asked, record.failure, record.paused_until = True, None, 0.0
        self._woken.set()
        return True

    def poke(self) -> None:
        """Look at everything now, also when it is not time for it."""
        for record in self._records.values():
            record.failure = None
            record.paused_until = 0.0
        self._woken.set()

    async def run(self) -> None:
        """Reconcile until cancelled.

        Raises:
            Exception: a bug.
        """
        for applied in await self._journal.load(self.cluster):
            self._records[applied.ref] = Record.of(applied)
        attempt = 0
        while True:
            started = monotonic()
            try:
                await self._session()
            except ClusterError as error:
                if monotonic() - started > PROBE_S:
                    attempt = 0
                delay_s = CONNECT.delay_s(attempt, random.random())
                delay_s = max(delay_s, error.retry_after_s or 0.0)
                attempt += 1
                self._forget_observations()
                await self._report(
                    Disconnected(
                        cluster=self.cluster,
                        at=datetime.now(UTC),
                        reason=error.message,
                        retry_in_s=delay_s,
                    )
                )
                await self._sleep(delay_s)

    def _forget_observations(self) -> None:
        # What was seen before an outage may not be so any more: unknown, not healthy.
        self._reporter.forget()
        self._api = self._observer = None
        for record in self._records.values():
            record.present = record.expired = record.in_flight = record.suspect = False
            record.deferred = None
            record.resource_version = ""
            record.health, record.message = Health.UNKNOWN, "not observed since an interruption"

    async def _sleep(self, delay_s: float) -> None:
        self._woken.clear()
        try:
            await asyncio.wait_for(self._woken.wait(), delay_s)
        except TimeoutError:
            return

    async def _session(self) -> None:
        """Work while connected.

        Raises:
            ClusterError: the connection is lost, or could not be made.
        """
        endpoint = await self._connect()
        async with AsyncExitStack() as stack:
            transport = await stack.enter_async_context(Transport(endpoint))
            keeper = self._keeper(transport)
            self._api = api = ClusterApi(transport, may_write=keeper.check if keeper else _nobody)
            info = await self._look(api)
            if keeper is not None:
                await stack.enter_async_context(keeper.held())
            await self._say_connected(info)
            await api.discovery.refresh()
            observer = await stack.enter_async_context(
                Observer(api, selector=self._selector, records=self._records, wake=self._woken.set)
            )
            self._observer = observer
            await _Session(self, api, observer, keeper).work()

    def _keeper(self, transport: Transport) -> LeaseKeeper | None:
        if self._right is None:
            return None
        return LeaseKeeper(
            transport,
            cluster=self.cluster,
            right=self._right,
            lost=self._woken.set,
        )

    async def _probe(self, api: ClusterApi) -> None:
        await self._say_connected(await self._look(api))

    async def _look(self, api: ClusterApi) -> ServerInfo:
        """Ask whether the cluster answers and still is the one it was."""
        info = await api.info()
        identity = await api.identity()
        known, self._identity = self._identity, identity or self._identity
        if identity and known and identity != known:
            raise Gone(
                "another cluster answers here, or it lost all its data (kube-system has another "
                "uid); everything is observed anew"
            )
        return info

    async def _say_connected(self, info: ServerInfo) -> None:
        await self._report(
            Connected(
                cluster=self.cluster,
                at=datetime.now(UTC),
                version=info.version,
                latency_ms=info.latency_ms,
            )
        )


class _Session:
    """One connection's worth of work."""

    def __init__(
        self, owner: Reconciler, api: ClusterApi, observer: Observer, keeper: LeaseKeeper | None
    ) -> None:
        self._owner = owner
        self._keeper = keeper
        self._api = api
        self._observer = observer
        self._records = owner._records
        self._applier = Applier(
            cluster=owner.cluster,
            api=api,
            observer=observer,
            records=owner._records,
            journal=owner._journal,
            field_sets=owner._field_sets,
            random_unit=random.random,
        )
        self._diagnosis = Diagnosis(api)
        self._verifier = Verifier(api, owner._field_sets)
        self._probe_at = monotonic() + PROBE_S
        self._rediscover_at = 0.0

    async def work(self) -> None:
        woken = self._owner._woken
        while True:
            woken.clear()
            await self._look_after_watches()
            desired = self._owner._desired
            again_at = self._probe_at
            if desired is not None:
                plan = await self._reconcile(desired)
                dues = (plan.retry_at, self._verifier.retry_at, self._rediscover_at)
                again_at = min(due for due in (again_at, *dues, self._diagnosis.due_at) if due)
            try:
                async with asyncio.timeout(max(0.0, again_at - monotonic())):
                    await woken.wait()
            except TimeoutError:
                pass
            if monotonic() >= self._probe_at:
                await self._owner._probe(self._api)
                self._probe_at = monotonic() + PROBE_S

    async def _look_after_watches(self) -> None:
        observer = self._observer
        if observer.crash:
            raise observer.crash
        if self._keeper is not None and self._keeper.trouble is not None:
            raise self._keeper.trouble
        if observer.unserved or (self._rediscover_at and monotonic() >= self._rediscover_at):
            observer.unserved.clear()
            self._rediscover_at = 0.0
            await self._api.discovery.refresh()
        if observer.trouble:
            observer.trouble = None
            # One kind may be in trouble alone; if the whole cluster is, this raises.
            await self._owner._probe(self._api)

    async def _reconcile(self, desired: DesiredState) -> Plan:
        """Verify, plan and act until nothing is left to do now."""
        owner, reporter = self._owner, self._owner._reporter
        self._follow_rules(desired)
        while True:
            self._observer.want(self._kinds(desired))
            # Half a picture would send objects before the namespaces they belong to.
            await self._observer.oriented(timeout_s=ORIENTATION_S)
            await self._settle_observations(desired)
            plan = make_plan(desired, self._situation())
            if not (plan.applies or plan.prunes or plan.forgets):
                break
            outcomes = await self._applier.execute(
                plan, interrupted=lambda: owner._desired is not desired
            )
            await reporter.acted(desired, outcomes)
            if owner._desired is not desired:
                break
        if plan.unserved and not self._rediscover_at:
            self._rediscover_at = monotonic() + REDISCOVER_S
        await self._diagnose(desired)
        await reporter.stands(desired, self._records, plan, self._observer.stale)
        return plan

    def _follow_rules(self, desired: DesiredState) -> None:
        """Where other fields are left to others than before, compare with a whole apply."""
        owner, observer = self._owner, self._observer
        before, owner._rules = owner._rules, all_rules(desired)
        observer.rules = owner._rules
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
        for record in await self._diagnosis.look(self._records.values(), manifests_of(desired)):
            self._observer.reconsider(record)

    def _kinds(self, desired: DesiredState) -> set[GroupKind]:
        kinds = {ref.group_kind for ref in self._records}
        for bundle in desired.bundles.values():
            kinds.update(manifest.ref.group_kind for manifest in bundle.manifests)
        return kinds

    def _situation(self) -> Situation:
        return Situation(
            records=self._records,
            served=self._api.discovery.serves,
            lacks=self._api.discovery.lacks,
            synced=self._observer.synced,
            interrupted=self._observer.interrupted,
            forbidden=self._observer.forbidden,
            now=monotonic(),
            budget=self._owner.budget,
        )

    async def _remember(self, records: list[Record]) -> None:
        if records:
            journal = self._owner._journal
            await journal.write(self._owner.cluster, [record.applied for record in records], ())

    async def _settle_observations(self, desired: DesiredState) -> None:
        observer, reporter = self._observer, self._owner._reporter
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
            await self._owner._journal.write(
                self._owner.cluster, (), [record.ref for record in gone]
            )
            for record in gone:
                self._records.pop(record.ref, None)
            await reporter.pruned([record for record in gone if not record.replacing])
