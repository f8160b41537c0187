"""What breaks around one cluster, and that it always ends as it should be, nothing lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from clusters.client import api
from clusters.embedded.serve import EmbeddedClusters
from clusters.events import ApplyFailed, Connected, Disconnected, DriftFound, ObjectsApplied
from clusters.model import Applied, BundlePolicy, ClusterName, DriftPolicy, ObjectRef
from tests.fakes.engine import Engine, config_map, deployment, desired_bundle
from tests.fakes.journal import MemoryJournal

CONFIGS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters:
        yield clusters


@pytest.fixture
async def engine(clusters: EmbeddedClusters) -> AsyncIterator[Engine]:
    async with Engine(clusters) as engine:
        yield engine


async def ours(engine: Engine) -> set[str]:
    """What exists on the cluster with our label."""
    answer = await engine.request("GET", CONFIGS, params={"labelSelector": "flotilla.dev/fleet"})
    return {item["metadata"]["name"] for item in answer["items"]}


def members(engine: Engine) -> set[str]:
    return {ref.name for ref in engine.journal.members.get(engine.name, {})}


class Killed(Exception):
    """Stands for the end of the process."""


class MortalJournal(MemoryJournal):
    """The process ends before, or just after, one of its writes."""

    def __init__(self, dies_at: int, *, stored: bool) -> None:
        super().__init__()
        self.dies_at, self.stored = dies_at, stored

    async def write(
        self, cluster: ClusterName, upserts: Sequence[Applied], removals: Sequence[ObjectRef]
    ) -> None:
        dies = self.writes == self.dies_at
        if dies and not self.stored:
            self.writes += 1
            raise Killed
        await super().write(cluster, upserts, removals)
        if dies:
            raise Killed


@pytest.mark.parametrize("stored", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("dies_at", range(6))
async def test_kustomize_1664_killed_at_any_write_of_the_apply_set(
    clusters: EmbeddedClusters, dies_at: int, stored: bool
) -> None:
    """A pass that fails half-way left objects that nobody knew of (kustomize#1664)."""
    journal = MortalJournal(dies_at, stored=stored)
    first = desired_bundle([config_map("a", x="1"), config_map("b", x="1"), deployment("web")])
    second = desired_bundle([config_map("b", x="2"), config_map("c", x="1"), deployment("web")])
    async with Engine(clusters, journal=journal) as engine:
        for bundle in (first, second):
            try:
                await engine.converged(bundle)
            except Killed:
                assert await ours(engine) <= members(engine), "the apply set names all there is"
                engine._task = None
                await engine.restart()
                await engine.converged(bundle)
        await engine.wait_for(lambda: members(engine) == {"b", "c", "web"})
        assert await ours(engine) == {"b", "c"}
        before = clusters.request_counts("one")["patch"]
        await engine.restart()
        await engine.converged(second)
        assert clusters.request_counts("one")["patch"] == before, "nothing is left to do"


@pytest.mark.parametrize("seed", range(6))
async def test_stopped_at_any_moment(clusters: EmbeddedClusters, seed: int) -> None:
    """Killed again and again in the middle of a first apply: it converges, nothing is orphaned."""
    chance = random.Random(seed)
    bundle = desired_bundle([config_map(f"c{n}", x="1") for n in range(20)])
    async with Engine(clusters) as engine:
        for _ in range(4):
            engine.assign(bundle)
            await asyncio.sleep(chance.random() * 0.04)
            await engine.restart()
            assert await ours(engine) <= members(engine)
        await engine.converged(bundle)
        assert await ours(engine) == {f"c{n}" for n in range(20)}


FAULTS: list[dict[str, Any]] = [
    {"drop_rate": 0.3},
    {"error_rate": 0.3},
    {"throttle_rate": 0.3, "retry_after_s": 0},
    {"watch_cut_s": 0.05},
    {"watch_expired": True},
    {"stopped": True},
    {"expired_token": True},
    {"html": True},
    {"drop_rate": 0.1, "error_rate": 0.1, "throttle_rate": 0.1, "watch_cut_s": 0.1},
]


@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: "+".join(faults))
async def test_converges_when_the_trouble_ends(
    clusters: EmbeddedClusters, engine: Engine, faults: dict[str, Any]
) -> None:
    stays = [config_map(f"c{n}", x="1") for n in range(8)]
    await engine.converged(desired_bundle([*stays, config_map("old", x="1")]))
    clusters.set_faults("one", seed=7, **faults)
    engine.assign(desired_bundle([*stays[1:], config_map("new", x="1"), config_map("c0", x="2")]))
    await asyncio.sleep(0.3)
    clusters.set_faults("one")
    engine.reconciler.poke()
    final = desired_bundle([*stays[1:], config_map("new", x="1"), config_map("c0", x="2")])
    await engine.converged(final)
    await engine.wait_for(lambda: "old" not in members(engine))
    assert await ours(engine) == {"new", *(f"c{n}" for n in range(8))} == members(engine)
    assert clusters.request_counts("one")["patch"] <= 10 * 6, "a bound of writes an object"


