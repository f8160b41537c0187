"""Seeded schedules of trouble on one cluster: outages, storms, edits, kills, new desired states.

Whatever happens, and whenever the process dies: the apply set names at least what exists because
of us, nothing of anybody else is touched, nothing is deleted that is wanted; and when the trouble
ends, the cluster is as it should be, at a bounded number of writes.  `FLOTILLA_CHAOS=200` runs for
longer.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from clusters.embedded.serve import EmbeddedClusters
from clusters.model import DesiredBundle, ObjectRef
from tests.fakes.engine import TERMS, Engine, config_map, deployment, desired_bundle

SEEDS = int(os.environ.get("FLOTILLA_CHAOS", "6"))
STEPS = 12
WRITES_AN_OBJECT = 8
"""A bound for one wanted state of one object: the first write, its retries, and corrections."""
CONFIGS = "/api/v1/namespaces/default/configmaps"
TERMS_HERE = replace(TERMS, mirror_owner="test", audit_every_s=0.5)

FAULTS: list[dict[str, Any]] = [
    {"drop_rate": 0.4},
    {"error_rate": 0.4},
    {"throttle_rate": 0.5, "retry_after_s": 0},
    {"throttle_rate": 1.0, "retry_after_s": 0},
    {"expired_token": True},
    {"stopped": True},
    {"html": True},
    {"watch_cut_s": 0.02},
    {"watch_expired": True, "watch_cut_s": 0.05},
    {"latency_s": 0.03, "jitter_s": 0.05},
    {"failing_resource": "deployments"},
    {"drop_rate": 0.1, "error_rate": 0.1, "throttle_rate": 0.1, "retry_after_s": 0},
]
ALL = frozenset(ObjectRef("", "ConfigMap", "default", f"c{number}") for number in range(8))


@pytest.fixture
async def clusters() -> AsyncIterator[EmbeddedClusters]:
    async with EmbeddedClusters(["one"], ready_after_s=0.01) as clusters:
        yield clusters


@dataclass
class Story:
    """What is wanted, and all that has ever been wanted."""

    chance: random.Random
    wanted: set[str] = field(default_factory=set)
    states: int = 0
    """Wanted states of single objects, so far."""

    def next(self) -> DesiredBundle:
        """Another desired state: some objects come, some go, some change."""
        names = [f"c{number}" for number in range(8)]
        kept = self.chance.sample(names, self.chance.randint(4, 8))
        self.wanted = set(kept)
        self.states += len(kept) + 1
        contents = [config_map(name, x=str(self.chance.randint(0, 2))) for name in sorted(kept)]
        return replace(
            desired_bundle([*contents, deployment("web", image=f"web:{self.states}")]),
            prune_confirmed=ALL if self.chance.random() < 0.5 else frozenset(),
        )


def ours(clusters: EmbeddedClusters) -> set[str]:
    """ConfigMaps that exist because of us, read where they are kept: no fault hides them."""
    storage: Any = clusters.cluster("one").storage
    return {
        stored.load()["metadata"]["name"]
        for stored in storage.shelf(("", "configmaps")).sorted()
        if stored.labels.get("flotilla.dev/fleet") == "test"
    }


def strangers(clusters: EmbeddedClusters) -> dict[str, bytes]:
    storage: Any = clusters.cluster("one").storage
    return {
        stored.key: bytes(stored.raw)
        for stored in storage.shelf(("", "configmaps")).sorted()
        if stored.load()["metadata"]["name"].startswith("stranger")
    }


async def make_strangers(engine: Engine) -> None:
    for number, labels in enumerate(({}, {"flotilla.dev/bundle": "app"}, {"a": "b"})):
        body = config_map(f"stranger{number}", x="1")
        body["metadata"]["labels"] = labels
        await engine.request("POST", CONFIGS, json=body)


def members(engine: Engine) -> set[str]:
    return {ref.name for ref in engine.journal.members.get(engine.name, {})}


def doubted(engine: Engine) -> Iterator[bool]:
    return (record.suspect or bool(record.drift) for record in engine.reconciler.records.values())


def writes(clusters: EmbeddedClusters) -> int:
    counts = clusters.cluster("one").namespace_counts
    return sum(counts[space, "patch"] for space in ("default", ""))


async def die(engine: Engine, clusters: EmbeddedClusters) -> None:
    """The process ends here; what it had sent may still arrive."""
    await engine.restart()
    for _ in range(3):
        assert ours(clusters) <= members(engine), "the apply set names all there is"
        await asyncio.sleep(0.005)


async def step(engine: Engine, clusters: EmbeddedClusters, story: Story) -> None:
    """One thing happens."""
    chance = story.chance
    match chance.choice(["fault", "fault", "calm", "desired", "edit", "delete", "die", "poke"]):
        case "fault":
            fault = chance.choice(FAULTS)
            clusters.set_faults("one", seed=chance.randint(0, 99), **fault)
            if chance.random() < 0.5:
                clusters.cluster("one").cut_watches()
        case "calm":
            clusters.set_faults("one")
        case "desired":
            engine.assign(story.next())
        case "edit":
            await engine.patch(f"{CONFIGS}/c{chance.randint(0, 7)}", {"data": {"x": "by hand"}})
            story.states += 1
        case "delete":
            await engine.request("DELETE", f"{CONFIGS}/c{chance.randint(0, 7)}")
            story.states += 1
        case "die":
            await die(engine, clusters)
            engine.assign(story.next())
        case "poke":
            engine.reconciler.poke()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_it_converges_when_the_trouble_ends_and_deletes_nothing_else(
    clusters: EmbeddedClusters, seed: int
) -> None:
    story = Story(random.Random(seed))
    async with Engine(clusters, terms=TERMS_HERE) as engine:
        await make_strangers(engine)
        before = strangers(clusters)
        engine.assign(story.next())
        for _ in range(STEPS):
            try:
                await step(engine, clusters, story)
            except (OSError, ValueError, RuntimeError):
                pass  # the hand that edits met the trouble, too
            except Exception as error:
                if type(error).__module__.split(".")[0] != "aiohttp":
                    raise
            await asyncio.sleep(story.chance.random() * 0.1)
            assert strangers(clusters) == before
            assert ours(clusters) <= members(engine)
        clusters.set_faults("one")
        engine.reconciler.poke()
        last = replace(story.next(), prune_confirmed=ALL)
        await engine.converged(last)
        await engine.wait_for(lambda: ours(clusters) == story.wanted)
        await engine.wait_for(lambda: members(engine) == story.wanted | {"web"})
        await engine.wait_for(lambda: not any(doubted(engine)))  # the last edit by hand
        assert strangers(clusters) == before
        assert writes(clusters) <= WRITES_AN_OBJECT * story.states
        quiet = writes(clusters)
        await engine.restart()
        await engine.converged(last)
        assert writes(clusters) == quiet, "nothing is left to do"


async def turns(engine: Engine, clusters: EmbeddedClusters, bundle: DesiredBundle) -> int:
    """How many turns of the loop a pass takes from its start to its end."""
    engine.assign(bundle)
    count = 0
    async with asyncio.timeout(60):
        while not (ours(clusters) == {"b", "c"} and members(engine) == {"b", "c", "web"}):
            await asyncio.sleep(0)
            count += 1
    return count


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_kustomize_1664_it_may_die_between_any_two_steps(
    clusters: EmbeddedClusters, seed: int
) -> None:
    """kustomize-controller#1664: a pass that ended half-way left objects that nobody knew of."""
    chance = random.Random(1000 + seed)
    first = desired_bundle([config_map("a", x="1"), config_map("b", x="1"), deployment("web")])
    second = desired_bundle([config_map("b", x="2"), config_map("c", x="1"), deployment("web")])
    async with Engine(clusters) as engine:
        await engine.converged(first)
        whole = await turns(engine, clusters, second)
        for _ in range(8):
            await engine.converged(first)
            await engine.wait_for(lambda: members(engine) == {"a", "b", "web"})
            engine.assign(second)
            for _ in range(chance.randrange(whole)):
                await asyncio.sleep(0)
            await die(engine, clusters)
        await engine.converged(second)
        await engine.wait_for(lambda: members(engine) == {"b", "c", "web"})
        assert ours(clusters) == {"b", "c"}
