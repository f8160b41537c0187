"""Watches: what a client is told of each write, by what it selects."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from clusters.embedded import watching
from clusters.embedded.kinds import CONFIG_MAPS
from clusters.embedded.selectors import selection_of
from clusters.embedded.status import ApiStatus
from clusters.embedded.storage import Storage
from clusters.embedded.watching import Watch, watch_options

KEY = CONFIG_MAPS.storage_key


def body(name: str, **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "ns", "labels": labels}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata}


def watch(storage: Storage, **query: str) -> Watch:
    options = watch_options(query, timeout_s=60)
    selection = selection_of(CONFIG_MAPS, "ns", query)
    made = Watch(storage, CONFIG_MAPS, selection, options, render=lambda stored: stored.raw)
    made.start()
    return made


async def told(of: Watch) -> list[tuple[str, str, str]]:
    lines = (await of.lines(0)).splitlines()
    events = [orjson.loads(line) for line in lines]
    return [
        (
            event["type"],
            event["object"]["metadata"].get("name", ""),
            event["object"]["metadata"]["resourceVersion"],
        )
        for event in events
    ]


async def test_an_object_that_leaves_the_selection_is_deleted_as_it_was() -> None:
    storage = Storage()
    seen = watch(storage, labelSelector="keep", resourceVersion="1")
    storage.put(KEY, "ns/a", body("a"))
    storage.put(KEY, "ns/a", body("a", keep="1"))
    storage.put(KEY, "ns/a", body("a", keep="2"))
    storage.put(KEY, "ns/a", body("a"))
    storage.remove(KEY, "ns/a", body("a"))
    lines = [orjson.loads(line) for line in (await seen.lines(0)).splitlines()]
    assert [line["type"] for line in lines] == ["ADDED", "MODIFIED", "DELETED"]
    gone = lines[-1]["object"]["metadata"]
    assert (gone["labels"], gone["resourceVersion"]) == ({"keep": "2"}, "5")


async def test_resuming_tells_all_that_was_missed_and_nothing_else() -> None:
    storage = Storage()
    storage.put(KEY, "ns/a", body("a"))
    since = storage.revision
    storage.put(KEY, "ns/b", body("b"))
    storage.put(KEY, "other/c", body("c"))
    storage.remove(KEY, "ns/a", body("a"))
    seen = watch(storage, resourceVersion=str(since))
    assert await told(seen) == [("ADDED", "b", "3"), ("DELETED", "a", "5")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}])
async def test_beginning_anew_tells_what_is_there(query: dict[str, str]) -> None:
    storage = Storage()
    storage.put(KEY, "ns/b", body("b"))
    storage.put(KEY, "ns/a", body("a"))
    assert [name for _, name, _ in await told(watch(storage, **query))] == ["a", "b"]


async def test_initial_events_end_with_a_bookmark() -> None:
    storage = Storage()
    storage.put(KEY, "ns/a", body("a"))
    seen = watch(
        storage,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    )
    lines = [orjson.loads(line) for line in (await seen.lines(0)).splitlines()]
    assert [line["type"] for line in lines] == ["ADDED", "BOOKMARK"]
    marked = lines[-1]["object"]["metadata"]
    assert marked["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert marked["resourceVersion"] == str(storage.revision)


async def test_a_past_that_is_gone_fails_the_stream() -> None:
    storage = Storage()
    storage.put(KEY, "ns/a", body("a"))
    storage.compact()
    seen = watch(storage, resourceVersion="1")
    assert seen.ended
    [line] = [orjson.loads(line) for line in (await seen.lines(0)).splitlines()]
    assert line["type"] == "ERROR"
    said = line["object"]
    assert (said["code"], said["reason"]) == (410, "Expired")
    assert said["message"] == "too old resource version: 1 (2)"


@pytest.mark.parametrize(
    "query",
    [
        {"sendInitialEvents": "true"},
        {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
        {"resourceVersionMatch": "NotOlderThan"},
    ],
)
def test_options_that_do_not_go_together(query: dict[str, str]) -> None:
    with pytest.raises(ApiStatus) as caught:
        watch_options(query, timeout_s=1)
    assert (caught.value.code, caught.value.reason) == (422, "Invalid")


async def test_waiting_ends_with_the_first_event() -> None:
    storage = Storage()
    seen = watch(storage, resourceVersion="1")
    waiting = asyncio.create_task(seen.lines(30))
    await asyncio.sleep(0)
    storage.put(KEY, "ns/a", body("a"))
    async with asyncio.timeout(60):
        assert b'"ADDED"' in await waiting


async def test_a_stopped_watch_is_told_nothing_more() -> None:
    storage = Storage()
    seen = watch(storage, resourceVersion="1")
    seen.stop()
    storage.put(KEY, "ns/a", body("a"))
    assert await seen.lines(0) == b""


async def test_a_client_too_far_behind_is_cut_off() -> None:
    storage = Storage()
    seen = watch(storage, resourceVersion="1")
    for number in range(watching.BACKLOG_LINES_MAX + 1):
        storage.put(KEY, "ns/a", body("a", n=str(number)))
    assert seen.ended
