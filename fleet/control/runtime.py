"""The composition root: builds the parts of a server and runs them in one task group.

A failure of any part ends the group and the process, with what is stored intact; only a reconciler
may fail alone (see `supervisor`).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from clusters.bookkeeping.lease import LeaseTerms, Writer, WriteRight
from clusters.client.shared import SharedLimits
from clusters.engine.reconciler import Reconciler
from clusters.engine.terms import Terms
from clusters.model import FLEET_LABEL, ClusterName
from clusters.planning.guards import PruneBudget
from clusters.records import FieldSets
from fleet.api.metrics import Metrics
from fleet.api.server import ApiServer, Parts
from fleet.control.archive import archive_daily
from fleet.control.connections import connector
from fleet.control.coordinator import Coordinator, Errands, Origin
from fleet.control.details import Details
from fleet.control.effects import Effects
from fleet.control.forecast import Forecaster
from fleet.control.intake import Intake
from fleet.control.journal import StoreJournal
from fleet.control.ledger import Ledger
from fleet.control.listening import StartFailed, is_open_to_others, read_tokens, site_of
from fleet.control.measuring import Measurer
from fleet.control.process import calm_collector, raise_file_limit, slim_tls
from fleet.control.settings import ServerSettings
from fleet.control.supervisor import Supervisor
from fleet.deciding.travelling import good_revision, last_good
from fleet.model import Cluster, FleetSettings
from fleet.presenting.feed import Feed
from fleet.presenting.narrating import event_view
from fleet.presenting.publisher import EVENTS_KEPT, Publisher
from fleet.source.proposing import Proposer
from fleet.source.urls import parse_url
from fleet.state.facts import from_row
from fleet.state.standing import ClusterFacts
from fleet.store.errors import StoreError
from fleet.store.store import Store
from fleet.view import FleetView

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Runtime:
    """The running parts of one server."""

    settings: ServerSettings
    store: Store
    coordinator: Coordinator
    supervisor: Supervisor
    publisher: Publisher
    intake: Intake
    effects: Effects

    async def run(self) -> None:
        """Serve until cancelled."""
        first = await self.intake.last_in_force(self.coordinator.state)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.coordinator.run(first), name="coordinator")
            group.create_task(self.intake.run(), name="intake")
            group.create_task(self.effects.run(), name="effects")
            if self.settings.keep_events_s is not None:
                work = archive_daily(
                    self.store, self.settings.archive_dir, keep_s=self.settings.keep_events_s
                )
                group.create_task(work, name="archive")


@asynccontextmanager
async def open_runtime(settings: ServerSettings) -> AsyncIterator[Runtime]:
    """Open the store, bring back the state, listen.

    Raises:
        StoreError: the database cannot be used.
        SourceError: the repository's URL or ref is not acceptable.
        StartFailed: the state directory or the address cannot be used.
    """
    raise_file_limit()
    slim_tls()
    _make_state_dir(settings.state_dir)
    async with AsyncExitStack() as stack:
        store = await Store.open(
            settings.database or settings.state_dir / "flotilla.db",
            key_file=settings.state_dir / "store.key",
        )
        stack.push_async_callback(store.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        runtime = _assemble(settings, store, session)
        stack.push_async_callback(runtime.intake.close)
        stack.push_async_callback(runtime.supervisor.stop)
        await runtime.coordinator.recover()
        await _remember_events(runtime)
        # Who asks before the first commit was read again is shown what was, as not heard of yet.
        runtime.publisher.publish_all(runtime.coordinator.picture)
        await stack.enter_async_context(_listening(runtime))
        calm_collector()
        yield runtime


def _assemble(settings: ServerSettings, store: Store, session: aiohttp.ClientSession) -> Runtime:
    url = parse_url(settings.repo)
    field_sets, limits = FieldSets(), SharedLimits()
    journal = StoreJournal(store)
    writer = _writer(store)
    publisher = Publisher(
        Feed(epoch=secrets.token_hex(4)),
        fleet=_fleet_name(url.text),
        version=version("flotilla-gitops"),
    )

    def build(cluster: Cluster) -> Reconciler:
        declared = coordinator.inventory.settings
        return Reconciler(
            cluster.name,
            connect=connector(cluster, settings, exec_allowed=declared.exec_allowed),
            journal=journal,
            report=coordinator.inbox.post,
            terms=_terms(
                declared,
                coordinator.state.clusters.get(cluster.name),
                WriteRight(
                    fleet=declared.name, writer=writer, terms=LeaseTerms.lasting(settings.lease_s)
                ),
            ),
            field_sets=field_sets,
            limits=limits,
        )

    async def report(event: object) -> None:
        await coordinator.inbox.post(event)  # type: ignore[arg-type]

    supervisor = Supervisor(build=build, report=report)
    coordinator = Coordinator(
        ledger=Ledger(store, archive=settings.archive_dir),
        supervisor=supervisor,
        publisher=publisher,
        origin=Origin(repository=url.text, ref=settings.ref or "HEAD"),
        errands=Errands(
            look=lambda: intake.look_now(),
            carry_out=lambda do, rollout: effects.start(do, rollout),
            recall=lambda survey: effects.read(intake.recall(survey)),
        ),
        clock=_now,
    )
    intake = Intake(
        settings,
        url=url,
        post=coordinator.inbox.post,
        secret_key=store.secret_key,
        holding=lambda bundle: {
            ClusterName(name) for name in coordinator.state.assignments.get(bundle, {})
        },
        since=lambda bundle, digests: last_good(coordinator.state, bundle, digests),
    )
    effects = Effects(
        Measurer(supervisor, session),
        post=coordinator.inbox.post,
        inventory=lambda: coordinator.inventory,
        proposer=Proposer(
            repository=intake.repository_of,
            inventory=lambda: coordinator.inventory,
            good=lambda bundle, bad: good_revision(coordinator.state, bundle, besides=bad),
            fleet=url,
            session=session,
            secrets_dir=settings.secrets_dir,
        ),
    )
    return Runtime(
        settings=settings,
        store=store,
        coordinator=coordinator,
        supervisor=supervisor,
        publisher=publisher,
        intake=intake,
        effects=effects,
    )


def _writer(store: Store) -> Writer:
    """How this start of the server signs on clusters."""
    assert store.owner is not None, "a server opens its store to write"
    owner = store.owner
    host = socket.gethostname() or "unknown"
    return Writer(host=host, server=owner.lineage, start=owner.start, process=owner.name)


def _terms(declared: FleetSettings, known: ClusterFacts | None, right: WriteRight) -> Terms:
    guard = declared.guards.prune
    return Terms(
        selector=f"{FLEET_LABEL}={declared.name}",
        budget=PruneBudget(max_objects=guard.max_objects, max_percent=guard.max_percent),
        mirror_owner=declared.name,
        identity=known.identity if known else "",
        right=right,
    )


async def _remember_events(runtime: Runtime) -> None:
    newest = await runtime.store.last_seq()
    rows = await runtime.store.read(after=max(0, newest - EVENTS_KEPT))
    runtime.publisher.remember(
        event_view(row.seq, from_row(row.kind, row.at, row.actor, row.data)) for row in rows
    )


@asynccontextmanager
async def _listening(runtime: Runtime) -> AsyncIterator[None]:
    settings = runtime.settings
    parts = Parts(
        coordinator=runtime.coordinator,
        publisher=runtime.publisher,
        details=Details(runtime.supervisor, runtime.coordinator.sent),
        store=runtime.store,
        metrics=Metrics(
            lambda: {n: r.breaker.state for n, r in runtime.supervisor.running.items()}
        ),
        forecaster=Forecaster(runtime.intake, runtime.coordinator, runtime.supervisor),
        history=lambda limit: runtime.intake.history(limit, runtime.coordinator.state),
        clock=_now,
        tokens=read_tokens(settings.token_file or settings.state_dir / "token"),
    )
    runner = web.AppRunner(ApiServer(parts).application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await site_of(runner, settings.address).start()
    except ValueError:
        await runner.cleanup()
        raise
    except OSError as error:
        await runner.cleanup()
        words = error.strerror or str(error)
        raise StartFailed(f"cannot listen on {settings.address}: {words}") from error
    if is_open_to_others(settings.address):
        log.warning(
            "%s can be reached from other machines, and tokens are sent there without TLS: "
            "listen on loopback, and put a server with TLS before it",
            settings.address,
        )
    try:
        yield
    finally:
        await runner.cleanup()


def _make_state_dir(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StartFailed(
            f"cannot use {path} as the state directory: {error.strerror or error}; "
            "name another one with --state"
        ) from error


def _fleet_name(url: str) -> str:
    """What a person calls the fleet: the last part of the repository's URL."""
    return url.rstrip("/").removesuffix(".git").replace(":", "/").rpartition("/")[2]


