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

from clusters.backoff import CONNECT
from clusters.bookkeeping.lease_keeper import LeaseKeeper
from clusters.bookkeeping.mirroring import MirrorKeeper
from clusters.client.api import ClusterApi, ServerInfo
from clusters.client.breaker import Breaker, Circuit
from clusters.client.shared import SharedLimits
from clusters.client.transport import Endpoint, Transport
from clusters.engine.observer import Observer
from clusters.engine.reporter import Reporter
from clusters.engine.session import PROBE_S, Session
from clusters.engine.site import Site
from clusters.engine.terms import Terms
from clusters.errors import ClusterError, Fenced, Gone
from clusters.events import ClusterEvent, Connected, Disconnected, Silence
from clusters.model import NEVER_APPLIED, ClusterName, DesiredState, ObjectRef
from clusters.records import FieldSets, Journal, Record


def _nobody() -> None:
    """Nobody else writes."""


class Reconciler:
    """Keeps one cluster as it should be.

    Args:
        cluster: its name.
        connect: gives the endpoint; called before each attempt to connect.
        journal: where the apply set is stored.
        report: where events go; may wait, which slows only this cluster.
        terms: what its owner decided.
        field_sets: shared by all reconcilers of the process.
        limits: shared by them as well; None: this one has its own.
    """

    def __init__(
        self,
        cluster: ClusterName,
        *,
        connect: Callable[[], Awaitable[Endpoint]],
        journal: Journal,
        report: Callable[[ClusterEvent], Awaitable[None]],
        terms: Terms,
        field_sets: FieldSets,
        limits: SharedLimits | None = None,
    ) -> None:
        self._connect = connect
        self._site = Site(
            cluster=cluster,
            terms=terms,
            journal=journal,
            report=report,
            field_sets=field_sets,
            reporter=Reporter(cluster, report),
        )
        self._api: ClusterApi | None = None
        self._observer: Observer | None = None
        self._identity: str | None = terms.identity or None
        self._mirror = MirrorKeeper(self._site)
        self._limits = limits or SharedLimits()
        self._asked = False
        """Whether a person wants to know now."""
        self.breaker = Breaker()

    @property
    def cluster(self) -> ClusterName:
        """The cluster's name."""
        return self._site.cluster

    @property
    def terms(self) -> Terms:
        """What its owner decided."""
        return self._site.terms

    @property
    def records(self) -> dict[ObjectRef, Record]:
        """What is known of the objects.  Read only."""
        return self._site.records

    @property
    def api(self) -> ClusterApi | None:
        """The connected cluster, or None."""
        return self._api

    def assign(self, desired: DesiredState) -> None:
        """Set what the cluster should hold; the newest one counts, even in the middle of a pass."""
        self._site.desired = desired
        self._site.woken.set()
        if self._observer:
            self._observer.nudge()

    def correct(self, ref: ObjectRef) -> bool:
        """Put drift of one object back once, whatever its bundle says; False: it has none."""
        record = self._site.records.get(ref)
        if record is None or record.drift is None:
            return False
        record.asked, record.failure, record.paused_until = True, None, 0.0
        self._site.woken.set()
        return True

    def poke(self) -> None:
        """Look at everything now, also when it is not time for it."""
        for record in self._site.records.values():
            record.failure = None
            record.paused_until = 0.0
        self.breaker.ask_now()
        self._asked = True
        self._site.woken.set()

    async def run(self) -> None:
        """Reconcile until cancelled.

        Raises:
            Exception: a bug.
        """
        for applied in await self._site.journal.load(self.cluster):
            self._site.records[applied.ref] = Record.of(applied)
        attempt = 0
        while True:
            started = monotonic()
            try:
                await self._session()
            except ClusterError as error:
                if monotonic() - started > PROBE_S:
                    attempt = 0
                delay_s = CONNECT.delay_s(attempt, random.random())
                delay_s = max(delay_s, error.retry_after_s or 0.0, self.breaker.wait_s)
                attempt += 1
                self._forget_observations()
                await self._site.report(
                    Disconnected(
                        cluster=self.cluster,
                        at=datetime.now(UTC),
                        reason=error.message,
                        retry_in_s=delay_s,
                        silence=self._silence(error),
                        free_at=error.free_at if isinstance(error, Fenced) else None,
                    )
                )
                await self._sleep(delay_s)

    def _silence(self, error: ClusterError) -> Silence:
        if isinstance(error, Fenced):
            return Silence.FENCED
        alone = self.breaker.state is not Circuit.CLOSED
        return Silence.ASKED_RARELY if alone else Silence.NO_ANSWER

    def _forget_observations(self) -> None:
        # What was seen before an outage may not be so any more: unknown, not healthy.
        self._site.reporter.forget()
        self._api = self._observer = None
        for record in self._site.records.values():
            record.in_flight = False
            record.out_of_sight("not observed since an interruption")

    async def _sleep(self, delay_s: float) -> None:
        """Wait before the next attempt.

        Something new to do ends it early, unless the cluster failed so often that it is left alone;
        a person's question always does.
        """
        until, self._asked = monotonic() + delay_s, False
        while (left_s := until - monotonic()) > 0:
            self._site.woken.clear()
            try:
                await asyncio.wait_for(self._site.woken.wait(), left_s)
            except TimeoutError:
                return
            if self._asked or self.breaker.state is Circuit.CLOSED:
                return

    async def _session(self) -> None:
        """Work while connected.

        Raises:
            ClusterError: the connection is lost, or could not be made.
        """
        site = self._site
        endpoint = await self._connect()
        async with AsyncExitStack() as stack:
            transport = await stack.enter_async_context(
                Transport(endpoint, breaker=self.breaker, shared=self._limits)
            )
            keeper = self._keeper(transport)
            self._api = api = ClusterApi(transport, may_write=keeper.check if keeper else _nobody)
            info = await self._look(api)
            transport.watch_lists = info.streams_lists
            # Reading is free: what the cluster remembers is known before the right to write is.
            await self._mirror.recall(api)
            if keeper is not None:
                await stack.enter_async_context(keeper.held())
            await self._say_connected(info)
            await api.discovery.refresh()
            observer = await stack.enter_async_context(
                Observer(
                    api, selector=self.terms.selector, records=site.records, wake=site.woken.set
                )
            )
            self._observer = observer
            await Session(
                site,
                api=api,
                observer=observer,
                mirror=self._mirror,
                keeper=keeper,
                probe=self._probe,
            ).work()

    def _keeper(self, transport: Transport) -> LeaseKeeper | None:
        right = self.terms.right
        if right is None:
            return None
        return LeaseKeeper(transport, cluster=self.cluster, right=right, lost=self._site.woken.set)

    async def _probe(self, api: ClusterApi) -> None:
        await self._say_connected(await self._look(api))

    async def _look(self, api: ClusterApi) -> ServerInfo:
        """Ask whether the cluster answers and still is the one it was."""
        info = await api.info()
        identity = await api.identity()
        known, self._identity = self._identity, identity or self._identity
        if identity and known and identity != known:
            await self._begin_anew()
            raise Gone(
                "another cluster answers here, or it lost all its data (kube-system has another "
                "uid); everything is observed anew"
            )
        return info

    async def _say_connected(self, info: ServerInfo) -> None:
        await self._site.report(
            Connected(
                cluster=self.cluster,
                at=datetime.now(UTC),
                version=info.version,
                latency_ms=info.latency_ms,
                identity=self._identity or "",
            )
        )

    async def _begin_anew(self) -> None:
        """What was applied was applied to a cluster that is gone: nobody changed it on this one."""
        anew = []
        for record in self._site.records.values():
            record.applied = replace(
                record.applied,
                digest=NEVER_APPLIED,
                uid="",
                entry_hash="",
                live_hash="",
                confirmed=False,
            )
            record.drift, record.reclaim, record.leaving = None, False, None
            anew.append(record.applied)
        if anew:
            await self._site.journal.write(self.cluster, anew, ())
        self._mirror.is_read = False
