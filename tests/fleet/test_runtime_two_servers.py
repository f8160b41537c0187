"""Two servers that keep the same clusters: one writes, the other says why it does not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from clusters.model import ClusterName
from fleet.control.runtime import Runtime, open_runtime
from tests.fakes.fleet import FleetWorld, config_map, fleet_world

LEASE = "/apis/coordination.k8s.io/v1/namespaces/flotilla-system/leases/flotilla-writer.test"


@asynccontextmanager
async def second_server(world: FleetWorld) -> AsyncIterator[Runtime]:
    """Another server on the same repository and clusters, with a database of its own."""
    settings = replace(world.settings, state_dir=world.settings.state_dir.with_name("second"))
    async with open_runtime(settings) as runtime:
        task = asyncio.create_task(runtime.run())
        try:
            yield runtime
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def needs(runtime: Runtime) -> str:
    view = runtime.publisher.snapshot(datetime.now(UTC))
    return "\n".join(f"{need.kind} {need.subject}: {need.sentence}" for need in view.needs)


async def test_a_second_server_writes_nothing_and_says_who_does() -> None:
    async with fleet_world(("a", "b")) as world:
        await world.converged()
        async with second_server(world) as second:
            await world.until(lambda: "offline b" in needs(second))
            assert "writes to this cluster (generation 1), so this one does not" in needs(second)
            seen = second.publisher.snapshot(datetime.now(UTC))
            free = r"the right is free 90 s after its last sign of life \(at \d\d:\d\d:\d\d UTC"
            lost = [event.sentence for event in seen.events if event.kind == "ClusterLost"]
            for words in (seen.clusters[1].why, lost[-1]):
                assert re.search(free, words), words
            world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
            await world.converged()
            assert not world.need("offline")
            # The first one stops: the second takes over.
            await world.stop()
            for name in ("a", "b"):
                assert "holderIdentity" not in (await world.request(name, "GET", LEASE))["spec"]
                second.supervisor.poke(ClusterName(name))
            while needs(second):  # noqa: ASYNC110 - what a person sees is what is waited for
                await asyncio.sleep(0.01)
            for name in ("a", "b"):
                spec = (await world.request(name, "GET", LEASE))["spec"]
                assert spec["holderIdentity"].endswith(f"/{name}")
                assert spec["leaseTransitions"] == 2


async def test_an_old_server_that_wakes_up_stops_writing_and_a_person_sees_why() -> None:
    async with fleet_world(("a",), lease_s=1.5) as world:
        await world.converged()
        # As if it had slept: another one has taken the right meanwhile.
        body = {"spec": {"holderIdentity": "ops-2_bbbb.1.22/a", "leaseTransitions": 2}}
        body["spec"] |= {"renewTime": "2999-01-01T00:00:00.000000Z"}
        await world.edit("a", LEASE, body)
        await world.until(lambda: world.need("offline"))
        assert "the server on ops-2" in world.need("offline")
        before = world.writes("a")
        world.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        await world.never(lambda: world.writes("a") != before)
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "red"}
        # The other one lets go: this one goes on.
        await world.edit("a", LEASE, {"spec": {"holderIdentity": ""}})
        await world.command("reconcile", "cluster/a")
        await world.converged()
        assert (await world.config_maps("a"))["one"]["data"] == {"color": "blue"}
