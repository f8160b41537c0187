"""Lists and watches: everything is told, whatever breaks in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import orjson
import pytest
from aiohttp import web

from clusters.client import stream
from clusters.client.discovery import Resource
from clusters.client.stream import Changed, Interrupted, Observation, Removed, Synced, observe
from clusters.client.transport import Transport
from clusters.errors import UnknownKind, Unreachable
from tests.fakes.http_server import HttpServer, cut, html, json, serving, status

CONFIGS = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True)


def item(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "d", "resourceVersion": str(version)}}


def page(items: Sequence[dict[str, Any]], version: int, more: str = "") -> web.Response:
    return json({"metadata": {"resourceVersion": str(version), "continue": more}, "items": items})


def line(kind: str, content: dict[str, Any]) -> bytes:
    return orjson.dumps({"type": kind, "object": content}) + b"\n"


def bookmark(version: int) -> bytes:
    return line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})


class Script:
    """Answers lists and watches from two scripts, and then hangs."""

    def __init__(self, lists: Sequence[Any], watches: Sequence[Any] = ()) -> None:
        self.lists, self.watches = list(lists), list(watches)
        self.asked: list[str] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        query = request.query
        watching = query.get("watch") == "true"
        self.asked.append(
            f"watch {query.get('resourceVersion') or 'from the start'}"
            if watching
            else f"list {query.get('limit', 'all')} {query.get('continue', '')}".strip()
        )
        script = self.watches if watching else self.lists
        step = script.pop(0) if script else [None]
        if not isinstance(step, list):
            return step() if callable(step) else step  # type: ignore[no-any-return]
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in step:
            if chunk is None:
                await asyncio.sleep(30)
            elif chunk == b"cut":
                return await cut(request)
            else:
                await response.write(chunk)
                await asyncio.sleep(0.005)
        await response.write_eof()
        return response


async def told(
    script: Script, count: int, *, metadata_only: bool = False, watch_lists: bool = False
) -> list[str]:
    """The first `count` observations, in short."""
    async with (
        serving(script.handle) as server,
        Transport(server.endpoint()) as transport,
        asyncio.timeout(60),
        aclosing(_observed(server, transport, metadata_only)) as observations,
    ):
        found: list[str] = []
        transport.watch_lists = watch_lists
        async for observation in observations:
            found.append(short(observation))
            if len(found) == count:
                break
        return found


def _observed(
    server: HttpServer, transport: Transport, metadata_only: bool
) -> AsyncIterator[Observation]:
    return observe(transport, CONFIGS, selector="a=b", metadata_only=metadata_only)


def short(observation: Observation) -> str:
    match observation:
        case Synced(objects, version, rewound):
            names = ",".join(seen.metadata.name for seen in objects)
            return f"all {names} at {version}{' rewound' if rewound else ''}"
        case Changed(seen):
            return f"+{seen.metadata.name} {seen.metadata.resource_version}"
        case Removed(seen):
            return f"-{seen.metadata.name} {seen.metadata.resource_version}"
        case Interrupted(error, blind):
            return f"! {type(error).__name__}{' blind' if blind else ''}"


async def test_pages_make_one_whole() -> None:
    script = Script([page([item("a", 1)], 7, "next"), page([item("b", 2)], 7)])
    assert await told(script, 1) == ["all a,b at 7"]
    assert script.asked[:2] == ["list 500", "list 500 next"]


async def test_a_list_that_expires_half_way_is_read_anew_in_one_piece() -> None:
    expired = status(410, "Expired", "the continue token is too old")
    script = Script([page([item("a", 1)], 7, "next"), expired, page([item("b", 2)], 9)])
    assert await told(script, 1) == ["all b at 9"]
    assert script.asked[:3] == ["list 500", "list 500 next", "list all"]


async def test_changes_and_a_line_in_pieces() -> None:
    whole = line("MODIFIED", item("b", 9))
    script = Script(
        [page([], 7)],
        [
            [
                line("ADDED", item("a", 8)) + whole[:20],
                whole[20:30],
                whole[30:] + line("DELETED", item("a", 10)),
                None,
            ]
        ],
    )
    assert await told(script, 4) == ["all  at 7", "+a 8", "+b 9", "-a 10"]


async def test_resumes_where_it_ended_bookmarks_included() -> None:
    script = Script([page([], 7)], [[line("ADDED", item("a", 8)), bookmark(30)], [None]])
    assert await told(script, 2) == ["all  at 7", "+a 8"]
    script = Script(
        [page([], 7)], [[line("ADDED", item("a", 8)), bookmark(30)], [line("ADDED", item("b", 31))]]
    )
    assert await told(script, 3) == ["all  at 7", "+a 8", "+b 31"]
    assert script.asked == ["list 500", "watch 7", "watch 30"]


async def test_nothing_is_lost_when_the_connection_breaks_in_a_line() -> None:
    whole = line("ADDED", item("b", 9))
    script = Script(
        [page([], 7)], [[line("ADDED", item("a", 8)), whole[:25], b"cut"], [whole, None]]
    )
    assert await told(script, 4) == ["all  at 7", "+a 8", "! Unreachable", "+b 9"]
    assert script.asked == ["list 500", "watch 7", "watch 8"]


GONE_LINE = line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})


@pytest.mark.parametrize("gone", [status(410, "Expired"), [GONE_LINE]], ids=["answer", "line"])
async def test_an_expired_version_lists_again(gone: Any) -> None:
    """A watch that kept its expired version waited for ever, or missed the deletions in between
    (kr8s, Fleet, Config Sync)."""
    script = Script([page([item("a", 1)], 7), page([item("b", 8)], 9)], [gone, [None]])
    assert await told(script, 2) == ["all a at 7", "all b at 9"]
    assert script.asked == ["list 500", "watch 7", "list 500"]


async def test_any_other_error_in_a_watch_lists_again() -> None:
    broken = [line("ERROR", {"kind": "Status", "code": 500, "message": "etcd"})]
    script = Script([page([], 7), page([], 9)], [broken, [None]])
    assert await told(script, 3) == ["all  at 7", "! ServerFault", "all  at 9"]


async def test_a_history_that_went_back_is_noticed() -> None:
    """A backup was restored: versions begin below those that are known."""
    script = Script(
        [page([item("a", 90)], 100), page([item("a", 3)], 4)],
        [[line("MODIFIED", item("a", 3)), None], [None]],
    )
    assert await told(script, 2) == ["all a at 100", "all a at 4 rewound"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: status(403, "Forbidden"), "Forbidden"),
        (lambda: status(500), "ServerFault"),
        (lambda: html(), "Unreachable"),
        (lambda: json({"nothing": "known"}), "Unreachable"),
        (lambda: json([1, 2]), "Unreachable"),
    ],
)
async def test_trouble_is_told_and_tried_again(answer: Any, error: str) -> None:
    script = Script([answer, page([], 7)])
    assert await told(script, 2) == [f"! {error}", "all  at 7"]


@pytest.mark.parametrize("garbage", [b"words\n", b'{"type":"ADDED"}\n', b"[]\n", b"\xff\xfe\n"])
async def test_garbage_in_a_watch_is_trouble_not_a_crash(garbage: bytes) -> None:
    script = Script([page([], 7)], [[garbage], [line("ADDED", item("a", 8)), None]])
    assert await told(script, 3) == ["all  at 7", "! Unreachable", "+a 8"]


async def test_a_kind_that_is_gone_ends_it() -> None:
    for gone in (status(404, "NotFound"), web.Response(text="404 page not found\n", status=404)):
        script = Script([page([], 7)], [gone])
        with pytest.raises(UnknownKind):
            await told(script, 2)


async def _drained(transport: Transport) -> None:
    params = {"watch": "true", "resourceVersion": "1"}
    async with transport.stream("/x", params=params, headers={}, silence_s=0.1) as content:
        async for _ in content:
            pass


async def test_silence_is_a_lost_connection() -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await Script([], [[None]]).handle(request)

    async with serving(handle) as server, Transport(server.endpoint()) as transport:
        with pytest.raises(Unreachable) as raised:
            await _drained(transport)
    assert "silent for 0.1 s" in raised.value.message


async def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LINE_MAX_BYTES", 1000)
    script = Script([page([], 7), page([], 8)], [[b"x" * 600, b"x" * 600, None], [None]])
    assert await told(script, 3) == ["all  at 7", "! ServerFault", "all  at 8"]


async def test_metadata_alone_is_asked_for_where_it_is_enough() -> None:
    script = Script([page([], 7)], [[line("ADDED", item("a", 8)), None]])
    async with serving(script.handle) as server, Transport(server.endpoint()) as transport:
        async with aclosing(_observed(server, transport, True)) as observations:
            async for observation in observations:
                if isinstance(observation, Changed):
                    break
        accepts = [request.headers["Accept"] for request in server.seen]
        queries = [request.query for request in server.seen]
    assert "as=PartialObjectMetadataList" in accepts[0]
    assert "as=PartialObjectMetadata;" in accepts[1]
    assert all(query["labelSelector"] == "a=b" for query in queries)
    assert queries[1]["allowWatchBookmarks"] == "true"
    assert 300 <= int(queries[1]["timeoutSeconds"]) <= 600


def test_versions_are_compared_as_numbers() -> None:
    assert stream.newer("10", "9")
    assert not stream.newer("9", "10")
    assert not stream.newer("10", "")
    assert not stream.newer("x", "9")


def whole(version: int) -> bytes:
    """The bookmark that ends a streamed list."""
    content = {
        "resourceVersion": str(version),
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    return line("BOOKMARK", {"metadata": content})


async def test_a_list_is_streamed_where_the_server_can() -> None:
    script = Script(
        [],
        [
            [
                line("ADDED", item("b", 5)),
                line("ADDED", item("a", 3)),  # sorted by name or not: versions say nothing here
                whole(7),
                line("MODIFIED", item("a", 8)),
            ],
            [None],
        ],
    )
    found = await told(script, 2, watch_lists=True)
    assert found == ["all b,a at 7", "+a 8"]
    assert script.asked[0] == "watch from the start"
    assert not any("list" in asked for asked in script.asked)


async def test_a_streamed_list_that_breaks_is_nothing_known() -> None:
    script = Script(
        [],
        [
            [line("ADDED", item("a", 3)), b"cut"],
            [line("ADDED", item("b", 4)), whole(9), None],
        ],
    )
    assert await told(script, 2, watch_lists=True) == ["! Unreachable", "all b at 9"]


async def test_what_happens_while_a_list_is_streamed_is_in_it() -> None:
    """A change between the first object and the end of the list is never told again."""
    before = [line("ADDED", item(name, 3)) for name in "abc"]
    meanwhile = [
        line("MODIFIED", item("a", 5)),
        line("DELETED", item("b", 6)),
        line("ADDED", item("d", 7)),
    ]
    script = Script([], [[*before, *meanwhile, whole(7), None]])
    async with serving(script.handle) as server, Transport(server.endpoint()) as transport:
        transport.watch_lists = True
        async with asyncio.timeout(60), aclosing(_observed(server, transport, False)) as seen:
            synced = await anext(aiter(seen))
    assert isinstance(synced, Synced)
    versions = {one.metadata.name: one.metadata.resource_version for one in synced.objects}
    assert versions == {"a": "5", "c": "3", "d": "7"}


async def test_a_streamed_list_that_just_ends_is_said_and_got_around() -> None:
    script = Script([page([item("a", 1)], 7)], [[line("ADDED", item("a", 3))], [None]])
    assert await told(script, 1, watch_lists=True) == ["all a at 7"]


@pytest.mark.parametrize("code", [400, 422])
async def test_a_server_that_refuses_to_stream_is_listed(code: int) -> None:
    refusal = status(code, "Invalid", "sendInitialEvents is forbidden for watch")
    script = Script([page([item("a", 1)], 7)], [refusal, [line("ADDED", item("b", 8)), None]])
    assert await told(script, 2, watch_lists=True) == ["all a at 7", "+b 8"]
    assert script.asked[:3] == ["watch from the start", "list 500", "watch 7"]


async def test_a_proxy_that_swallows_the_stream_is_got_around(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "SILENCE_S", 0.1)
    script = Script([page([item("a", 1)], 7)], [[None], [None]])
    assert await told(script, 1, watch_lists=True) == ["all a at 7"]


async def test_gitops_engine_616_an_expired_version_is_streamed_anew() -> None:
    script = Script(
        [],
        [
            [line("ADDED", item("a", 3)), whole(7)],
            [line("ERROR", {"code": 410, "reason": "Expired"})],
            [whole(12), None],
        ],
    )
    assert await told(script, 2, watch_lists=True) == ["all a at 7", "all  at 12"]


def forbidden(times: int) -> list[web.Response]:
    return [status(403, "Forbidden", "may not") for _ in range(times)]


async def test_where_only_lists_are_allowed_it_is_listed_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What changed meanwhile was known to nobody."""
    monkeypatch.setattr(stream, "RELIST_S", 0.01)
    script = Script([page([item("a", 1)], 7), page([item("b", 9)], 9)], forbidden(2))
    found = await told(script, 4)
    assert found == ["all a at 7", "! Forbidden", "! Forbidden", "all b at 9"]
    assert script.asked[:3] == ["list 500", "watch 7", "watch 7"]


async def test_a_kind_that_tells_nothing_for_long_makes_blind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "RELIST_S", 0.01)
    monkeypatch.setattr(stream, "BLIND_S", 0.01)
    script = Script([page([], 7), *forbidden(1), page([], 9)], forbidden(2))
    found = await told(script, 5)
    assert found[:2] == ["all  at 7", "! Forbidden"]
    assert found[2:] == ["! Forbidden blind", "! Forbidden blind", "all  at 9"]
