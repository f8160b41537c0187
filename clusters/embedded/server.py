"""HTTP: many clusters behind one port, each under `/clusters/NAME`.

Reads requests from sockets, finds the cluster, writes answers and watch streams.  What is
answered is decided in `api`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web

from clusters.embedded import api
from clusters.embedded.exchange import PAGE_NOT_FOUND, Answer, refusal
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.requests import parse_query
from clusters.embedded.status import internal_error
from clusters.embedded.watching import BOOKMARK_INTERVAL_S, Watch

_log = logging.getLogger(__name__)


class Server:
    """Serves clusters over HTTP; `find` gives the cluster of a name."""

    def __init__(self, find: Callable[[str], EmbeddedCluster | None]) -> None:
        self._find = find

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        raw_path, _, raw_query = request.raw_path.partition("?")
        parts = [unquote(part) for part in raw_path.split("/") if part]
        cluster = self._find(parts[1]) if len(parts) > 1 and parts[0] == "clusters" else None
        if cluster is None:
            return _response(PAGE_NOT_FOUND)
        body = await request.read() if request.body_exists else b""
        call = api.Call(
            method=request.method,
            parts=parts[2:],
            query=parse_query(raw_query),
            headers=request.headers,
            body=body,
        )
        try:
            answered = api.answer(cluster, call)
        except Exception:
            _log.exception("%s %s failed", request.method, raw_path)
            return _response(refusal(internal_error("see the server's log")))
        if isinstance(answered, Answer):
            return _response(answered)
        cluster.watches.add(answered)
        try:
            return await _stream(request, answered)
        finally:
            cluster.watches.discard(answered)


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


async def _stream(request: web.BaseRequest, watch: Watch) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    end = time.monotonic() + watch.options.timeout_s
    try:
        await response.prepare(request)
        while not watch.ended and (left := end - time.monotonic()) > 0:
            told = await watch.lines(min(left, BOOKMARK_INTERVAL_S))
            if not told and watch.options.bookmarks:
                told = watch.bookmark()
            if told:
                await response.write(told)
        await response.write_eof()
    except (ConnectionError, asyncio.CancelledError):
        return response
    finally:
        watch.stop()
    return response
