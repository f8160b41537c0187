"""What happens around rollouts: clusters come, go and refuse; people ask for what they may not."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from fleet.api.errors import Refused
from fleet.presenting.why import why
from fleet.view import CommandRequest
from tests.fakes.fleet import (
    FleetWorld,
    bundle_document,
    cluster_document,
    config_map,
    fleet_world,
)
from tests.fakes.rollouts import (
    AGREED,
    FLEET,
    approve_when_asked,
    image,
    images,
    labels_of,
    phase,
    refusal,
    rollout,
    states,
    told,
    travelling_fleet,
)

NAMES = ("dev-1", "prod-1")
PLAIN = (
    "    - {name: dev, select: env=dev}\n"
    "    - {name: prod, select: env=prod, onBreach: rollbackRun}\n"
)
ASKING = (
    "    - {name: dev, select: env=dev}\n"
    "    - {name: prod, select: env=prod, gates: {before: [agreed]}}\n"
)


async def test_a_refused_object_fails_its_cluster_without_waiting() -> None:
    patient = PLAIN.replace("select: env=dev}", "select: env=dev, progressDeadline: 1h}")
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=patient)) as world:
        await phase(world, "web-1", "Completed")
        wrong = config_map("web", version="2").replace("version: '2'", "'not a key!': '2'")
        world.commit({"apps/web/config.yaml": wrong})
        await phase(world, "web-2", "Halted")
        assert states(world, "web-2") == {"dev-1": "Failed", "prod-1": "Pending"}
        said = "\n".join(why(world.runtime.coordinator.picture, "rollout/web-2"))
        assert "its budget is 0; first dev-1: " in said
        assert "dev-1 failed: " not in said, "it is said once"
        assert "not a key!" in said


async def test_a_cluster_that_joins_gets_what_travelled_and_one_that_left_is_no_more_asked() -> (
    None
):
    files = travelling_fleet(("dev-1", "prod-1"), stages=PLAIN)
    async with fleet_world(("dev-1", "prod-1", "prod-2"), files) as world:
        await phase(world, "web-1", "Completed")
        world.commit({"clusters/prod-2.yaml": cluster_document("prod-2", labels_of("prod-2"))})
        await world.until(lambda: states(world, "web-1").get("prod-2") == "Good")
        world.remove("clusters/prod-2.yaml")
        await world.until(lambda: len(world.view.clusters) == 2)
        world.commit(image("2"))
        await phase(world, "web-2", "Completed")
        assert await images(world) == {"dev-1": "web:2", "prod-1": "web:2", "prod-2": "web:1"}


async def test_a_commit_that_takes_too_much_away_waits_for_a_person() -> None:
    guarded = FLEET.replace("max: 100%", "max: 10%")
    files = travelling_fleet(NAMES, stages=PLAIN, more={"fleet.yaml": guarded})
    async with fleet_world(NAMES, files) as world:
        await phase(world, "web-1", "Completed")
        revision = world.remove("clusters/prod-1.yaml")
        await world.until(lambda: world.need("confirm"))
        assert "removes 1 of 2 clusters" in world.need("confirm")
        assert len(world.view.clusters) == 2
        said = await refusal(world, "confirmShrink", "commit/0000000", reason="closing")
        assert f"the commit that waits is {revision[:12]}" in said
        await world.command("confirmShrink", f"commit/{revision[:7]}", reason="closing")
        await world.until(lambda: len(world.view.clusters) == 1)
        assert not world.need("confirm")


async def test_nothing_waits_any_more_once_the_branch_went_back() -> None:
    guarded = FLEET.replace("max: 100%", "max: 10%")
    files = travelling_fleet(NAMES, stages=PLAIN, more={"fleet.yaml": guarded})
    async with fleet_world(NAMES, files) as world:
        await phase(world, "web-1", "Completed")
        revision = world.remove("clusters/prod-1.yaml")
        await world.until(lambda: world.need("confirm"))
        world.tree.git("reset", "--quiet", "--hard", "HEAD~1")
        world.look()
        await world.until(lambda: not world.need("confirm"))
        said = await refusal(world, "confirmShrink", f"commit/{revision[:7]}", reason="closing")
        assert "no commit waits" in said
        assert len(world.view.clusters) == 2


async def test_drift_while_it_soaks_begins_the_soak_again_and_the_third_fails_it() -> None:
    soaking = PLAIN.replace("select: env=dev}", "select: env=dev, soak: 1h}")
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=soaking)) as world:
        await world.until(lambda: states(world, "web-1")["dev-1"] == "Soaking")
        for number in range(3):
            path = "/api/v1/namespaces/default/configmaps/web"
            await world.edit("dev-1", path, {"data": {"version": f"by hand {number}"}})
            await world.until(partial(_drifted, world, number + 1))
            await asyncio.sleep(0.1)
        await phase(world, "web-1", "Halted")
        assert states(world, "web-1")["dev-1"] == "Failed"


def _drifted(world: FleetWorld, times: int) -> bool:
    return sum(event.kind == "DriftSeen" for event in world.view.events) >= times


def _says(world: FleetWorld, words: str) -> bool:
    return any(words in str(problem) for problem in world.view.git.problems)


async def test_a_completed_rollout_is_taken_back_to_an_earlier_commit_and_held() -> None:
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=PLAIN)) as world:
        await phase(world, "web-1", "Completed")
        first = rollout(world, "web-1").to_revision
        world.commit(image("2"))
        await phase(world, "web-2", "Completed")
        said = await refusal(world, "rollback", "bundle/web", reason="slow", to="0123456")
        assert f"there is: last-good, {first[:8]}" in said
        await world.command("rollback", "bundle/web", reason="slow", to=first[:8])
        await phase(world, "web-2", "RolledBack")
        assert set((await images(world)).values()) == {"web:1"}
        await world.command("releaseHold", "rollout/web-2", reason="it was the network")
        await phase(world, "web-3", "Completed")
        assert set((await images(world)).values()) == {"web:2"}
        told = await asyncio.to_thread(world.api.rollout_history, bundle="web")
        assert [(one.rollout, one.phase) for one in told.rollouts] == [
            ("web-3", "Completed"), ("web-2", "RolledBack"), ("web-1", "Completed"),
        ]  # fmt: skip
        assert told.figures.failure_rate == 1 / 3
        assert [one.stopped for one in told.rollouts] == ["", "slow", ""]
        assert [s.purpose for s in told.stays if s.cluster == "prod-1"] == [
            "release", "release", "rollback", "release",
        ]  # fmt: skip


async def test_behind_what_went_back_a_bundle_still_goes_to_an_earlier_commit() -> None:
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=PLAIN)) as world:
        await phase(world, "web-1", "Completed")
        first = rollout(world, "web-1").to_revision
        for number in (2, 3):
            world.commit(image(str(number)))
            await phase(world, f"web-{number}", "Completed")
        await world.command("rollback", "bundle/web", reason="slow")
        await phase(world, "web-3", "RolledBack")
        assert set((await images(world)).values()) == {"web:2"}
        again = await world.command("rollback", "bundle/web", reason="slow")
        assert again.message == (
            "rollout web-3 is RolledBack; to go to another release, "
            "`flotilla rollback web --to COMMIT`"
        )
        assert set((await images(world)).values()) == {"web:2"}, "it went back once, and no further"
        held = rollout(world, "web-3").to_revision
        said = await refusal(world, "rollback", "bundle/web", reason="slow", to=held[:8])
        assert f"release {held[:8]} is on hold itself: slow" in said
        await world.command("rollback", "bundle/web", reason="2 as well", to=first[:8])
        await phase(world, "web-2", "RolledBack")
        assert set((await images(world)).values()) == {"web:1"}
        assert rollout(world, "web-3").phase == "RolledBack"
        said = await refusal(world, "rollback", "bundle/web", reason="once more", to=first[:8])
        assert said == f"release {first[:8]} is what rollout web-1 brought already"
        await world.never(lambda: any(one.id == "web-4" for one in world.view.rollouts), for_s=0.2)


async def test_what_may_not_be_approved_is_refused_in_words() -> None:
    files = travelling_fleet(NAMES, stages=ASKING)
    roles = FLEET.replace("[alice, ben]", "[ben, Ada]")
    async with fleet_world(NAMES, {**files, "fleet.yaml": roles}) as world:
        await world.until(lambda: world.need("approval"))
        said = await refusal(world, "approve", "rollout/web-1")
        assert "an approval is for the plan that was read: send its name as planHash" in said
        assert "or use `flotilla approve web-1`, which shows the plan and asks" in said
        seen = rollout(world, "web-1").plan_hash
        said = await refusal(world, "approve", "rollout/web-1", planHash=seen)
        assert "alice has none of the roles sre, which gate agreed asks for" in said
        author = CommandRequest(
            command="approve",
            target="rollout/web-1",
            actor="Ada",
            arguments={"planHash": seen[:12]},
        )
        with pytest.raises(Refused, match=r"Ada is an author of the release .*, and gate agreed"):
            await asyncio.to_thread(world.api.command, author)
        world.commit({"fleet.yaml": FLEET})
        await world.converged("dev-1")
        said = await refusal(world, "approve", "rollout/web-1", planHash="0" * 32)
        assert "this approval is for plan 00000000, and rollout web-1 now has" in said
        await approve_when_asked(world, "web-1")
        await phase(world, "web-1", "Completed")


async def test_what_cannot_travel_is_refused_with_its_place() -> None:
    twice = "    - {name: dev, select: env}\n    - {name: prod, select: env=prod}\n"
    nowhere = "    - {name: dev, select: env=dev}\n"
    unknown = ASKING.replace("agreed", "nobody")
    beyond = PLAIN.replace("select: env=dev}", "select: env=dev, maxFailures: 101%}")
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=PLAIN)) as world:
        await phase(world, "web-1", "Completed")
        for stages, words in (
            (twice, "the stages dev and prod both select prod-1"),
            (nowhere, "which no stage of ring"),
            (unknown, "nobody"),
            (beyond, "101%"),
        ):
            strategy = travelling_fleet(NAMES, stages=stages)["strategy.yaml"]
            world.commit({"strategy.yaml": strategy})
            await world.until(partial(_says, world, words))
        assert "not in force" in world.need("refused")


async def test_a_window_that_never_opens_strands_the_release_until_it_is_mended() -> None:
    never = (
        "apiVersion: flotilla.dev/v1\nkind: Window\nmetadata: {name: hours}\n"
        "spec: {kind: allow, from: '2001-01-01', to: '2001-01-02'}\n---\n"
        "apiVersion: flotilla.dev/v1\nkind: Gate\nmetadata: {name: agreed}\n"
        "spec: {window: hours}\n"
    )
    files = travelling_fleet(NAMES, stages=ASKING, more={"gates.yaml": never})
    async with fleet_world(NAMES, files) as world:
        await world.until(lambda: "cannot travel" in world.need("refused"))
        assert "hours" in world.need("refused")
        world.commit({"gates.yaml": AGREED})
        await approve_when_asked(world, "web-1")
        await phase(world, "web-1", "Completed")
        assert not world.need("refused")


async def test_a_timeout_says_what_the_cluster_waited_for() -> None:
    hasty = PLAIN.replace("select: env=dev}", "select: env=dev, progressDeadline: 500ms}")
    rule = "  health: [{target: {kind: ConfigMap}, healthy: 'self.data.version == \"9\"'}]\n"
    files = travelling_fleet(NAMES, stages=hasty, bundle=rule)
    async with fleet_world(NAMES, files) as world:
        await phase(world, "web-1", "Halted")
        (said,) = [sentence for sentence in told(world) if "has timed out" in sentence]
        assert "before its deadline: ConfigMap/web: healthy: self.data.version" in said


async def test_flux_stale_green_what_depends_waits_for_the_same_commit() -> None:
    """The dependency was green: with its old release, while the new one waited for a person."""

    def both(version: str) -> dict[str, str]:
        return {
            "apps/web/config.yaml": config_map("web", version=version),
            "apps/app/config.yaml": config_map("app", version=version),
        }

    depends = bundle_document("app", more="  dependsOn: [{bundle: web}]\n")
    more = {"bundles/app.yaml": depends, **both("1")}
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=ASKING, more=more)) as world:
        await approve_when_asked(world, "web-1")
        await phase(world, "web-1", "Completed")
        await world.converged()
        world.commit(both("2"))
        await world.until(lambda: world.need("approval"))
        waits = "waits for bundle web: its release of commit"
        await world.until(lambda: waits in world.placement("prod-1", "app").message)
        assert (await world.config_maps("prod-1"))["app"]["data"] == {"version": "1"}
        await approve_when_asked(world, "web-2")
        await world.converged()
        assert (await world.config_maps("prod-1"))["app"]["data"] == {"version": "2"}
