"""Half of a fleet refuses its credentials at once: nothing spins, the others notice nothing."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from time import monotonic

import pytest

from clusters.client import api
from clusters.client.breaker import Circuit
from clusters.embedded.serve import EmbeddedClusters
from clusters.events import Disconnected, Silence
from tests.fakes.engine import Engine, config_map, desired_bundle

NAMES = tuple(f"c{number}" for number in range(8))
ILL, WELL = NAMES[:4], NAMES[4:]


def everything() -> list[dict[str, object]]:
    plain = [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": f"o{n}", "namespace": "default"}}
        for kind in ("Secret", "ServiceAccount")
        for n in range(5)
    ]
    return [*plain, *(config_map(f"c{n}", x="1") for n in range(10))]


async def test_argo_cd_28928_a_401_storm_on_half_the_fleet_does_not_spin() -> None:
    async with EmbeddedClusters(NAMES, ready_after_s=0.02) as clusters, AsyncExitStack() as stack:
        engines = {n: await stack.enter_async_context(Engine(clusters, n)) for n in NAMES}
        bundle = desired_bundle(everything())
        await asyncio.gather(*(engine.converged(bundle) for engine in engines.values()))
        for name in ILL:
            clusters.set_faults(name, expired_token=True)
            clusters.cluster(name).cut_watches()
        for name in ILL:
            await engines[name].wait_for(lambda name=name: engines[name].of(Disconnected))
        before = {name: clusters.cluster(name).received for name in ILL}

        # Whoever wants something meanwhile does not make it worse.
        later = desired_bundle([*everything(), config_map("new", x="1")])
        begun_at = monotonic()
        for _ in range(20):
            for engine in engines.values():
                engine.assign(later)
            await asyncio.sleep(0.05)
        waited_s = monotonic() - begun_at
        for name in ILL:
            asked = clusters.cluster(name).received - before[name]
            assert asked <= 2 * (2 + waited_s), "few questions, each once more with new words"
            assert engines[name].reconciler.breaker.state is not Circuit.CLOSED
            assert engines[name].of(Disconnected)[-1].silence is Silence.ASKED_RARELY
        for name in WELL:
            await engines[name].converged(later)
            assert not engines[name].of(Disconnected)

        for name in ILL:
            clusters.set_faults(name)
            engines[name].reconciler.poke()
        await asyncio.gather(*(engines[name].converged(later) for name in ILL))


async def test_a_cluster_that_answers_5xx_to_everything_is_asked_one_question_at_a_time() -> None:
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.02) as clusters,
        Engine(clusters) as engine,
    ):
        bundle = desired_bundle(everything())
        await engine.converged(bundle)
        clusters.set_faults("one", error_rate=1.0)
        clusters.cluster("one").cut_watches()
        await engine.wait_for(lambda: engine.reconciler.breaker.state is Circuit.OPEN)
        before = clusters.cluster("one").received
        begun_at = monotonic()
        await asyncio.sleep(1.0)
        waited_s = monotonic() - begun_at
        assert clusters.cluster("one").received - before <= 3 + waited_s
        clusters.set_faults("one")
        engine.reconciler.poke()
        await engine.converged(bundle)


def listed(clusters: EmbeddedClusters) -> int:
    """How often a kind was asked for as a whole, and was answered."""
    counts = clusters.request_counts("one")
    return counts.get("list", 0) + counts.get("watch", 0)


async def test_gitops_engine_520_a_webhook_that_fails_leaves_the_others_alone() -> None:
    """One kind in trouble rebuilt the cache of all kinds, every ten seconds."""
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.02) as clusters,
        Engine(clusters) as engine,
    ):
        await engine.converged(desired_bundle([config_map("a", x="1")]))
        lists = listed(clusters)
        clusters.set_faults("one", failing_resource="secrets")
        engine.assign(desired_bundle(everything()))
        await engine.wait_for(
            lambda: (
                {r.name for r in engine.journal.members[engine.name]} >= {"c9"}
                and (seen := engine.last_observed()) is not None
                and seen.applied >= 15
            )
        )
        assert engine.reconciler.breaker.state is Circuit.CLOSED
        assert not engine.of(Disconnected)
        assert listed(clusters) - lists <= 6


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "listed"])
async def test_kinds_are_known_with_and_without_streamed_lists(
    streams: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request a kind where the server streams what there is, a list before the watch else."""
    if not streams:
        monkeypatch.setattr(api, "STREAMED_LISTS_SINCE", (9, 0))
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.02) as clusters,
        Engine(clusters) as engine,
    ):
        bundle = desired_bundle(everything())
        await engine.converged(bundle)
        await engine.restart()
        await engine.converged(bundle)
        assert bool(clusters.request_counts("one").get("list")) is not streams
