"""Drift on a live cluster: seen as it happens, attributed, and put back where that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.engine import reporter
from clusters.events import DriftCorrected, DriftFound, FightDetected
from clusters.model import BundlePolicy, DriftPolicy
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle

CONFIGS = "/api/v1/namespaces/default/configmaps"
A = f"{CONFIGS}/a"
REPORT = BundlePolicy(drift=DriftPolicy.REPORT)
Body = dict[str, Any]


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters, Engine(clusters) as one:
        yield one


async def values(engine: Engine) -> Any:
    return (await engine.request("GET", A)).get("data")


class TestCorrected:
    async def test_an_edit_is_put_back_and_the_hand_is_named(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")]))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        (found,) = engine.of(DriftFound)
        assert (found.paths, found.manager) == (("data.x",), "kubectl-edit/Update")
        assert found.changed_at is not None
        assert engine.of(DriftCorrected)[0].by_us
        assert await values(engine) == {"x": "1", "y": "1"}

    async def test_a_deletion_is_made_good(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        await engine.request("DELETE", A)
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert engine.of(DriftFound)[0].paths == ()
        assert await values(engine) == {"x": "1"}

    async def test_a_removed_label_is_drift_with_a_name(self, engine: Engine) -> None:
        """Without our label the watch does not show it: not gone, but changed by somebody."""
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        await engine.patch(A, {"metadata": {"labels": {"flotilla.dev/fleet": None}}})
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        assert engine.of(DriftFound)[0].paths == ("metadata.labels.flotilla.dev/fleet",)
        live = await engine.request("GET", A)
        assert live["metadata"]["labels"]["flotilla.dev/fleet"] == "test"

    async def test_cleared_ownership_is_taken_again_without_alarm(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        await engine.patch(A, {"metadata": {"managedFields": [{}]}})

        async def owned() -> bool:
            entries = (await engine.request("GET", A))["metadata"].get("managedFields", [])
            return any(entry["manager"] == "flotilla" for entry in entries)

        for _ in range(500):
            if await owned():
                break
            await asyncio.sleep(0.01)
        assert await owned()
        assert engine.of(DriftFound) == []

    async def test_drift_while_nobody_watched_is_found_after_a_restart(
        self, engine: Engine
    ) -> None:
        bundle = desired_bundle([config_map("a", x="1"), config_map("b", x="1")])
        await engine.converged(bundle)
        await engine.stop()
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.restart()
        engine.assign(bundle)
        await engine.wait_for(lambda: engine.of(DriftCorrected))
        (found,) = engine.of(DriftFound)
        assert (found.paths, found.manager) == (("data.x",), "kubectl-edit/Update")

    @pytest.mark.parametrize(
        "patch",
        [
            {"data": {"z": "theirs"}},
            {"data": {"x": "1"}},
            {"metadata": {"labels": {"l": "1"}}},
            {"metadata": {"finalizers": ["example.com/hold"]}},
        ],
        ids=["another key", "the same value", "a label", "a finalizer"],
    )
    async def test_what_is_not_ours_is_left_alone_without_a_request(
        self, engine: Engine, patch: Body
    ) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        await engine.patch(A, patch)
        before = engine.clusters.request_counts("one")
        await asyncio.sleep(0.1)
        assert engine.clusters.request_counts("one") == before
        assert engine.of(DriftFound) == []

    async def test_argo_cd_13614_status_does_not_cost_a_request(self, engine: Engine) -> None:
        """Watching everything cost 5 CPUs with nothing changed (argo-cd#13614)."""
        await engine.converged(desired_bundle([deployment("web")]))
        before = engine.clusters.request_counts("one")
        path = "/apis/apps/v1/namespaces/default/deployments/web/status"
        for number in range(20):
            await engine.patch(path, {"status": {"collisionCount": number}}, manager="controller")
        await asyncio.sleep(0.1)
        after = engine.clusters.request_counts("one")
        assert after.get("get", 0) == before.get("get", 0)
        assert after["patch"] - before["patch"] == 20, "those of the controller alone"


class TestReported:
    async def test_reported_and_left(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=REPORT))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.drifted == 1)
        assert engine.of(DriftFound)[0].policy is DriftPolicy.REPORT
        await asyncio.sleep(0.1)
        assert await values(engine) == {"x": "2"}

    async def test_put_back_by_the_hand_itself(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=REPORT))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.drifted == 1)
        await engine.patch(A, {"data": {"x": "1"}})
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.drifted == 0)

    async def test_corrected_once_the_bundle_says_so(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=REPORT))
        await engine.patch(A, {"data": {"x": "2"}})
        await engine.wait_for(lambda: engine.of(DriftFound))
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        assert await values(engine) == {"x": "1"}

    async def test_new_content_ends_the_drift_that_it_overwrites(self, engine: Engine) -> None:
        await engine.converged(desired_bundle([config_map("a", x="1", y="1")], policy=REPORT))
        await engine.patch(A, {"data": {"x": None}})
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.drifted == 1)
        await engine.converged(desired_bundle([config_map("a", x="2", y="1")], policy=REPORT))
        last = engine.last_observed()
        assert last is not None
        assert last.drifted == 0

    async def test_drift_of_what_was_not_wanted_for_a_while_is_not_lost(
        self, engine: Engine
    ) -> None:
        """Dropped by one commit, edited by hand while held, and wanted again by the next."""
        bundle = desired_bundle([config_map("a", x="1")])
        await engine.converged(bundle)
        await engine.converged(desired_bundle([]))
        await engine.patch(A, {"data": {"x": "2"}})
        await asyncio.sleep(0.1)
        await engine.converged(bundle)
        assert await values(engine) == {"x": "1"}
        assert engine.of(DriftFound)[-1].manager == "kubectl-edit/Update"


async def test_fleet_2436_a_fight_is_named_and_paused(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two controllers corrected each other for ever (fleet#2436, #535)."""
    monkeypatch.setattr(reporter, "FIGHT_PAUSE_S", 0.3)
    await engine.converged(desired_bundle([config_map("a", x="1")]))
    for number in range(7):
        await engine.patch(A, {"data": {"x": f"theirs{number}"}}, manager="rival")
        await engine.wait_for(
            lambda number=number: (
                len(engine.of(DriftCorrected)) > number or engine.of(FightDetected)
            )
        )
    (fight,) = engine.of(FightDetected)
    assert (fight.manager, fight.corrections) == ("rival/Update", 6)
    assert await values(engine) == {"x": "theirs6"}
    await engine.wait_for(lambda: len(engine.of(DriftCorrected)) == 7)
    assert await values(engine) == {"x": "1"}


async def test_a_finished_job_may_go(engine: Engine) -> None:
    """A Job with a time to live ran again and again (Flux: JobsWithTTL)."""
    job: Body = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate", "namespace": "default"},
        "spec": {
            "ttlSecondsAfterFinished": 60,
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": "migrate:1"}],
                }
            },
        },
    }
    bundle = desired_bundle([job])
    engine.assign(bundle)
    await engine.wait_for(lambda: (last := engine.last_observed()) and last.applied == 1)
    path = "/apis/batch/v1/namespaces/default/jobs/migrate"
    await engine.request("DELETE", path, params={"propagationPolicy": "Background"})
    await engine.converged(bundle)
    assert (await engine.request("GET", path))["code"] == 404
    assert engine.of(DriftFound) == []
    await engine.restart()
    await engine.converged(bundle)
    assert (await engine.request("GET", path))["code"] == 404
