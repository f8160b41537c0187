"""The HTTP API: snapshot, stream of changes, details, commands.  The TUI and the CLI are clients.

Over the unix socket, whoever may open it is trusted (file permissions) and says who they are; over
TCP a bearer token says so.  Answers are JSON; errors are {"error", "hint"}.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from aiohttp import web

from clusters.errors import ClusterError
from clusters.model import ObjectRef
from fleet.api.metrics import Metrics
from fleet.control.coordinator import Coordinator
from fleet.control.details import Details, NotThere
from fleet.control.forecast import Forecaster
from fleet.control.inbox import CommandAsked
from fleet.presenting.history import history_of
from fleet.presenting.narrating import event_view
from fleet.presenting.publisher import Publisher
from fleet.presenting.why import why
from fleet.source.errors import SourceError
from fleet.state.facts import SYSTEM, RolloutEvent, from_row
from fleet.store.store import Store
from fleet.view import CommandRequest, CommandResult, CommitView, EventView

log = logging.getLogger(__name__)

HEARTBEAT_S = 5.0
DEAF_AFTER_S = 60.0
"""A stream is ended whose reader takes nothing for so long; it can take it up again."""
COMMAND_TIMEOUT_S = 30.0
BODY_MAX_BYTES = 1024 * 1024
ACTOR_MAX = 200
_OPEN_PATHS = ("/healthz", "/readyz", "/metrics")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the API serves."""

    coordinator: Coordinator
    publisher: Publisher
    details: Details
    store: Store
    metrics: Metrics
    forecaster: Forecaster
    history: Callable[[int], Awaitable[list[CommitView]]]
    clock: Callable[[], datetime]
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Name to bearer token; needed over TCP only."""


class ApiServer:
    """Routes of the API."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._following: set[asyncio.Task[Any]] = set()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._guard], client_max_size=BODY_MAX_BYTES)
        app.on_shutdown.append(self._let_go)
        app.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/v1/snapshot", self._snapshot),
                web.get("/v1/events", self._events),
                web.get("/v1/clusters/{cluster}/objects", self._objects),
                web.get("/v1/clusters/{cluster}/object", self._object),
                web.get("/v1/history", self._history),
                web.get("/v1/rollouts", self._rollouts),
                web.get("/v1/audit", self._audit),
                web.get("/v1/why", self._why),
                web.get("/v1/plan", self._plan),
                web.post("/v1/commands", self._commands),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._actor(request)
            return await handler(request)
        except NotThere as error:
            return _error(404, str(error))
        except LookupError as error:
            return _error(404, str(error.args[0]) if error.args else "not found")
        except ClusterError as error:
            return _error(502, f"the cluster says: {error}")
        except SourceError as error:
            return _error(422, str(error))
        except web.HTTPException as error:
            if error.status == 401:
                return _error(401, "a bearer token is needed", "set FLOTILLA_TOKEN or --token-file")
            return _error(error.status, error.reason)

    def _actor(self, request: web.Request) -> str:
        """Who asks.

        Raises:
            HTTPUnauthorized: over TCP without a known token.
        """
        transport = request.transport
        local = transport is not None and isinstance(transport.get_extra_info("sockname"), str)
        if local or request.path in _OPEN_PATHS:
            return ""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        # Bytes that are no text come as lone surrogates, which can be written back but not encoded.
        known = given.encode(errors="surrogateescape")
        for name, token in self._parts.tokens.items():
            if hmac.compare_digest(known, token.encode()):
                return name
        raise web.HTTPUnauthorized

    async def _healthz(self, _: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _readyz(self, _: web.Request) -> web.Response:
        ready = self._parts.coordinator.state.commit is not None
        return _json({"ready": ready}, status=200 if ready else 503)

    async def _metrics(self, _: web.Request) -> web.Response:
        body, kind = self._parts.metrics.render(self._parts.coordinator.picture)
        return web.Response(body=body, headers={"Content-Type": kind})

    async def _snapshot(self, _: web.Request) -> web.Response:
        return _json(self._parts.publisher.snapshot(self._parts.clock()))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        cursor = request.headers.get("Last-Event-ID") or request.query.get("cursor", "")
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        task = asyncio.current_task()
        assert task is not None, "aiohttp runs handlers in tasks"
        self._following.add(task)
        # Who follows leaves when it likes, and is noticed when something is said to it.
        try:
            with suppress(ConnectionResetError):
                await response.prepare(request)
                await self._follow(response, cursor)
        except TimeoutError:
            # Who reads nothing any more keeps what was said to them in our memory.
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._following.discard(task)
        return response

    async def _let_go(self, _: web.Application) -> None:
        """End the streams, which have no end of their own, so that a shutdown waits for nobody."""
        for task in self._following:
            task.cancel()

    async def _follow(self, response: web.StreamResponse, cursor: str) -> None:
        """Tell what changes from `cursor` on, until that is not known any more.

        Raises:
            ConnectionResetError: nobody listens any more.
            TimeoutError: somebody does, and reads nothing.
        """
        feed = self._parts.publisher.feed
        clock = asyncio.get_running_loop().time
        beat_at = clock() + HEARTBEAT_S
        while True:
            found = feed.after(cursor)
            if found is None:
                await _say(response, b"event: reset\ndata: {}\n\n")
                return
            changes, cursor = found
            if changes:
                data = msgspec.json.encode(changes)
                await _say(
                    response, b"id: %s\nevent: change\ndata: %s\n\n" % (cursor.encode(), data)
                )
            if clock() >= beat_at:
                await _say(response, b"event: heartbeat\ndata: {}\n\n")
                beat_at = clock() + HEARTBEAT_S
            if feed.cursor == cursor:  # nothing came while we wrote
                await feed.wait(max(0.0, beat_at - clock()))

    async def _objects(self, request: web.Request) -> web.Response:
        return _json(self._parts.details.objects(request.match_info["cluster"]))

    async def _object(self, request: web.Request) -> web.Response:
        query = request.query
        ref = ObjectRef(
            query.get("group", ""),
            query.get("kind", ""),
            query.get("namespace", ""),
            query.get("name", ""),
        )
        return _json(await self._parts.details.object(request.match_info["cluster"], ref))

    async def _history(self, request: web.Request) -> web.Response:
        return _json(await self._parts.history(_number(request, "limit", 50, most=1000)))

    async def _rollouts(self, request: web.Request) -> web.Response:
        """What ran where and when: read from the log, so that nothing is too old."""
        bundle, until = request.query.get("bundle", ""), self._parts.clock()
        found: list[RolloutEvent] = []
        after = 0
        while rows := await self._parts.store.read(
            after=after, kinds=("RolloutEvent",), bundle=bundle or None
        ):
            facts = (from_row(row.kind, row.at, row.actor, row.data) for row in rows)
            found += [fact for fact in facts if isinstance(fact, RolloutEvent)]
            after = rows[-1].seq
        days = _number(request, "days", 30, most=3650)
        since = until - timedelta(days=max(1, days))
        # Thousands of events are read back: not in the loop that answers everybody.
        told = await asyncio.to_thread(history_of, found, bundle=bundle, since=since, until=until)
        return _json(told)

    async def _audit(self, request: web.Request) -> web.Response:
        rows = await self._parts.store.read(
            after=_number(request, "after", 0),
            limit=_number(request, "limit", 200, most=5000),
            cluster=request.query.get("cluster") or None,
            bundle=request.query.get("bundle") or None,
            newest="after" not in request.query,
        )
        views: list[EventView] = [
            event_view(row.seq, from_row(row.kind, row.at, row.actor, row.data)) for row in rows
        ]
        return _json(views)

    async def _why(self, request: web.Request) -> web.Response:
        target = request.query.get("target", "fleet")
        return _json(why(self._parts.coordinator.picture, target))

    async def _plan(self, request: web.Request) -> web.Response:
        query = request.query
        found = await self._parts.forecaster.forecast(
            query.get("revision", "HEAD"), bundle=query.get("bundle", "")
        )
        return _json(found)

    async def _commands(self, request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=CommandRequest)
            actor = self._actor(request) or _local_actor(asked.actor)
            key = _own_key(request.headers.get("Idempotency-Key", ""), actor, asked)
        except (msgspec.MsgspecError, RecursionError, _NoName) as error:
            return _json(CommandResult(accepted=False, message=f"no command: {error}"), status=422)
        answer: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
        await self._parts.coordinator.inbox.post(
            CommandAsked(
                request=asked,
                actor=actor,
                key=key,
                answer=answer,
            )
        )
        async with asyncio.timeout(COMMAND_TIMEOUT_S):
            result = await answer
        return _json(result, status=200 if result.accepted else 422)


async def _say(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(DEAF_AFTER_S):
        await response.write(data)


class _NoName(ValueError):
    """Nobody may be called so."""


def _local_actor(name: str) -> str:
    """Who asks over the local socket, by their own word.

    Raises:
        _NoName: it is no name, or the server's own.
    """
    if not name.isprintable() or len(name) > ACTOR_MAX:
        raise _NoName(f"an actor is a name of up to {ACTOR_MAX} printable characters")
    if name == SYSTEM:
        raise _NoName(f"{SYSTEM} is what the server calls itself; say who you are")
    return name or "local"


def _own_key(given: str, actor: str, asked: CommandRequest) -> str:
    """The idempotency key of one request of one person; empty: none was given.

    Another person's key, or a key used for something else, must never be answered with what
    became of the first command.
    """
    if not given:
        return ""
    words = (given.encode(errors="surrogateescape"), actor.encode(), msgspec.json.encode(asked))
    return blake2b(b"\0".join(words), digest_size=32).hexdigest()


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json"
    )


def _error(status: int, message: str, hint: str = "") -> web.Response:
    return _json({"error": message, "hint": hint}, status=status)


def _number(request: web.Request, name: str, default: int, *, most: int = 2**63 - 1) -> int:
    try:
        number = int(request.query[name])
    except (KeyError, ValueError):
        return default
    return max(0, min(number, most))
