"""Clusters, and a disk, that go away: what is held, and what people are told."""

from __future__ import annotations

import pytest

from fleet.control.runtime import converge
from fleet.presenting.why import why
from fleet.store.errors import StoreUnavailable
from fleet.store.model import Batch, StoredEvent
from fleet.store.store import Store
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


async def test_a_cluster_that_comes_back_empty_is_rebuilt_and_the_time_is_told() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.clusters.cluster("b").wipe()
        await world.until(lambda: any(e.kind == "ClusterRebuilt" for e in world.view.events))
        await world.converged()
        assert len(await world.config_maps("b")) == 4
        told = [e for e in world.view.events if e.cluster == "b"]
        kinds = [e.kind for e in told]
        assert kinds.index("ClusterReplaced") < kinds.index("ClusterRebuilt")
        assert "DriftSeen" not in kinds, "nobody changed anything"
        rebuilt = next(e for e in told if e.kind == "ClusterRebuilt")
        assert rebuilt.sentence.startswith("b is rebuilt: 2 bundles in ")
        assert 0 < rebuilt.data["seconds"] < 10
        assert why(world.runtime.coordinator.picture, "cluster/b")[-1].startswith(
            "b was rebuilt on"
        )


async def test_a_cluster_replaced_while_no_server_ran_is_noticed() -> None:
    """A restored or re-created cluster was taken for the old one with all its objects deleted."""
    async with fleet_world() as world:
        await world.converged()
        await world.stop()
        world.clusters.cluster("b").wipe()
        await world.start()
        await world.until(lambda: any(e.kind == "ClusterRebuilt" for e in world.view.events))
        assert len(await world.config_maps("b")) == 4
        assert not [e for e in world.view.events if e.kind == "DriftSeen"]


async def test_a_full_disk_ends_the_server_with_the_sentence_of_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def full(_: Store, batch: Batch) -> tuple[StoredEvent, ...]:
        raise StoreUnavailable(f"the disk is full: {len(batch.events)} events")

    async with fleet_world(("a",), started=False) as world:
        monkeypatch.setattr(Store, "commit", full)
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            await converge(world.settings, timeout_s=60.0)
