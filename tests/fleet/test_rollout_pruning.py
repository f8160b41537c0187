"""The end of a rollout: what its release no longer has is deleted once all clusters have it."""

from __future__ import annotations

from tests.fakes.fleet import FleetWorld, bundle_document, config_map, fleet_world
from tests.fakes.rollouts import (
    FLEET,
    approve_when_asked,
    image,
    phase,
    rollout,
    states,
    told,
    travelling_fleet,
)

NAMES = ("dev-1", "prod-1", "prod-2")
STAGES = (
    "    - {name: dev, select: env=dev}\n"
    "    - {name: prod, select: env=prod, maxConcurrency: 2, maxFailures: 1,"
    " gates: {before: [agreed]}}\n"
)
OLD = {"apps/web/old.yaml": config_map("old", version="1")}


async def holding(world: FleetWorld, name: str = "old") -> set[str]:
    """The clusters that still have a ConfigMap."""
    return {cluster for cluster in NAMES if name in await world.config_maps(cluster)}


async def first_release(world: FleetWorld) -> None:
    await approve_when_asked(world, "web-1")
    await phase(world, "web-1", "Completed")
    assert await holding(world) == set(NAMES)


async def test_nothing_is_pruned_before_the_last_cluster_has_the_release() -> None:
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=STAGES, more=OLD)) as world:
        await first_release(world)
        world.remove("apps/web/old.yaml")
        await world.until(lambda: states(world, "web-2")["dev-1"] == "Good")
        await world.until(lambda: world.need("approval"))
        assert await holding(world) == set(NAMES), "dev-1 has the release, and deletes nothing yet"
        assert not world.need("confirm")
        await world.restart()
        await approve_when_asked(world, "web-2")
        await phase(world, "web-2", "Completed")
        assert await holding(world) == set()
        assert any(
            "3 objects that the release no longer has are deleted on dev-1, prod-1 and prod-2"
            in line
            for line in told(world)
        )


async def test_a_release_that_goes_wrong_has_deleted_nothing() -> None:
    stages = STAGES.replace("maxFailures: 1,", "onBreach: rollbackRun, soak: 100ms,")
    files = travelling_fleet(NAMES, stages=stages, more=OLD)
    async with fleet_world(NAMES, files) as world:
        await first_release(world)
        world.tree.git("rm", "--quiet", "apps/web/old.yaml")
        world.commit({**image("fail"), "apps/web/new.yaml": config_map("new", version="1")})
        await world.until(lambda: rollout(world, "web-2").phase in ("Halted", "RolledBack"))
        assert await holding(world) == set(NAMES)


async def test_more_than_the_guard_allows_waits_for_a_person_and_the_rollout_does_not() -> None:
    guarded = FLEET.replace("max: 100%}", "max: 100%}, prune: {maxClusters: 2}")
    files = travelling_fleet(NAMES, stages=STAGES, more={**OLD, "fleet.yaml": guarded})
    async with fleet_world(NAMES, files) as world:
        await first_release(world)
        world.remove("apps/web/old.yaml")
        await approve_when_asked(world, "web-2")
        await phase(world, "web-2", "Completed")
        await world.until(lambda: "3 objects on 3 clusters left Git" in world.need("confirm"))
        assert (
            "the rollout would delete 3 objects on 3 clusters, and guards.prune.maxClusters is 2"
        ) in world.need("confirm")
        assert await holding(world) == set(NAMES)
        await world.confirm_prune("web", reason="it moved")
        await world.until(lambda: not world.need("confirm"))
        await world.until(lambda: sum(e.kind == "ObjectsPruned" for e in world.view.events) == 3)
        assert await holding(world) == set()


async def test_what_a_bundle_may_lose_by_its_own_word_is_not_asked_for() -> None:
    """`policy.pruneMax` takes the place of the fleet's `maxObjects`, for the whole rollout too."""
    tight = FLEET.replace("max: 100%}", "max: 100%}, prune: {maxObjects: 0}")
    files = travelling_fleet(
        NAMES,
        stages=STAGES,
        more={**OLD, "fleet.yaml": tight},
        bundle="  policy: {pruneMax: 1}\n",
    )
    async with fleet_world(NAMES, files) as world:
        await first_release(world)
        world.remove("apps/web/old.yaml")
        await approve_when_asked(world, "web-2")
        await phase(world, "web-2", "Completed")
        assert await holding(world) == set()


async def test_a_cluster_that_leaves_is_pruned_at_the_end_and_only_when_confirmed() -> None:
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=STAGES, more=OLD)) as world:
        await first_release(world)
        away = bundle_document("web", placement="selector: env, exclude: [prod-2]")
        world.commit({**image("2"), "bundles/web.yaml": f"{away}  strategyRef: ring\n"})
        await world.until(lambda: states(world, "web-2")["dev-1"] == "Good")
        await world.never(lambda: world.need("confirm"), for_s=0.3)
        assert "prod-2" in await holding(world)
        await approve_when_asked(world, "web-2")
        await phase(world, "web-2", "Completed")
        await world.until(lambda: "nothing of the bundle would be left" in world.need("confirm"))
        assert "prod-2" in await holding(world)
        await world.confirm_prune("web", reason="it left")
        await world.until(lambda: not [p for p in world.view.placements if p.cluster == "prod-2"])
        assert await holding(world) == {"dev-1", "prod-1"}
