"""Releases that meet what was changed by hand: the gate `takeover`, and drift that blocks."""

from __future__ import annotations

from tests.fakes.fleet import FleetWorld, config_map, fleet_world
from tests.fakes.rollouts import image, phase, refusal, rollout, states, told, travelling_fleet

NAMES = ("prod-1", "prod-2")
ONE = "    - {name: prod, select: env=prod, maxConcurrency: 2, maxFailures: 1}\n"
PATH = "/api/v1/namespaces/default/configmaps/web"


def fleet(policy: str, stages: str = ONE) -> dict[str, str]:
    return travelling_fleet(NAMES, stages=stages, bundle=f"  policy: {policy}\n")


async def colour(world: FleetWorld, cluster: str) -> tuple[str, list[str]]:
    """The value, and who holds it."""
    live = await world.request(cluster, "GET", PATH)
    holders = [
        entry["manager"]
        for entry in live["metadata"]["managedFields"]
        if "f:version" in entry["fieldsV1"].get("f:data", {})
    ]
    return live["data"]["version"], holders


async def test_a_field_that_was_changed_by_hand_is_taken_only_on_a_persons_word() -> None:
    async with fleet_world(NAMES, fleet("{drift: report}")) as world:
        await phase(world, "web-1", "Completed")
        await world.edit("prod-1", PATH, {"data": {"version": "by hand"}})
        await world.until(lambda: [d.state for d in world.drift()] == ["open"])
        world.commit({"apps/web/config.yaml": config_map("web", version="2")})
        await world.until(lambda: "gate takeover" in world.need("approval"))
        assert (
            "Stage prod: gate takeover on prod-1: the release changes ConfigMap default/web "
            "data.version, held by kubectl-edit; take it over, or leave it."
        ) in world.need("approval")
        await world.until(lambda: states(world, "web-2")["prod-2"] == "Good")
        assert (await colour(world, "prod-1"))[0] == "by hand"
        await world.never(lambda: states(world, "web-2")["prod-1"] != "Applying", for_s=0.5)

        said = await refusal(world, "takeOver", "rollout/web-2", clusters=["prod-2"], reason="x")
        assert "no field on prod-2 is contested" in said
        said = await refusal(world, "takeOver", "rollout/web-2")
        assert "taking a field needs a reason" in said
        await world.command("takeOver", "rollout/web-2", reason="the test is over")
        await phase(world, "web-2", "Completed")
        assert await colour(world, "prod-1") == ("2", ["flotilla"])
        assert not world.need("approval")
        assert any(
            "alice takes over ConfigMap default/web data.version, held by kubectl-edit" in line
            for line in told(world)
        )


async def test_a_field_that_is_left_to_others_stays_theirs_and_a_restart_forgets_nothing() -> None:
    async with fleet_world(NAMES, fleet("{drift: report}")) as world:
        await phase(world, "web-1", "Completed")
        await world.edit("prod-1", PATH, {"data": {"version": "by hand"}})
        await world.until(lambda: [d.state for d in world.drift()] == ["open"])
        world.commit({**image("2"), "apps/web/config.yaml": config_map("web", version="2")})
        await world.until(lambda: "gate takeover" in world.need("approval"))
        await world.restart()
        await world.until(lambda: "gate takeover" in world.need("approval"))
        await world.command("leaveField", "rollout/web-2", reason="theirs for now")
        await phase(world, "web-2", "Completed")
        assert await colour(world, "prod-1") == ("by hand", ["kubectl-edit"])
        assert await colour(world, "prod-2") == ("2", ["flotilla"])
        await world.restart()
        await world.never(lambda: world.need("approval"), for_s=0.3)
        assert await colour(world, "prod-1") == ("by hand", ["kubectl-edit"])
        # The next release changes it as well, and asks again: what was left was left for one.
        world.commit({"apps/web/config.yaml": config_map("web", version="3")})
        await world.until(lambda: "gate takeover" in world.need("approval"))
        await world.command("takeOver", "rollout/web-3", reason="ours again")
        await phase(world, "web-3", "Completed")
        assert await colour(world, "prod-1") == ("3", ["flotilla"])


async def test_what_only_another_manager_ever_held_is_asked_about_too() -> None:
    async with fleet_world(NAMES, fleet("{drift: correct}")) as world:
        await phase(world, "web-1", "Completed")
        await world.edit("prod-1", PATH, {"data": {"size": "7"}}, manager="somebody")
        world.commit({"apps/web/config.yaml": config_map("web", version="1", size="9")})
        await world.until(lambda: "data.size, held by somebody" in world.need("approval"))
        # Aborted: nobody waits for the word any more.
        await world.command("abort", "rollout/web-2", reason="the wrong day")
        await phase(world, "web-2", "Aborted")
        assert states(world, "web-2")["prod-1"] == "Failed"
        assert (await world.request("prod-1", "GET", PATH))["data"]["size"] == "7"


async def test_drift_that_blocks_keeps_a_release_away_until_it_is_resolved() -> None:
    async with fleet_world(NAMES, fleet("{drift: block}")) as world:
        await phase(world, "web-1", "Completed")
        for name in NAMES:
            await world.edit(name, PATH, {"data": {"version": f"by hand on {name}"}})
        await world.until(lambda: len(world.drift()) == 2)
        world.commit(image("2"))
        await world.until(lambda: set(states(world, "web-2").values()) == {"Blocked"})
        waits = " ".join(rollout(world, "web-2").waiting_on)
        assert "prod-1 is blocked: ConfigMap/web was changed by kubectl-edit" in waits
        assert "put it back (flotilla reconcile drift/prod-1/web/" in waits

        [mine] = [d.id for d in world.drift() if d.cluster == "prod-1"]
        [other] = [d.id for d in world.drift() if d.cluster == "prod-2"]
        await world.command("correctDrift", f"drift/{mine}", reason="not meant")
        await world.until(lambda: states(world, "web-2")["prod-1"] == "Good")
        assert states(world, "web-2")["prod-2"] == "Blocked"
        await world.command("acknowledgeDrift", f"drift/{other}", reason="meant")
        await phase(world, "web-2", "Completed")
        assert (await colour(world, "prod-2"))[0] == "by hand on prod-2"


async def test_a_stage_may_say_that_drift_blocks_it() -> None:
    stages = ONE.replace("select: env=prod", "select: env=prod, drift: block")
    files = fleet("{drift: report}", stages)
    async with fleet_world(NAMES, files) as world:
        await phase(world, "web-1", "Completed")
        await world.edit("prod-1", PATH, {"data": {"version": "by hand"}})
        await world.until(lambda: len(world.drift()) == 1)
        world.commit(image("2"))
        await world.until(lambda: states(world, "web-2") == {"prod-1": "Blocked", "prod-2": "Good"})
        await world.edit("prod-1", PATH, {"data": {"version": "1"}})
        await phase(world, "web-2", "Completed")
