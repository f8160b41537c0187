"""Several releases of a bundle, and clusters that were away: what travels when."""

from __future__ import annotations

from contextlib import suppress

from tests.fakes.fleet import FleetWorld, fleet_world
from tests.fakes.rollouts import (
    approve_when_asked,
    failing_on,
    image,
    images,
    labels_of,
    phase,
    rollout,
    states,
    travelling_fleet,
)

NAMES = ("dev-1", "prod-1")
TRAIN = (
    "    - {name: dev, select: env=dev}\n"
    "    - {name: prod, select: env=prod, gates: {before: [agreed]}, progressDeadline: 1s}\n"
)


def trains(stages: str = TRAIN) -> dict[str, str]:
    files = travelling_fleet(NAMES, stages=stages)
    spec = "spec:\n  onNewRelease: train\n"
    return {**files, "strategy.yaml": files["strategy.yaml"].replace("spec:\n", spec, 1)}


def waits(world: FleetWorld, name: str) -> str:
    with suppress(StopIteration):
        return " ".join(rollout(world, name).waiting_on)
    return ""


async def on_their_way(world: FleetWorld) -> None:
    """`web-2` waits before prod, `web-3` follows it and waits behind."""
    await approve_when_asked(world, "web-1")
    await phase(world, "web-1", "Completed")
    world.commit(image("2"))
    await world.until(lambda: states(world, "web-2")["dev-1"] == "Good")
    world.commit(image("3"))
    await world.until(lambda: states(world, "web-3")["dev-1"] == "Good")
    await world.until(
        lambda: "rollout web-2 is ahead and has not finished it" in waits(world, "web-3")
    )
    assert await images(world) == {"dev-1": "web:3", "prod-1": "web:1"}


async def test_releases_follow_each_other_stage_by_stage_and_none_overtakes() -> None:
    async with fleet_world(NAMES, trains()) as world:
        await on_their_way(world)
        await approve_when_asked(world, "web-2")
        await phase(world, "web-2", "Completed")
        assert (await images(world))["prod-1"] == "web:2"
        await approve_when_asked(world, "web-3")
        await phase(world, "web-3", "Completed")
        assert (await images(world))["prod-1"] == "web:3"


async def test_a_breach_of_the_one_ahead_stops_the_one_behind() -> None:
    async with fleet_world(NAMES, trains()) as world:
        await approve_when_asked(world, "web-1")
        await phase(world, "web-1", "Completed")
        world.commit({**image("2"), **failing_on(["prod-1"])})
        await world.until(lambda: states(world, "web-2")["dev-1"] == "Good")
        # The next one would leave prod-1 as the one ahead is to make it.
        world.commit(image("3"))
        await world.until(
            lambda: states(world, "web-3") == {"dev-1": "Good", "prod-1": "Unchanged"}
        )
        await approve_when_asked(world, "web-2")
        await phase(world, "web-2", "Halted")
        await world.until(lambda: "Rollout web-2 ahead stopped" in waits(world, "web-3"))
        await world.never(lambda: rollout(world, "web-3").phase != "Running", for_s=0.3)


# --- spread, catching up ------------------------------------------------------------------------


async def test_no_more_than_so_many_of_a_region_at_once() -> None:
    names = ("prod-1", "prod-2", "prod-3", "prod-4")
    stages = (
        "    - {name: prod, select: env=prod, maxConcurrency: 4, maxFailures: 3, soak: 500ms,"
        " spread: {by: region, maxPerDomain: 1}}\n"
    )
    files = travelling_fleet(names, stages=stages)
    for number, name in enumerate(names):
        labels = f"{labels_of(name)}, region: {'eu' if number < 3 else 'us'}"
        document = files[f"clusters/{name}.yaml"].replace(labels_of(name), labels)
        files[f"clusters/{name}.yaml"] = document
    async with fleet_world(names, files) as world:
        await world.until(lambda: "no more than 1 with the same region" in waits(world, "web-1"))
        flying = {n for n, s in states(world, "web-1").items() if s not in ("Pending", "Good")}
        assert flying == {"prod-1", "prod-4"}
        await phase(world, "web-1", "Completed")


async def test_a_slot_that_is_free_while_soaking_promises_no_bound() -> None:
    stages = "    - {name: all, select: env, soakHoldsSlot: false, soak: 100ms}\n"
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=stages)) as world:
        await phase(world, "web-1", "Completed")
        assert rollout(world, "web-1").stages[0].bound == (
            "no bound: clusters give their slot away before they have soaked"
        )


AWAY = (
    "    - {name: prod, select: env=prod, maxConcurrency: 4, maxFailures: 3, soak: 300ms,"
    " catchUp: {maxConcurrency: 1}, unreachable: {mode: ignore, grace: 100ms, max: 100%}}\n"
)


async def missed(world: FleetWorld, *names: str) -> None:
    """Two releases that these clusters did not see."""
    await phase(world, "web-1", "Completed")
    for name in names:
        world.clusters.set_faults(name, stopped=True)
        await world.command("reconcile", f"cluster/{name}")
    await world.until(lambda: all(world.cluster(name).state == "Offline" for name in names))
    for number in (2, 3):
        world.commit(image(str(number)))
        await phase(world, f"web-{number}", "Completed")
        assert {states(world, f"web-{number}")[name] for name in names} == {"Deferred"}


async def back(world: FleetWorld, *names: str) -> None:
    for name in names:
        world.clusters.set_faults(name)
        await world.command("reconcile", f"cluster/{name}")


async def test_clusters_that_come_back_converge_to_the_newest_a_few_at_a_time() -> None:
    names = ("prod-1", "prod-2", "prod-3")
    async with fleet_world(names, travelling_fleet(names, stages=AWAY)) as world:
        await missed(world, "prod-2", "prod-3")
        at_once = []

        def caught_up() -> bool:
            found = states(world, "web-3")
            at_once.append(sum(s in ("Applying", "Verifying", "Soaking") for s in found.values()))
            return set(found.values()) == {"Good"}

        await back(world, "prod-2", "prod-3")
        await world.until(caught_up, 20.0)
        assert max(at_once) == 1
        assert set((await images(world)).values()) == {"web:3"}
        assert "Good" not in [states(world, "web-2")[n] for n in ("prod-2", "prod-3")], "skipped"


async def test_a_sequential_bundle_brings_each_release_that_was_missed() -> None:
    names = ("prod-1", "prod-2")
    files = travelling_fleet(names, stages=AWAY, bundle="  sequential: true\n")
    async with fleet_world(names, files) as world:
        await missed(world, "prod-2")
        await back(world, "prod-2")
        await world.until(lambda: states(world, "web-3")["prod-2"] == "Good", 20.0)
        assert states(world, "web-2")["prod-2"] == "Good"
        given = [e.sentence for e in world.view.events if "prod-2 is given" in e.sentence]
        assert [line.partition(":")[0] for line in given[-2:]] == ["web-2", "web-3"]
