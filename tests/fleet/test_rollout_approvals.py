"""Approvals from outside: who may give them, for which plan, and what a person is told."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fleet.presenting.why import why
from tests.e2e.processes import run
from tests.fakes.fleet import FleetWorld, bundle_document, config_map, fleet_world
from tests.fakes.rollouts import (
    AGREED,
    FLEET,
    approve,
    image,
    phase,
    refusal,
    rollout,
    travelling_fleet,
)
from tests.fleet.source.gits import WorkTree

NAMES = ("dev-1", "prod-1")
ASKING = (
    "    - {name: dev, select: env=dev}\n"
    "    - {name: prod, select: env=prod, gates: {before: [agreed]}}\n"
)
OTHER = {
    "bundles/other.yaml": bundle_document("other", placement="clusters: [dev-1]"),
    "apps/other/other.yaml": config_map("other", version="1"),
}


def committed_by(world: FleetWorld, author: str, files: dict[str, str]) -> None:
    world.tree.write(files)
    world.tree.git("add", "--all")
    world.tree.git("commit", "--quiet", "--author", author, "-m", f"by {author}")


async def refused(world: FleetWorld, name: str) -> str:
    """The words with which an approval of the plan as it is now is refused."""
    return await refusal(
        world, "approve", f"rollout/{name}", planHash=rollout(world, name).plan_hash
    )


async def asked(world: FleetWorld, name: str) -> None:
    await world.until(lambda: rollout(world, name).stages[1].gates_before[0].state == "waiting")
    await world.until(lambda: f"flotilla approve {name}" in [n.command for n in world.view.needs])


async def test_whoever_wrote_part_of_what_is_new_may_not_approve_it() -> None:
    files = travelling_fleet(NAMES, stages=ASKING, more=OTHER)
    async with fleet_world(NAMES, files) as world:
        await asked(world, "web-1")
        await approve(world, "web-1")
        await phase(world, "web-1", "Completed")

        # Ben and a stranger commit before Ada does; only Ada's commit is the head of the release.
        committed_by(world, "ben <ben@example.com>", image("2"))
        committed_by(world, "Alice <alice@home.example>", image("3"))
        committed_by(world, "Zoe <zoe@example.com>", {"apps/other/other.yaml": "# nothing\n"})
        world.commit({"apps/web/config.yaml": config_map("web", version="2")})
        await asked(world, "web-2")
        # The actor is alice: the name in Git is hers.
        said = await refused(world, "web-2")
        assert "alice is an author of the release (Alice <alice@home.example>)" in said
        assert "Zoe" not in said


async def test_an_author_whom_nobody_knows_keeps_everybody_out_until_somebody_says_who() -> None:
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=ASKING)) as world:
        await asked(world, "web-1")
        await approve(world, "web-1")
        await phase(world, "web-1", "Completed")
        committed_by(world, "A. Love <al@home.example>", image("2"))
        world.look()
        await asked(world, "web-2")
        said = await refused(world, "web-2")
        assert "its author A. Love <al@home.example> is nobody that the fleet knows" in said
        assert "spec.identities of the Fleet document" in said
        known = FLEET.replace("[ada@example.com]}", "[ada@example.com], al: [al@home.example]}")
        head = world.commit({"fleet.yaml": known})
        await world.until(lambda: world.view.git.revision == head)
        await approve(world, "web-2")
        await phase(world, "web-2", "Completed")


async def test_a_script_has_to_name_the_plan_it_approves() -> None:
    async with fleet_world(NAMES, travelling_fleet(NAMES, stages=ASKING)) as world:
        await asked(world, "web-1")
        plan = rollout(world, "web-1").plan_hash

        async def asked_to(*words: str) -> tuple[int, str]:
            address = world.settings.address
            ended = await asyncio.to_thread(run, "approve", *words, FLOTILLA_SERVER=address)
            return ended.returncode, ended.stderr

        code, said = await asked_to("web-1")
        assert code == 2
        assert f"Plan {plan[:12]}" in said
        assert "stage prod (waiting): 1 of 1 clusters change, 1 at once" in said
        assert f"`flotilla approve web-1 --plan {plan[:12]}`" in said
        assert rollout(world, "web-1").phase == "Running"

        # Other rules for the next release change nothing here, and that is said.
        text = world.tree.git("show", "HEAD:strategy.yaml")
        world.commit(
            {
                "strategy.yaml": text.replace("env=prod,", "env=prod, soak: 1h,"),
                "gates.yaml": AGREED.replace("count: 1", "count: 2"),
            }
        )
        await world.until(lambda: rollout(world, "web-1").notes)
        (note,) = rollout(world, "web-1").notes
        assert note.startswith("changed in Git since this was planned: strategy ring, gate agreed;")
        assert note in why(world.runtime.coordinator.picture, "rollout/web-1")
        assert rollout(world, "web-1").plan_hash == plan

        code, said = await asked_to("web-1", "--plan", "0123456789ab")
        assert code == 1
        assert f"this approval is for plan 01234567, and rollout web-1 now has plan {plan[:8]}" in (
            said
        )
        code, said = await asked_to("web-9", "--yes")
        assert code != 0
        assert "there is no rollout 'rollout/web-9'" in said

        code, said = await asked_to("web-1", "--plan", plan[:12])
        assert (code, said) == (0, "approve rollout/web-1: accepted\n")
        await phase(world, "web-1", "Completed")


async def test_all_authors_of_the_documents_count_where_the_files_are_elsewhere(
    tmp_path: Path,
) -> None:
    """Beside the authors of the other repository; only the last commit's author counted once."""
    apps = WorkTree.make(tmp_path / "apps", {"web/web.yaml": config_map("web", version="1")})
    files = travelling_fleet(NAMES, stages=ASKING)
    own = bundle_document("web", more="  strategyRef: ring\n").replace(
        "path: apps/web", f"path: web, git: {apps.path.as_uri()}"
    )
    async with fleet_world(NAMES, {**files, "bundles/web.yaml": own}) as world:
        await asked(world, "web-1")
        await approve(world, "web-1")
        await phase(world, "web-1", "Completed")
        first = world.runtime.coordinator.state.assignments["web"]["prod-1"].good_fleet_revision
        assert first == world.view.git.revision

        # Alice changes a gate that asks, which renders nothing new; then Ada commits beside it.
        committed_by(world, "Alice <alice@home.example>", {"gates.yaml": f"{AGREED}# asked\n"})
        committed_by(world, "ben <ben@example.com>", {"README.md": "A fleet.\n"})
        head = world.commit({"notes.txt": "nothing"})
        await world.until(lambda: world.view.git.revision == head)
        apps.commit({"web/web.yaml": config_map("web", version="2")}, "two")
        await world.restart()
        world.look()
        await asked(world, "web-2")
        said = await refused(world, "web-2")
        assert "alice is an author of the release (Alice <alice@home.example>)" in said
        assert "ben" not in said
