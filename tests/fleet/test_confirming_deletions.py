"""Deletions wait for a person who has read them: what was not read is not deleted."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e.processes import run
from tests.fakes.fleet import FleetWorld, fleet_world
from tests.fakes.rollouts import refusal

ONE = "/api/v1/namespaces/default/configmaps/one"


async def keep(world: FleetWorld, value: str | None) -> None:
    """Have an object kept by its annotation, or not any more."""
    await world.edit("a", ONE, {"metadata": {"annotations": {"flotilla.dev/prune": value}}})


def listed(world: FleetWorld) -> list[str]:
    """The names of what waits."""
    return [
        name.rpartition("/")[2] for each in world.deletions("app").lists for name in each.objects
    ]


async def test_what_leaves_after_the_list_was_read_waits_for_another_word() -> None:
    async with fleet_world(["a"]) as world:

        async def confirm(*words: str) -> Any:
            address = world.settings.address
            return await asyncio.to_thread(
                run, "confirm-prune", "app", *words, FLOTILLA_SERVER=address
            )

        await world.converged()
        await keep(world, "disabled")
        world.remove("apps/app/one.yaml", "apps/app/two.yaml", "apps/app/three.yaml")
        world.commit({"apps/app/README.md": "nothing here"})
        await world.until(lambda: listed(world) == ["three", "two"])
        read = world.deletions("app").list_hash
        said = await refusal(world, "confirmPrune", "bundle/app")
        assert "a confirmation is for the list that was read: send its name as listHash" in said

        nowhere = await confirm("-c", "b", "--yes")
        assert (nowhere.returncode, nowhere.stderr) == (
            1,
            "Error: no deletion of bundle app waits on b\n",
        )
        asked = await confirm()
        assert asked.returncode == 2
        assert f"Bundle app, list {read[:12]}: would be deleted" in asked.stderr
        assert "on a: 2 objects (2 ConfigMap); nothing of the bundle would be left" in asked.stderr
        assert "ConfigMap default/three\n" in asked.stderr
        assert f"`flotilla confirm-prune app --list {read[:12]}`" in asked.stderr

        # The digest stays the same, and another object loses what kept it.
        await keep(world, None)
        await world.until(lambda: listed(world) == ["one", "three", "two"])
        late = await confirm("--list", read[:12], "-r", "moved")
        assert late.returncode == 1
        assert f"'{read[:12]}' is not the list of deletions of bundle app that waits now" in (
            late.stderr
        )
        assert sorted(await world.config_maps("a")) == ["four", "one", "three", "two"]

        await keep(world, "disabled")
        await world.until(lambda: listed(world) == ["three", "two"])
        again = await confirm("--list", read[:12], "-r", "moved")
        assert (again.returncode, again.stderr) == (0, "confirmPrune bundle/app: accepted\n")
        await world.until(lambda: any(e.kind == "ObjectsPruned" for e in world.view.events))
        assert sorted(await world.config_maps("a")) == ["four", "one"]

        # What was agreed to is done; what leaves later is asked for, also after a restart.
        await world.restart()
        await keep(world, None)
        await world.until(lambda: listed(world) == ["one"])
        assert sorted(await world.config_maps("a")) == ["four", "one"]
        await world.confirm_prune("app")
        await world.until(lambda: not world.need("confirm"))
        await world.until(lambda: sum(e.kind == "ObjectsPruned" for e in world.view.events) == 2)
        assert sorted(await world.config_maps("a")) == ["four"]
