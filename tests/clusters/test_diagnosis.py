"""Why a workload does not become ready, asked of its Pods."""

from __future__ import annotations

import pytest

from clusters import diagnosis
from clusters.embedded.serve import EmbeddedClusters
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
        assert "Image" in last.message or "image" in last.message
        assert "pod web-" in last.message
        await engine.converged(desired_bundle([deployment("web", image="web:2")]))


async def test_a_slow_workload_is_not_called_degraded() -> None:
    clusters = EmbeddedClusters(["one"], ready_after_s=1.0)
    async with clusters, Engine(clusters) as engine:
        await engine.converged(desired_bundle([deployment("web")]))
        assert all(event.health is not Health.DEGRADED for event in engine.of(BundleObserved))


def _health(engine: Engine) -> Health | None:
    last = engine.last_observed()
    return last.health if last else None
