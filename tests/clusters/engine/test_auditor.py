"""The audit by dry run: it agrees with what watches tell, and says loudly when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.embedded.storage import Stored
from clusters.events import AuditDisagreed, Audited, DriftCorrected, DriftFound
from tests.fakes.engine import TERMS, Engine, config_map, deployment, desired_bundle

CONFIGS = "/api/v1/namespaces/default/configmaps"
OFTEN = replace(TERMS, audit_every_s=0.2)


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    async with EmbeddedClusters(["one"], ready_after_s=0.02) as clusters:
        yield clusters


@pytest.fixture
async def engine(clusters: EmbeddedClusters) -> AsyncIterator[Engine]:
    async with Engine(clusters, terms=OFTEN) as engine:
        yield engine


def change_in_silence(clusters: EmbeddedClusters, name: str, data: dict[str, str]) -> None:
    """Change what a cluster stores as no request could: same version, same owners, no event."""
    storage: Any = clusters.cluster("one").storage
    shelf = storage.shelf(("", "configmaps"))
    for stored in list(shelf.sorted()):
        body = stored.load()
        if body["metadata"]["name"] == name:
            body["data"] = data
            shelf.objects[stored.key] = Stored.of(stored.key, stored.revision, body)


async def audited(engine: Engine, times: int = 1) -> None:
    count = len(engine.of(Audited))
    await engine.wait_for(lambda: len(engine.of(Audited)) >= count + times)


async def test_an_audit_agrees_where_nothing_is_wrong(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    await engine.converged(desired_bundle([config_map("a", x="1"), deployment("web")]))
    writes = clusters.cluster("one").storage.revision
    await audited(engine, times=6)
    assert [event for event in engine.of(Audited) if event.disagreements] == []
    assert engine.of(AuditDisagreed) == engine.of(DriftFound) == []
    assert clusters.cluster("one").storage.revision == writes, "it is dry"


async def test_argo_cd_22759_what_no_watch_tells_is_found_and_told_and_put_back(
    clusters: EmbeddedClusters, engine: Engine
) -> None:
    """Changes that the cheap comparison does not see stayed unseen for good."""
    await engine.converged(desired_bundle([config_map("a", x="1")]))
    change_in_silence(clusters, "a", {"x": "2"})
    await engine.wait_for(lambda: engine.of(AuditDisagreed))
    found = engine.of(AuditDisagreed)[0]
    assert (found.ref.name, tuple(found.paths)) == ("a", ("data.x",))
    await engine.wait_for(lambda: engine.of(DriftCorrected))
    assert (await engine.request("GET", f"{CONFIGS}/a"))["data"] == {"x": "1"}
    await audited(engine, times=2)
    assert engine.of(Audited)[-1].disagreements == 0


async def test_drift_that_is_known_is_no_disagreement(engine: Engine) -> None:
    await engine.converged(desired_bundle([config_map("a", x="1")]))
    for _ in range(10):
        await engine.patch(f"{CONFIGS}/a", {"data": {"x": "2"}})
        await asyncio.sleep(0.05)
    await audited(engine, times=3)
    assert engine.of(AuditDisagreed) == []


async def test_one_of_a_hundred_is_looked_at(engine: Engine) -> None:
    bundle = desired_bundle([config_map(f"c{number}", x="1") for number in range(300)])
    await engine.converged(bundle)
    engine.events.clear()
    await audited(engine)
    assert engine.of(Audited)[-1].objects == 3


async def test_a_cluster_with_few_objects_is_audited_too(engine: Engine) -> None:
    await engine.converged(desired_bundle([config_map("a", x="1")]))
    engine.events.clear()
    await audited(engine)
    assert engine.of(Audited)[-1].objects == 1


async def test_an_audit_waits_while_the_cluster_is_suspended(engine: Engine) -> None:
    bundle = desired_bundle([config_map("a", x="1")])
    await engine.converged(bundle)
    engine.assign(bundle, suspended="maintenance")
    await asyncio.sleep(0.3)
    engine.events.clear()
    await asyncio.sleep(0.6)
    assert engine.of(Audited) == []
