"""A connection with nothing to do rests: whatever is overdue does not make its loop spin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from clusters.client.api import ClusterApi
from clusters.client.discovery import Discovery
from clusters.client.stream import Observation
from clusters.embedded.serve import EmbeddedClusters
from clusters.engine import diagnosis, observer, session, verifier
from clusters.errors import ServerFault, UnknownKind, Unreachable
from clusters.events import DriftCorrected, DriftFound
from clusters.model import BundlePolicy, ConflictPolicy
from tests.fakes.engine import TERMS, Engine, config_map, deployment, desired_bundle

FEW = 40
"""More passes in half a second than an idle cluster needs; a loop that spins makes hundreds."""


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters:
        yield clusters


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One item for each time that a plan was made."""
    made: list[int] = []
    plan = session.make_plan

    def counted(*args: Any) -> Any:
        made.append(1)
        return plan(*args)

    monkeypatch.setattr(session, "make_plan", counted)
    return made


async def rests(passes: list[int]) -> None:
    passes.clear()
    await asyncio.sleep(0.5)
    assert len(passes) < FEW


async def test_an_audit_that_a_suspension_holds_up(
    clusters: EmbeddedClusters, passes: list[int]
) -> None:
    async with Engine(clusters, terms=replace(TERMS, audit_every_s=0.1)) as engine:
        bundle = desired_bundle([config_map("a", x="1")])
        await engine.converged(bundle)
        engine.assign(bundle, suspended="maintenance")
        await asyncio.sleep(0.2)
        await rests(passes)


async def test_a_workload_that_left_and_is_kept_never_becomes_ready(
    clusters: EmbeddedClusters, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "PATIENCE_S", 0.1)
    kept = BundlePolicy(prune=False)
    async with Engine(clusters) as engine:
        broken = deployment("web", image="web:fail")
        engine.assign(desired_bundle([config_map("a", x="1"), broken], policy=kept))
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.applied == 2)
        await engine.converged(desired_bundle([config_map("a", x="1")], policy=kept))
        await asyncio.sleep(0.2)
        await rests(passes)


async def test_a_look_that_failed_and_is_needed_no_more(
    clusters: EmbeddedClusters, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "RETRY_S", 0.5)
    failed = asyncio.Event()

    async def fail(*_: object) -> None:
        failed.set()
        raise ServerFault("etcd is slow")

    async with Engine(clusters) as engine:
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        monkeypatch.setattr(ClusterApi, "get", fail)
        path = "/api/v1/namespaces/default/configmaps/a"
        await engine.patch(path, {"metadata": {"labels": {"flotilla.dev/bundle": "other"}}})
        await asyncio.wait_for(failed.wait(), 60)
        policy = BundlePolicy(conflicts=ConflictPolicy.FORCE)
        await engine.converged(desired_bundle([config_map("a", x="2")], policy=policy))
        await asyncio.sleep(0.6)
        await rests(passes)


async def test_what_was_put_back_is_told_though_the_cluster_goes_away_at_once(
    clusters: EmbeddedClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drift stayed open for ever: it had been corrected, and nobody heard of it."""
    apply = ClusterApi.apply
    gone = asyncio.Event()

    async def fading(api: ClusterApi, resource: Any, manifest: Any, **more: Any) -> Any:
        if manifest.ref.name == "z" and not gone.is_set():
            gone.set()
            raise Unreachable("it is gone")
        return await apply(api, resource, manifest, **more)

    async with Engine(clusters) as engine:
        contents = [config_map("a", x="1"), deployment("z", replicas=1)]
        await engine.converged(desired_bundle(contents))
        engine.assign(desired_bundle(contents), suspended="both drift at once")
        await engine.patch("/api/v1/namespaces/default/configmaps/a", {"data": {"x": "2"}})
        path = "/apis/apps/v1/namespaces/default/deployments/z"
        await engine.patch(path, {"spec": {"replicas": 3}})
        await engine.wait_for(lambda: len(engine.of(DriftFound)) == 2)
        monkeypatch.setattr(ClusterApi, "apply", fading)
        await engine.converged(desired_bundle(contents))
        assert gone.is_set()
        assert {event.ref.name for event in engine.of(DriftCorrected)} == {"a", "z"}


async def test_a_kind_that_is_named_and_not_served(
    clusters: EmbeddedClusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discovery is behind, or a proxy is in between: each look led to the next one at once."""
    asked: list[int] = []
    refresh = Discovery.refresh

    async def counted(discovery: Discovery) -> None:
        asked.append(1)
        await refresh(discovery)

    async def refuse(*_: Any, **__: Any) -> AsyncIterator[Observation]:
        raise UnknownKind("it serves no such path")
        yield

    monkeypatch.setattr(Discovery, "refresh", counted)
    watch = observer.observe
    monkeypatch.setattr(observer, "observe", refuse)
    monkeypatch.setattr(session, "REDISCOVER_S", 1.0)
    async with Engine(clusters) as engine:
        engine.assign(bundle := desired_bundle([config_map("a", x="1")]))
        await engine.wait_for(lambda: (last := engine.last_observed()) and last.applied == 0)
        asked.clear()
        await asyncio.sleep(0.5)
        assert len(asked) < 4
        monkeypatch.setattr(observer, "observe", watch)
        await engine.converged(bundle)