def _now() -> datetime:
    return datetime.now(UTC)


async def serve(settings: ServerSettings) -> None:
    """Run a server until SIGTERM or SIGINT, then shut down in order."""
    async with open_runtime(settings) as runtime:
        loop = asyncio.get_running_loop()
        work = loop.create_task(runtime.run(), name="runtime")
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, work.cancel)
        log.info("serving %s on %s", runtime.coordinator.picture.repository, settings.address)
        try:
            await work
        except asyncio.CancelledError:
            log.info("stopped")
        except BaseExceptionGroup as group:
            raise _first_of(group) from None


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What ended a task group, if it is expected and there is a sentence for it; else the group."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first if group.split(StoreError)[1] is None else group


PROGRESS_S = 2.0


async def converge(
    settings: ServerSettings,
    *,
    timeout_s: float,
    progress: Callable[[FleetView], None] = lambda _: None,
) -> tuple[FleetView, float]:
    """Run a server until it has settled; return the last view and the time.

    A time of `timeout_s` or more means that it did not come to that.  Every few seconds until then
    `progress` is shown the fleet.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with open_runtime(settings) as runtime:
        work = loop.create_task(runtime.run(), name="runtime")
        settled = loop.create_task(runtime.coordinator.settled.wait(), name="settled")
        done: set[asyncio.Task[Any]] = set()
        while not done and (left_s := started + timeout_s - loop.time()) > 0:
            done, _ = await asyncio.wait(
                [work, settled],
                timeout=min(left_s, PROGRESS_S),
                return_when=asyncio.FIRST_COMPLETED,
            )
            progress(runtime.publisher.snapshot(_now()))
        settled.cancel()
        if work in done:
            try:
                await work
            except BaseExceptionGroup as group:
                raise _first_of(group) from None
        seconds = loop.time() - started
        view = runtime.publisher.snapshot(_now())
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return view, seconds