async def test_an_outage_is_told_with_its_reason(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    await engine.converged(desired_bundle([config_map("a", x="1")]))
    clusters.set_faults("one", expired_token=True)
    clusters.cluster("one").cut_watches()
    await engine.wait_for(lambda: engine.of(Disconnected))
    assert engine.of(Disconnected)[0].reason == "it does not accept our credentials (401)"
    clusters.set_faults("one")
    count = len(engine.of(Connected))
    await engine.wait_for(lambda: len(engine.of(Connected)) > count)


async def test_argo_cd_28928_refused_credentials_do_not_spin(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    """A mass 401 locked up a hub (argo-cd#28928): attempts grow rarer, no request storm."""
    clusters.set_faults("one", expired_token=True)
    await engine.wait_for(lambda: len(engine.of(Disconnected)) >= 2)
    waits = [event.retry_in_s for event in engine.of(Disconnected)]
    assert all(0.25 <= wait_s <= 30.0 for wait_s in waits)


async def test_a_wiped_cluster_is_rebuilt_in_order(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}
    bundle = desired_bundle([config_map("a", "team", x="1"), space, deployment("web")])
    await engine.converged(bundle)
    clusters.cluster("one").wipe()
    await engine.wait_for(lambda: len(engine.of(ObjectsApplied)) > 1)
    await engine.converged(bundle)
    assert any("another cluster answers here" in event.reason for event in engine.of(Disconnected))
    assert engine.of(DriftFound) == [], "nobody changed anything: it is another cluster"
    assert engine.of(ApplyFailed) == [], "the namespace was there before what is in it"


async def test_a_wiped_cluster_is_rebuilt_where_drift_is_only_reported(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    """`report` is about what people change; a cluster that lost its data is no such change."""
    policy = BundlePolicy(drift=DriftPolicy.REPORT)
    bundle = desired_bundle([config_map("a", x="1")], policy=policy)
    await engine.converged(bundle)
    clusters.cluster("one").wipe()
    await engine.wait_for(lambda: len(engine.of(ObjectsApplied)) > 1)
    await engine.converged(bundle)
    assert await ours(engine) == {"a"}


async def test_drift_that_cannot_be_looked_at_is_looked_at_later(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    """Drift seen in a storm was corrected in silence, or never: the hand stays to be named."""
    await engine.converged(desired_bundle([config_map("a", x="1")]))
    await engine.patch(f"{CONFIGS}/a", {"data": {"x": "2"}})
    clusters.set_faults("one", error_rate=1.0)
    await asyncio.sleep(0.1)
    clusters.set_faults("one")
    await engine.wait_for(lambda: engine.of(DriftFound))
    assert engine.of(DriftFound)[0].manager == "kubectl-edit/Update"


async def test_a_hanging_cluster_is_given_up_in_time(
    clusters: EmbeddedClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PROBE_TIMEOUT_S", 0.5)
    clusters.set_faults("one", hang=True)
    async with Engine(clusters) as engine:
        await engine.wait_for(lambda: engine.of(Disconnected))
        assert engine.of(Disconnected)[0].reason == "no answer within 0.5 s"
        clusters.set_faults("one")
        await engine.converged(desired_bundle([config_map("a", x="1")]))


async def test_cve_2025_23216_a_secret_is_in_no_event_error_or_log(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused patches, diffs and events printed Secrets (CVE-2025-23216, CVE-2026-42880)."""
    caplog.set_level(logging.DEBUG)
    canary = "Y2FuYXJ5LTdkMWY="
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "type": "Opaque",
        "data": {"password": canary},
    }
    await engine.converged(desired_bundle([secret]))
    path = "/api/v1/namespaces/default/secrets/s"
    await engine.patch(path, {"data": {"password": "Y2FuYXJ5LW90aGVy"}})
    await engine.wait_for(lambda: engine.of(DriftFound))
    assert engine.of(DriftFound)[0].paths == ("data.password",)
    broken = secret | {"data": {"password": "canary-not-base64 !"}}
    engine.assign(desired_bundle([broken | {"type": "canary/changed"}]))
    await engine.wait_for(lambda: engine.of(ApplyFailed))
    shown = f"{engine.events} {engine.reconciler.records} {caplog.text}"
    for word in (canary, "Y2FuYXJ5LW90aGVy", "canary-not-base64"):
        assert word not in shown
