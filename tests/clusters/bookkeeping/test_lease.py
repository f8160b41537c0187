"""Who may write to a cluster: the rules, and the lease on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from clusters.bookkeeping.lease import (
    Held,
    LeaseTerms,
    Writer,
    WriteRight,
    obstacle,
    read_spec,
    spec_of,
)
from clusters.bookkeeping.lease_keeper import LeaseKeeper
from clusters.client.api import ClusterApi
from clusters.client.transport import Endpoint, Transport
from clusters.embedded.serve import EmbeddedClusters
from clusters.errors import Fenced
from clusters.model import ClusterName
from tests.fakes.engine import config_map, manifest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ONE = ClusterName("one")
ADA = Writer(host="ops-1", server="aaaa", start=3, process="11")
BEN = Writer(host="ops-2", server="bbbb", start=9, process="22")
LEASES = "/apis/coordination.k8s.io/v1/namespaces/flotilla-system/leases"


def held(writer: Writer, *, ago_s: float = 0.0, cluster: ClusterName = ONE) -> Held:
    return Held(
        identity=writer.identity(cluster),
        generation=4,
        renewed_at=NOW - timedelta(seconds=ago_s),
        duration_s=90,
    )


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (Held(), ""),
        (held(ADA), ""),
        (held(BEN), "the server on ops-2 writes to this cluster (generation 4)"),
        (held(BEN, ago_s=89), "the right is free 90 s after its last sign of life"),
        (held(BEN, ago_s=90), ""),
        (replace(held(BEN), identity=""), ""),
        (held(replace(ADA, start=2, process="00")), ""),
        (held(replace(ADA, start=4, process="33")), "the server on ops-1 writes to this cluster"),
        (held(replace(ADA, process="44")), "the server on ops-1 writes to this cluster"),
        (held(ADA, cluster=ClusterName("two")), "the cluster that is called two as well"),
        (replace(held(BEN), identity="argocd"), "argocd writes to this cluster"),
    ],
    ids=[
        "nobody's", "ours", "another's", "another's, silent", "another's, run out", "released",
        "predecessor", "successor", "copy of the database", "two names", "a stranger's",
    ],
)  # fmt: skip
def test_who_may_take_the_right(known: Held, words: str) -> None:
    problem = obstacle(known, ADA, ONE, NOW)
    if words:
        assert problem is not None
        assert words in problem.message
        assert 0 < (problem.retry_after_s or 0) <= 15
    else:
        assert problem is None


def test_what_is_written_is_read_back_and_nonsense_is_nobodys() -> None:
    assert read_spec(spec_of(held(ADA))) == held(ADA)
    odd: dict[str, Any] = {"renewTime": "yesterday", "leaseTransitions": "x", "holderIdentity": "y"}
    assert read_spec(odd) == Held(identity="y")
    assert obstacle(read_spec(odd), ADA, ONE, NOW) is None


class Clock:
    """One time for all servers, as far as a test lets it pass."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)

    def awake_s(self) -> float:
        return self.passed_s


@asynccontextmanager
async def keepers(*writers: Writer) -> AsyncIterator[tuple[Clock, list[LeaseKeeper], Any]]:
    """The servers `writers`, each with a connection of its own to one cluster."""
    clock = Clock()
    async with EmbeddedClusters([ONE]) as clusters, aiohttp.ClientSession() as http:

        async def headers(renew: bool) -> dict[str, str]:
            del renew
            return {"Authorization": f"Bearer {clusters.token}"}

        async def lease(body: Any = None) -> Any:
            url = f"{clusters.url_of(ONE)}{LEASES}/flotilla-writer.test"
            async with http.request(
                "PATCH" if body else "GET",
                url,
                json=body,
                headers={
                    **await headers(False),
                    "Content-Type": "application/merge-patch+json",
                },
            ) as answer:
                return await answer.json()

        endpoint = Endpoint(server=clusters.url_of(ONE), headers=headers)
        transports = [Transport(endpoint) for _ in writers]
        made = [
            LeaseKeeper(
                transport,
                cluster=ONE,
                right=WriteRight(fleet="test", writer=writer, terms=LeaseTerms()),
                now=clock.now,
                awake_s=clock.awake_s,
            )
            for writer, transport in zip(writers, transports, strict=True)
        ]
        for transport in transports:
            await transport.__aenter__()
        try:
            yield clock, made, lease
        finally:
            for transport in transports:
                await transport.__aexit__()


