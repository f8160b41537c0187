"""The state directory is lost: what a person had stopped stays stopped (ADR 17)."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from clusters.bookkeeping.mirror import NAMESPACE
from fleet.deciding.memo import NOTHING, Brake, Memo, read_memo
from tests.fakes.fleet import FleetWorld, config_map, fleet_world
from tests.fakes.rollouts import (
    approve_when_asked,
    failing_on,
    image,
    phase,
    rollout,
    travelling_fleet,
)
from tests.fleet.deciding.test_rebuilding import lose_everything

NAMES = ("a", "b", "c")
TRAVEL = ("dev-1", "canary-1", "prod-1")


async def memo(world: FleetWorld, cluster: str, bundle: str) -> Memo:
    """What a cluster remembers of a bundle."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/flotilla-apply-set.test.{bundle}"
    found = await world.request(cluster, "GET", path)
    words = json.loads(found.get("data", {}).get("release", "{}"))
    return read_memo(words.get("memo", ""))


async def remembered(world: FleetWorld, clusters: Iterable[str], name: str, **said: object) -> None:
    """Wait until clusters remember this of a bundle."""
    for cluster in clusters:
        for _ in range(3_000):
            known = await memo(world, cluster, name)
            if all(getattr(known, field) == value for field, value in said.items()):
                break
        else:
            raise AssertionError(f"{cluster} remembers {known}")


async def colors(world: FleetWorld, name: str) -> dict[str, str]:
    return {
        cluster: (await world.config_maps(cluster))[name]["data"].get("color", "")
        for cluster in NAMES
    }


async def test_what_was_suspended_is_suspended_again_and_not_touched() -> None:
    async with fleet_world(NAMES) as world:
        await world.converged()
        before = {name: await colors(world, name) for name in ("one", "four")}
        await world.command("suspend", "cluster/a", reason="an incident")
        await world.command("suspend", "bundle/other", reason="a migration")
        cluster = Brake(actor="alice", reason="an incident")
        bundle = Brake(actor="alice", reason="a migration")
        await remembered(world, "a", "app", cluster=cluster, bundle=None)
        await remembered(world, "bc", "other", cluster=None, bundle=bundle)
        await lose_everything(world)
        world.commit(
            {
                "apps/app/one.yaml": config_map("one", color="blue"),
                "apps/other/four.yaml": config_map("four", color="blue"),
            }
        )
        await world.start()
        await world.until(lambda: world.placement("b", "app").state == "Ready")
        await world.until(lambda: world.placement("c", "app").state == "Ready")
        assert await colors(world, "one") == {"a": before["one"]["a"], "b": "blue", "c": "blue"}
        assert await colors(world, "four") == before["four"]
        needs = [need.sentence for need in world.view.needs if need.kind == "suspended"]
        again = "(recalled from the cluster's own record)"
        assert sorted(needs) == [
            f"suspended by alice: a migration {again}", f"suspended by alice: an incident {again}",
        ]  # fmt: skip

        await world.command("resume", "cluster/a", reason="over")
        await world.command("resume", "bundle/other", reason="over")
        await world.converged()
        assert await colors(world, "one") == dict.fromkeys(NAMES, "blue")
        assert await colors(world, "four") == dict.fromkeys(NAMES, "blue")
        await remembered(world, "a", "app", cluster=None)
        await remembered(world, NAMES, "other", bundle=None)


async def test_a_release_that_was_on_hold_does_not_travel_and_says_why() -> None:
    async with fleet_world(TRAVEL, travelling_fleet(TRAVEL)) as world:
        await approve_when_asked(world, "web-1")
        await phase(world, "web-1", "Completed")
        good = world.tree.git("rev-parse", "HEAD")
        world.commit({**image("2"), **failing_on(["canary-1"])}, "Try 2")
        await phase(world, "web-2", "RolledBack")
        why = next(iter(world.runtime.coordinator.state.travel.held["web"].values()))
        await remembered(world, TRAVEL, "web", held=why)
        await lose_everything(world)
        await world.start()
        await world.until(lambda: world.view.rollouts)
        (again,) = world.view.rollouts
        await world.until(lambda: rollout(world, again.id).phase == "paused by flotilla")
        said = " ".join(rollout(world, again.id).waiting_on)
        assert f"a release of it was on hold before: {why}" in said
        for name in TRAVEL:
            await world.until(lambda name=name: world.placement(name, "web").revision == good)
        await world.never(lambda: rollout(world, again.id).phase != "paused by flotilla")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"good": 1}', '{"cluster": "x"}', "[" * 100_000]
)
def test_a_memo_that_somebody_wrote_says_nothing(text: str) -> None:
    assert read_memo(text) == NOTHING
