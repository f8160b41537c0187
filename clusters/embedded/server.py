"""HTTP: many clusters behind one port, each under `/clusters/NAME`.

Reads requests from sockets, finds the cluster, lets its faults strike, writes answers and watch
streams.  What is answered is decided in `api`; the paths under `/clusters/NAME/flotilla` steer
the cluster itself and are in `steering`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from clusters.embedded import api, steering
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.decoding import BODY_BYTES_MAX
from clusters.embedded.exchange import PAGE_NOT_FOUND, Answer, Call, refusal
from clusters.embedded.faults import Fate
from clusters.embedded.requests import is_true, parse_query
from clusters.embedded.status import internal_error, request_too_large
from clusters.embedded.watching import BOOKMARK_INTERVAL_S, Watch

_log = logging.getLogger(__name__)


def make_request(*parts: Any) -> web.BaseRequest:
    """Make a request that reads bodies up to our limit; a factory for `aiohttp.web.Server`."""
    message, payload, protocol, writer, task = parts
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=BODY_BYTES_MAX
    )


class Server:
    """Serves clusters over HTTP; `find` gives the cluster of a name."""

    def __init__(self, find: Callable[[str], EmbeddedCluster | None]) -> None:
        self._find = find

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        raw_path, _, raw_query = request.raw_path.partition("?")
        parts = [part for part in raw_path.split("/") if part]
        if "%" in raw_path:
            parts = [unquote(part) for part in parts]
        cluster = self._find(parts[1]) if len(parts) > 1 and parts[0] == "clusters" else None
        if cluster is None:
            return _response(PAGE_NOT_FOUND)
        body = await _body(request)
        if body is None:
            return _response(refusal(request_too_large(f"limit is {BODY_BYTES_MAX}")))
        call = Call(
            method=request.method,
            parts=parts[2:],
            query=parse_query(raw_query),
            headers=request.headers,
            body=body,
        )
        if call.parts[:1] == ["flotilla"]:
            return _response(steering.answer(cluster, call))
        return await self._answer(request, cluster, call)

    async def _answer(
        self, request: web.BaseRequest, cluster: EmbeddedCluster, call: Call
    ) -> web.StreamResponse:
        cluster.received += 1
        resumes = is_true(call.query, "watch") and call.query.get("resourceVersion", "0") != "0"
        verdict = cluster.trouble.verdict(call.parts, resumes_watch=resumes)
        if verdict.delay_s:
            await asyncio.sleep(verdict.delay_s)
        if verdict.fate is Fate.HANG:
            await cluster.until_unhung()
        if verdict.fate is Fate.DROP:
            return _cut(request)
        if verdict.answer is not None:
            return _response(verdict.answer)
        try:
            answered = api.answer(cluster, call)
        except Exception:
            _log.exception("%s %s failed", request.method, request.raw_path)
            return _response(refusal(internal_error("see the server's log")))
        if isinstance(answered, Answer):
            return _response(answered)
        cluster.watches.add(answered)
        try:
            return await _stream(request, answered, cluster.trouble.faults.watch_cut_s)
        finally:
            cluster.watches.discard(answered)


async def _body(request: web.BaseRequest) -> bytes | None:
    """Read the body; None if it is larger than is read."""
    if not request.body_exists:
        return b""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None


def _response(answer: Answer) -> web.Response:
    response = web.Response(
        status=answer.status,
        body=answer.body,
        headers={"Content-Type": answer.content_type, **answer.headers},
    )
    for warning in answer.warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """Close the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


async def _stream(request: web.BaseRequest, watch: Watch, cut_after_s: float) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    begun = time.monotonic()
    end = begun + watch.options.timeout_s
    cut = begun + cut_after_s if cut_after_s else float("inf")
    try:
        await response.prepare(request)
        if watch.ended:
            await response.write(await watch.lines(0))
        while not watch.ended and (left_s := min(end, cut) - time.monotonic()) > 0:
            told = await watch.lines(min(left_s, BOOKMARK_INTERVAL_S))
            if not told and watch.options.bookmarks and not watch.ended:
                told = watch.bookmark()
            if told:
                await response.write(told)
        if watch.cut or time.monotonic() >= cut:
            return _cut(request)
        await response.write_eof()
    except ConnectionError:
        return response
    finally:
        watch.stop()
    return response
