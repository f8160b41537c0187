"""The state directory is lost: the clusters remember, and nothing is deleted."""

from __future__ import annotations

import asyncio
import json
import shutil

from clusters.bookkeeping.mirror import NAMESPACE, OWNER_LABEL
from fleet.state.standing import RECALLED
from tests.fakes.fleet import (
    FLEET_FILE,
    FleetWorld,
    bundle_document,
    cluster_document,
    config_map,
    fleet_world,
)

NAMES = ("a", "b", "c")


async def mirrored(world: FleetWorld, digests: int) -> None:
    """Wait until every cluster has recorded that many bundles."""
    for name in world.clusters.names:
        for _ in range(500):
            listed = await world.request(
                name,
                "GET",
                f"/api/v1/namespaces/{NAMESPACE}/configmaps",
                params={"labelSelector": OWNER_LABEL},
            )
            if len(listed.get("items", ())) == digests:
                break
        else:
            raise AssertionError(f"{name} did not record {digests} bundles")


async def lose_everything(world: FleetWorld) -> None:
    await world.stop()
    shutil.rmtree(world.settings.state_dir)


def deletes(world: FleetWorld) -> int:
    return sum(world.clusters.request_counts(name).get("delete", 0) for name in NAMES)


async def test_a_lost_database_is_rebuilt_from_the_clusters_without_a_delete() -> None:
    async with fleet_world(NAMES) as world:
        await world.converged()
        await mirrored(world, 2)
        await lose_everything(world)
        world.remove("apps/app/three.yaml")
        await world.start()
        await world.converged()
        await world.until(lambda: "on 3 clusters left Git" in world.need("confirm"))
        assert "known only from the record on the cluster" in world.need("confirm")
        for name in NAMES:
            assert set(await world.config_maps(name)) == {"one", "two", "three", "four"}
        assert deletes(world) == 0
        kinds = [event.kind for event in world.view.events]
        assert kinds.count("ApplySetRecalled") == 3

        await world.confirm_prune("app", reason="it left Git")
        await world.until(lambda: not world.need("confirm"))
        for name in NAMES:
            assert set(await world.config_maps(name)) == {"one", "two", "four"}


async def test_nothing_is_written_anew_when_nothing_changed() -> None:
    """The objects are applied once more, which changes none of them."""
    async with fleet_world(NAMES) as world:
        await world.converged()
        await mirrored(world, 2)
        before = {name: await world.config_maps(name) for name in NAMES}
        await lose_everything(world)
        await world.start()
        await world.converged()
        assert {name: await world.config_maps(name) for name in NAMES} == before
        assert not world.need("confirm")


async def test_a_bundle_that_left_git_meanwhile_is_kept_until_confirmed() -> None:
    async with fleet_world(NAMES) as world:
        await world.converged()
        await mirrored(world, 2)
        await lose_everything(world)
        world.remove("bundles/other.yaml")
        await world.start()
        await world.until(lambda: "on 3 clusters left Git" in world.need("confirm"))
        assert deletes(world) == 0
        for name in NAMES:
            assert "four" in await world.config_maps(name)
        await world.confirm_prune("other", reason="it left Git")
        await world.until(lambda: not world.need("confirm"))
        await mirrored(world, 1)
        for name in NAMES:
            assert "four" not in await world.config_maps(name)


STRATEGY = """\
apiVersion: flotilla.dev/v1
kind: Strategy
metadata: {name: ring}
spec:
  stages:
    - {name: first, select: "tier=first", soak: 1h}
    - {name: rest, select: "tier=rest"}
"""


def staged() -> dict[str, str]:
    return {
        "fleet.yaml": FLEET_FILE,
        "strategy.yaml": STRATEGY.replace("soak: 1h", "soak: 0"),
        "clusters/a.yaml": cluster_document("a", "env: dev, tier: first"),
        "clusters/b.yaml": cluster_document("b", "env: dev, tier: rest"),
        "clusters/c.yaml": cluster_document("c", "env: dev, tier: rest"),
        "bundles/app.yaml": bundle_document("app", more="  strategyRef: ring\n"),
        "apps/app/one.yaml": config_map("one", color="red"),
    }


