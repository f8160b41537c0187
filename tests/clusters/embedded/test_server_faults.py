"""Faults over HTTP: what a client meets when a cluster misbehaves, and that it recovers."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from clusters.embedded.serve import EmbeddedClusters
from tests.clusters.embedded.client import Client, config_map

MAPS = "/api/v1/namespaces/default/configmaps"
FAULTS = "/flotilla/faults"


async def test_a_stopped_cluster_answers_nobody_and_comes_back(
    clusters: EmbeddedClusters, client: Client
) -> None:
    await client.create(MAPS, config_map("a"))
    clusters.set_faults("one", stopped=True)
    with pytest.raises(aiohttp.ClientError):
        await client.call("GET", f"{MAPS}/a")
    async with Client(clusters.url_of("two"), clusters.token) as other:
        assert (await other.call("GET", "/readyz")).status == 200
    clusters.set_faults("one")
    assert (await client.call("GET", f"{MAPS}/a")).status == 200


async def test_faults_are_set_over_http_too(client: Client) -> None:
    reply = await client.call("PUT", FAULTS, {"throttle_rate": 1, "retry_after_s": 3})
    assert reply.body["throttle_rate"] == 1.0
    refused = await client.call("GET", MAPS)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "3")
    await client.call("PATCH", FAULTS, {"throttle_rate": 0, "expired_token": True})
    assert (await client.call("GET", MAPS)).status == 401
    assert (await client.get(FAULTS))["retry_after_s"] == 3
    await client.call("DELETE", FAULTS)
    assert (await client.call("GET", MAPS)).status == 200


async def test_steering_needs_the_token_and_known_faults(
    clusters: EmbeddedClusters, client: Client
) -> None:
    refused = await client.call("PUT", FAULTS, {"gremlins": 1})
    assert refused.status == 400
    assert "no fault 'gremlins'" in refused.body["message"]
    async with Client(clusters.url_of("one"), "wrong") as stranger:
        assert (await stranger.call("GET", FAULTS)).status == 401


async def test_a_hanging_cluster_hangs_until_it_is_cured(
    clusters: EmbeddedClusters, client: Client
) -> None:
    clusters.set_faults("one", hang=True)
    waiting = asyncio.create_task(client.call("GET", MAPS))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    clusters.set_faults("one")
    assert (await waiting).status == 200


async def test_a_sign_in_page_is_no_api(clusters: EmbeddedClusters, client: Client) -> None:
    clusters.set_faults("one", html=True)
    reply = await client.call("GET", MAPS)
    assert reply.headers["Content-Type"].startswith("text/html")


async def test_open_watches_are_cut_on_request(client: Client) -> None:
    async with client.watch(MAPS, resourceVersion="1") as events:
        await events.take(1)
        await client.call("POST", "/flotilla/cut-watches")
        with pytest.raises(aiohttp.ClientError):
            await events.end()


async def test_watches_are_cut_after_their_time(clusters: EmbeddedClusters, client: Client) -> None:
    clusters.set_faults("one", watch_cut_s=0.05)
    async with client.watch(MAPS, resourceVersion="1") as events:
        with pytest.raises(aiohttp.ClientError):
            await events.end()


async def test_compacted_history_is_gone_for_those_who_resume(client: Client) -> None:
    made = await client.create(MAPS, config_map("a"))
    await client.merge(f"{MAPS}/a", {"data": {"x": "1"}})
    await client.call("POST", "/flotilla/compact")
    since = made["metadata"]["resourceVersion"]
    async with client.watch(MAPS, resourceVersion=since) as events:
        event = await events.next()
        assert event is not None
        assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
        await events.end()


async def test_a_wiped_cluster_begins_anew(client: Client) -> None:
    await client.create(MAPS, config_map("a"))
    before = await client.get("/api/v1/namespaces/kube-system")
    await client.call("POST", "/flotilla/wipe")
    assert (await client.call("GET", f"{MAPS}/a")).status == 404
    after = await client.get("/api/v1/namespaces/kube-system")
    assert before["metadata"]["uid"] != after["metadata"]["uid"]


async def test_requests_are_counted_by_verb(clusters: EmbeddedClusters, client: Client) -> None:
    await client.create(MAPS, config_map("a"))
    await client.get(MAPS)
    assert await client.get("/flotilla/requests") == {"create": 1, "list": 1}
    await client.call("DELETE", "/flotilla/requests")
    assert clusters.request_counts("one") == {}
