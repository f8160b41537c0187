"""Requests to one API server: one session, bounded in flight, errors as ours.

The one place that turns aiohttp's failures and HTTP statuses into `ClusterError`s.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic
from typing import NamedTuple
from urllib.parse import urlencode

import aiohttp
from aiohttp.client import _RequestContextManager
from yarl import URL

from clusters.client.answers import error_of
from clusters.client.breaker import Breaker, Circuit
from clusters.client.limits import InFlightLimit
from clusters.client.shared import SharedLimits
from clusters.errors import (
    CircuitOpen,
    ClusterError,
    CredentialsError,
    SilentWatch,
    Throttled,
    Unreachable,
)
from clusters.model import ObjectRef

REQUEST_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
MAX_BODY_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an API server is and how it is talked to.  Holds credentials: never printed."""

    server: str = field(repr=True)
    """URL without trailing slash; may have a path."""
    headers: Callable[[bool], Awaitable[Mapping[str, str]]] = field(repr=False)
    """Gives the authorisation headers; called with True when the last ones were refused."""
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    tls_server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


class Transport:
    """Sends requests to one endpoint.  Use as an async context manager.

    Args:
        endpoint: where to, and who asks.
        limit: how much is in flight to it.
        breaker: whether it is asked at all; outlives this connection.
        shared: what it has in common with the other clusters of the process.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        limit: InFlightLimit | None = None,
        breaker: Breaker | None = None,
        shared: SharedLimits | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._base = str(URL(endpoint.server))
        self._limit = limit or InFlightLimit()
        self._breaker = breaker or Breaker()
        self._shared = shared or SharedLimits()
        self.watch_lists = False
        """Whether the server streams what there is when a watch begins, as far as is known."""
        self._renewing = asyncio.Lock()
        self._renewals = 0
        self._unproven = False
        """Whether the credentials were renewed and nothing was accepted since."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Transport:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._endpoint.tls or True),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def send(  # noqa: PLR0913 - one for each part of a request
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        ref: ObjectRef | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
        check: Callable[[], None] | None = None,
    ) -> Reply:
        """Send one request and read its whole answer.

        Args:
            method: of HTTP.
            path: of the request.
            params: its query.
            body: what is sent.
            headers: beside those of the endpoint.
            ref: the object that it is about, if it is about one.
            timeout_s: for the whole answer, once it is sent.
            check: asked when its turn has come, however long that took; sends nothing if it raises.

        Raises:
            ClusterError: whatever is not a 2xx answer of an API server.
        """
        call = _Call(method, _target(path, params), body, headers)
        async with self._limit, self._shared.requests.place():
            if check is not None:
                check()
            breaker = self._breaker
            if breaker.state is not Circuit.CLOSED:
                breaker.admit()
            try:
                reply = await self._answered(call, ref, timeout_s)
            except ClusterError as error:
                breaker.failed(error)
                raise
            except BaseException:
                breaker.abandoned()
                raise
        if 200 <= reply.status < 300 and _is_json(reply):
            self._limit.faster()
            self._unproven = False
            if breaker.failures:
                breaker.succeeded()
            return reply
        problem = error_of(reply.status, reply.headers, reply.body, ref)
        breaker.failed(problem)
        if isinstance(problem, Throttled):
            self._limit.slower()
            self._limit.hold(problem.retry_after_s or 0.0)
        raise problem

    def listing(self) -> AbstractAsyncContextManager[None]:
        """Hold the right to read a whole list: few at once in the process, for they are large."""
        return self._shared.lists.place()

    async def _answered(self, call: _Call, ref: ObjectRef | None, timeout_s: float) -> Reply:
        began = monotonic()
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._authorised(call)
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable(_no_connection(), ref=ref) from error
        except TimeoutError as error:
            self._limit.slower()
            raise Unreachable(f"no answer within {timeout_s:g} s", ref=ref) from error
        except aiohttp.ClientError as error:
            raise Unreachable(network_words(error), ref=ref) from error
        if ref is not None:  # lists take as long as they are large
            self._limit.took(monotonic() - began)
        return reply

    async def _authorised(self, call: _Call) -> Reply:
        """Send; where the credentials are refused, renew them, once until something is accepted."""
        renewals = self._renewals
        reply = await self._exchange(call)
        if reply.status != 401 or (renewals == self._renewals and self._unproven):
            return reply
        async with self._renewing:
            if renewals == self._renewals:
                await self._endpoint.headers(True)
                self._renewals, self._unproven = self._renewals + 1, True
        return await self._exchange(call)

    @asynccontextmanager
    async def stream(
        self, path: str, *, params: Mapping[str, str], headers: Mapping[str, str], silence_s: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open a request whose answer does not end: a watch.  It takes no slot.

        Args:
            path: path of the request.
            params: its query.
            headers: beside those of the endpoint.
            silence_s: without a byte for so long, the connection counts as lost.

        Raises:
            ClusterError: as `send`; while reading, `Unreachable` when the connection breaks.
        """
        if self._breaker.state is not Circuit.CLOSED:
            raise CircuitOpen("watches wait", retry_after_s=self._breaker.wait_s)
        call = _Call("GET", _target(path, params), None, headers)
        try:
            async with await self._open(call, silence_s=silence_s) as response:
                if response.status != 200:
                    answer = await response.read()
                    raise error_of(response.status, response.headers, answer, None)
                yield response.content
        except aiohttp.ConnectionTimeoutError as error:
            raise Unreachable(_no_connection()) from error
        except TimeoutError as error:
            raise SilentWatch(f"watch silent for {silence_s:g} s") from error
        except aiohttp.ClientError as error:
            raise Unreachable(network_words(error)) from error

    async def _exchange(self, call: _Call) -> Reply:
        async with await self._open(call) as response:
            if (response.content_length or 0) > MAX_BODY_BYTES:
                raise Unreachable(f"its answer of {response.content_length} bytes is too large")
            return Reply(response.status, await response.read(), response.headers)

    async def _open(self, call: _Call, *, silence_s: float | None = None) -> _RequestContextManager:
        if self._session is None:
            raise CredentialsError("the connection is not open")
        headers = dict(await self._endpoint.headers(False))
        if call.headers:
            headers.update(call.headers)
        return self._session.request(
            call.method,
            URL(self._base + call.target, encoded=True),
            data=call.body,
            headers=headers,
            proxy=self._endpoint.proxy,
            server_hostname=self._endpoint.tls_server_name,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=CONNECT_TIMEOUT_S, sock_read=silence_s
            ),
        )


class _Call(NamedTuple):
    method: str
    target: str
    """Path and query, encoded."""
    body: bytes | None
    headers: Mapping[str, str] | None


def _target(path: str, params: Mapping[str, str] | None) -> str:
    return f"{path}?{_query(tuple(params.items()))}" if params else path


@lru_cache(maxsize=256)
def _query(params: tuple[tuple[str, str], ...]) -> str:
    return urlencode(params)


def _os_words(error: OSError) -> str:
    """The system's own words: asyncio puts `Connect call failed (…)` in their place."""
    if error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno)
    return error.strerror or str(error) or "no connection"


def _is_json(reply: Reply) -> bool:
    return reply.headers.get("Content-Type", "").startswith("application/json")


def _no_connection() -> str:
    return f"no connection within {CONNECT_TIMEOUT_S:g} s"


def network_words(error: aiohttp.ClientError) -> str:
    """What a failure of the network comes to, for a person."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its TLS certificate is not trusted ({error.certificate_error})"
        case aiohttp.ClientConnectorError():
            reason = _os_words(error.os_error)
            return f"cannot connect to {error.host}:{error.port}: {reason}"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection without an answer"
        case _:
            return f"the connection failed ({type(error).__name__})"