async def test_an_open_rollout_comes_back_paused_and_no_cluster_runs_ahead() -> None:
    """Lost state and a strategy: the newest commit must not go everywhere at once (rollout.md)."""
    async with fleet_world(NAMES, staged()) as world:
        await world.converged()
        await mirrored(world, 1)
        red = world.tree.git("rev-parse", "HEAD")
        blue = world.commit(
            {"strategy.yaml": STRATEGY, "apps/app/one.yaml": config_map("one", color="blue")}
        )
        await world.until(lambda: world.placement("a", "app").revision == blue)
        await world.until(lambda: world.placement("a", "app").state == "Ready")
        await lose_everything(world)
        await world.start()
        await world.until(lambda: world.view.rollouts)

        rollout = world.view.rollouts[0]
        assert rollout.phase == "paused by flotilla"
        assert "database was lost" in " ".join(rollout.waiting_on)
        assert "database was lost" in world.need("halted")
        colors = {n: (await world.config_maps(n))["one"]["data"]["color"] for n in NAMES}
        assert colors == {"a": "blue", "b": "red", "c": "red"}
        for name in "bc":
            await world.until(lambda name=name: world.placement(name, "app").revision == red)
        assigned = world.runtime.coordinator.state.assignments["app"]["b"]
        assert assigned.cause == RECALLED
        assert assigned.good_revision in ("", red)
        # What was good on the cluster that is ahead is known again: a rollback has where to go.
        ahead = world.runtime.coordinator.state.assignments["app"]["a"]
        assert (ahead.revision, ahead.good_revision) == (blue, red)
        assert world.runtime.coordinator.picture.lookup(ahead.good_digest)
        # Its content is known again: drift is put back to it, not to what Git says now.
        await world.edit("b", "/api/v1/namespaces/default/configmaps/one", {"data": {"color": "x"}})
        await world.until(lambda: any(e.kind == "DriftEnded" for e in world.view.events))
        assert (await world.config_maps("b"))["one"]["data"]["color"] == "red"

        await world.command("resumeRollout", f"rollout/{rollout.id}", reason="looked at it")
        await world.until(lambda: "soak" in " ".join(world.view.rollouts[0].waiting_on))
        colors = {n: (await world.config_maps(n))["one"]["data"]["color"] for n in NAMES}
        assert colors == {"a": "blue", "b": "red", "c": "red"}, "the soak begins again"


async def test_a_completed_rollout_does_not_travel_again() -> None:
    async with fleet_world(NAMES, staged()) as world:
        await world.converged()
        await mirrored(world, 1)
        await lose_everything(world)
        await world.start()
        await world.converged()
        assert list(world.view.rollouts) == []


async def test_a_new_fleet_starts_without_waiting() -> None:
    async with fleet_world(NAMES, started=False) as world:
        world.clusters.set_faults("c", stopped=True)
        await world.start()
        await world.converged("a", "b")


async def test_a_record_that_names_a_commit_of_somebody_else_brings_nothing_of_it() -> None:
    """Who may write on a cluster must not choose what runs there: only Git's own history counts."""
    async with fleet_world(NAMES, staged()) as world:
        await world.converged()
        await mirrored(world, 1)
        world.tree.git("checkout", "--quiet", "-b", "evil")
        evil = world.tree.commit({"apps/app/one.yaml": config_map("one", color="evil")}, "evil")
        world.tree.git("checkout", "--quiet", "main")
        await lose_everything(world)
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/flotilla-apply-set.test.app"
        said = {"digest": "0" * 32, "revision": evil, "generation": 99}
        await world.edit("b", path, {"data": {"release": json.dumps(said)}})
        await world.start()
        await world.until(lambda: world.view.rollouts)
        colors: set[str] = set()

        async def look() -> None:
            for _ in range(20):
                colors.add((await world.config_maps("b"))["one"]["data"]["color"])
                await asyncio.sleep(0.02)

        await look()
        await world.command("resumeRollout", f"rollout/{world.view.rollouts[0].id}", reason="go")
        await world.converged()
        await look()
        assert colors == {"red"}


async def test_a_cluster_that_comes_late_still_gives_its_apply_set_back() -> None:
    async with fleet_world(NAMES) as world:
        await world.converged()
        await mirrored(world, 2)
        await lose_everything(world)
        world.clusters.set_faults("c", stopped=True)
        world.remove("apps/app/three.yaml")
        await world.start()
        await world.until(lambda: "on 2 clusters left Git" in world.need("confirm"))
        world.clusters.set_faults("c")
        await world.command("reconcile", "cluster/c")
        await world.until(lambda: "on 3 clusters left Git" in world.need("confirm"))
        assert "three" in await world.config_maps("c")
        assert deletes(world) == 0