async def test_a_second_server_waits_and_an_old_one_that_wakes_up_is_refused() -> None:
    async with keepers(ADA, BEN) as (clock, (ada, ben), lease):
        with pytest.raises(Fenced, match="not renewed in time"):
            ada.check()
        await ada.acquire()
        ada.check()
        assert (await lease())["spec"]["holderIdentity"] == "ops-1_aaaa.3.11/one"
        with pytest.raises(Fenced, match="the server on ops-1 writes to this cluster"):
            await ben.acquire()
        with pytest.raises(Fenced):
            ben.check()

        clock.passed_s = 61  # ada sleeps: it stops by itself before anybody may take over
        with pytest.raises(Fenced, match="not renewed in time"):
            ada.check()
        with pytest.raises(Fenced):
            await ben.acquire()
        clock.passed_s = 91
        await ben.acquire()
        ben.check()
        assert (ada.generation, ben.generation) == (1, 2)
        with pytest.raises(Fenced, match=r"the server on ops-2 has taken over .*generation 2"):
            await ada.renew()
        assert (await lease())["spec"]["leaseTransitions"] == 2


async def test_a_renewal_goes_on_after_a_person_edited_or_deleted_the_lease() -> None:
    async with keepers(ADA) as (clock, (ada,), lease):
        await ada.acquire()
        await lease({"metadata": {"labels": {"by": "hand"}}})
        clock.passed_s = 30
        await ada.renew()
        found = await lease()
        assert found["metadata"]["labels"] == {"by": "hand"}
        assert found["spec"]["renewTime"].startswith("2026-03-02T09:00:30")
        ada.check()


async def test_a_server_that_stops_lets_go_and_one_that_breaks_does_not() -> None:
    async with keepers(ADA, BEN) as (_, (ada, ben), lease):
        taken = asyncio.Event()

        async def work() -> None:
            async with ada.held():
                taken.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await taken.wait()
        assert (await lease())["spec"]["holderIdentity"] == ADA.identity(ONE)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await ben.acquire()
        assert ben.generation == 2
        with pytest.raises(Fenced):
            ada.check()
        with pytest.raises(ZeroDivisionError):
            async with ben.held():
                raise ZeroDivisionError
        assert (await lease())["spec"]["holderIdentity"] == BEN.identity(ONE)


async def test_nothing_passes_the_api_without_the_right() -> None:
    async with keepers(ADA, BEN) as (_, (ada, ben), _lease):
        await ada.acquire()
        api = ClusterApi(ben._transport, may_write=ben.check)
        await api.discovery.refresh()
        resource = api.discovery.resource("v1", "ConfigMap")
        wanted = manifest(config_map("a", x="1"))
        with pytest.raises(Fenced):
            await api.apply(resource, wanted)
        with pytest.raises(Fenced):
            await api.delete(resource, wanted.ref, uid="u", resource_version="1")
        assert await api.apply(resource, wanted, dry_run=True), "looking is allowed"
        assert await api.get(resource, wanted.ref) is None


async def test_a_write_that_waited_for_its_turn_is_asked_again_before_it_is_sent() -> None:
    """A slow cluster queues writes for minutes: what counts is who may write when they leave."""
    async with keepers(ADA) as (_, (ada,), _lease):
        await ada.acquire()
        transport = ada._transport
        api = ClusterApi(transport, may_write=ada.check)
        await api.discovery.refresh()
        resource = api.discovery.resource("v1", "ConfigMap")
        wanted = manifest(config_map("a", x="1"))
        async with AsyncExitStack() as busy:
            for _ in range(transport._limit.width):
                await busy.enter_async_context(transport._limit)
            writes = [
                asyncio.create_task(api.apply(resource, wanted)),
                asyncio.create_task(api.delete(resource, wanted.ref, uid="u")),
                asyncio.create_task(api.patch(resource, wanted.ref, [])),
                asyncio.create_task(api.discard(resource, wanted.ref)),
            ]
            await asyncio.sleep(0.01)
            ada.trouble = Fenced("another server has taken over")
        results = await asyncio.gather(*writes, return_exceptions=True)
        assert [type(result) for result in results] == [Fenced] * 4
        assert await api.get(resource, wanted.ref) is None


async def test_a_release_gets_past_a_renewal_whose_answer_was_lost() -> None:
    """Cancelled in the middle of a renewal, it knew an older version, and kept the right."""
    async with keepers(ADA, BEN) as (_, (ada, ben), lease):
        async with cancelled_inside(ada):
            await lease({"metadata": {"annotations": {"renewed": "and not heard of"}}})
        assert not (await lease())["spec"].get("holderIdentity")
        await ben.acquire()
        assert (await lease())["spec"]["holderIdentity"] == "ops-2_bbbb.9.22/one"


async def test_a_release_takes_the_right_from_nobody_else() -> None:
    async with keepers(ADA) as (_, (ada,), lease):
        async with cancelled_inside(ada):
            await lease({"spec": {"holderIdentity": "somebody else"}})
        assert (await lease())["spec"]["holderIdentity"] == "somebody else"


@asynccontextmanager
async def cancelled_inside(keeper: LeaseKeeper) -> AsyncIterator[None]:
    """Hold the right, do something meanwhile, and be cancelled then."""
    begun = asyncio.Event()

    async def hold() -> None:
        async with keeper.held():
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await begun.wait()
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
