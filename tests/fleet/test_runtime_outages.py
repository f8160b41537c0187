"""Clusters that go away and come back: what they hold, and what people are told."""

from __future__ import annotations

from tests.fakes.fleet import fleet_world


async def test_a_short_outage_leaves_no_trace() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.clusters.set_faults("b", stopped=True)
        await world.command("reconcile", "cluster/b")
        await world.until(lambda: world.cluster("b").state == "Offline")
        before = world.writes("b")
        world.clusters.set_faults("b")
        await world.command("reconcile", "cluster/b")
        await world.until(lambda: world.cluster("b").state == "Ready")
        assert world.writes("b") == before


async def test_a_cluster_that_comes_back_empty_is_rebuilt() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.clusters.cluster("b").wipe()
        await world.until(lambda: any(e.kind == "DriftSeen" for e in world.view.events))
        await world.converged()
        await world.until(lambda: world.placement("b", "app").applied == 3)
        assert len(await world.config_maps("b")) == 4
