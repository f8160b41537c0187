"""Why a workload does not become ready, asked of its Pods."""

from __future__ import annotations

import asyncio

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.engine import diagnosis
from clusters.events import BundleObserved
from clusters.model import Health
from tests.fakes.engine import Engine, deployment, desired_bundle


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 0.2)


async def test_a_stuck_image_makes_the_bundle_degraded_and_a_fix_heals_it() -> None:
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.05) as clusters,
        Engine(clusters) as engine,
    ):
        engine.assign(desired_bundle([deployment("web", image="web:fail")]))
        await engine.wait_for(lambda: _health(engine) is Health.DEGRADED)
        last = engine.last_observed()
        assert last is not None
        assert "image pull failed: " in last.message
        assert "pod web-" in last.message
        await engine.converged(desired_bundle([deployment("web", image="web:2")]))


async def test_a_pod_that_finds_no_node_is_named_and_waited_for() -> None:
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.05) as clusters,
        Engine(clusters) as engine,
    ):
        homeless = deployment("web", replicas=1)
        homeless["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "none"}
        engine.assign(desired_bundle([homeless]))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "cannot be scheduled" in last.message
        )
        last = engine.last_observed()
        assert last is not None
        assert last.health is Health.PROGRESSING, "a node may come yet"
        assert "pod web-" in last.message
        await engine.converged(desired_bundle([deployment("web", replicas=1)]))


@pytest.mark.parametrize(
    ("mode", "health"),
    [("WaitForFirstConsumer", Health.HEALTHY), ("Immediate", Health.PROGRESSING)],
)
async def test_kstatus_a_claim_that_waits_for_its_first_consumer_holds_nothing_up(
    mode: str, health: Health
) -> None:
    """Its Pod is in a bundle that waits for this one: each waited for the other for ever."""
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.05) as clusters,
        Engine(clusters) as engine,
    ):
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {
                "storageClassName": "late",
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        engine.assign(bundle := desired_bundle([claim]))
        await engine.wait_for(
            lambda: (last := engine.last_observed()) and "no volume bound" in last.message
        )
        late = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "late"},
            "provisioner": "example.com/none",
            "volumeBindingMode": mode,
        }
        if health is Health.HEALTHY:
            await engine.request("POST", "/apis/storage.k8s.io/v1/storageclasses", json=late)
            await engine.converged(bundle)
        else:
            await asyncio.sleep(0.6)
            last = engine.last_observed()
            assert last is not None
            assert last.health is health, "without a class nothing says that it may wait"


async def test_a_slow_workload_is_not_called_degraded() -> None:
    clusters = EmbeddedClusters(["one"], ready_after_s=1.0)
    async with clusters, Engine(clusters) as engine:
        await engine.converged(desired_bundle([deployment("web")]))
        assert all(event.health is not Health.DEGRADED for event in engine.of(BundleObserved))


def _health(engine: Engine) -> Health | None:
    last = engine.last_observed()
    return last.health if last else None
