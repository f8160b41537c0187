"""After a rollback the revert is proposed to Git: a branch and, with a forge, a pull request."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.fleet import FleetWorld, fleet_world
from tests.fakes.forge import forge
from tests.fakes.rollouts import FLEET, image, images, phase, told, travelling_fleet

NAMES = ("dev-1", "dev-2")
STAGES = (
    "    - {name: dev, select: env=dev, maxConcurrency: 2, progressDeadline: 1s,"
    " onBreach: rollbackRun}\n"
)
BACK = "  rollback: {writeBack: pull-request}\n"


async def rolled_back(world: FleetWorld) -> tuple[str, str]:
    """Let a bad release go back; return its commit, and the branch of its revert."""
    await phase(world, "web-1", "Completed", 30.0)
    bad = world.commit({**image("fail"), "README.md": "Also changed."})
    await phase(world, "web-2", "RolledBack", 30.0)
    return bad, f"flotilla/revert-web-{bad[:8]}"


async def test_without_a_forge_the_branch_is_pushed_and_a_person_is_told() -> None:
    files = travelling_fleet(NAMES, stages=STAGES, bundle=BACK)
    async with fleet_world(NAMES, files) as world:
        good = world.tree.git("rev-parse", "HEAD")
        bad, branch = await rolled_back(world)
        assert world.tree.git("rev-parse", "main") == bad, "the followed branch is left alone"
        assert world.tree.git("rev-parse", f"{branch}^") == bad
        assert world.tree.git("diff", "--name-only", good, branch) == "README.md"
        assert (
            f"merge the revert (branch {branch}; no forge is declared in the Fleet document: open "
            "the pull request by hand) or commit a fix, or release the hold"
        ) in world.need("halted")
        # Merged, Git has what the clusters have: nothing travels, and nothing is wrong any more.
        world.tree.git("merge", "--quiet", "--ff-only", branch)
        world.look()
        await world.converged()
        assert set((await images(world)).values()) == {"web:1"}


async def test_with_a_forge_a_pull_request_is_opened(tmp_path: Path) -> None:
    (tmp_path / "forge-token").write_text("127.0.0.1 s3cret\n")
    async with forge() as fake:
        declared = (
            f"{FLEET}  forge: {{kind: gitea, url: '{fake.url}', repository: acme/fleet,"
            " secretRef: forge-token}\n"
        )
        files = travelling_fleet(NAMES, stages=STAGES, bundle=BACK, more={"fleet.yaml": declared})
        async with fleet_world(NAMES, files, secrets_dir=tmp_path) as world:
            _, branch = await rolled_back(world)
            [(path, headers, body)] = fake.asked
            assert path == "/api/repos/acme/fleet/pulls"
            assert headers["Authorization"] == "token s3cret"
            assert (body["head"], body["base"]) == (branch, "main")
            assert "clusters of stage dev failed" in body["body"]
            assert "merge the revert (https://forge.example/pulls/7)" in world.need("halted")
            assert any(
                "the revert is proposed: https://forge.example" in line for line in told(world)
            )
            assert not any("s3cret" in str(event) for event in world.view.events)


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "is no text"),
        # Whoever may push names any server and any secret: neither is enough to send it there.
        (b"s3cret", "is not meant for 127.0.0.1"),
    ],
    ids=["missing", "binary", "of-another-server"],
)
async def test_a_token_that_is_of_no_use_keeps_nothing_from_ending(
    tmp_path: Path, token: bytes | None, words: str
) -> None:
    if token is not None:
        (tmp_path / "forge-token").write_bytes(token)
    async with forge() as fake:
        declared = (
            f"{FLEET}  forge: {{kind: github, url: '{fake.url}', repository: acme/fleet,"
            " secretRef: forge-token}\n"
        )
        files = travelling_fleet(NAMES, stages=STAGES, bundle=BACK, more={"fleet.yaml": declared})
        async with fleet_world(NAMES, files, secrets_dir=tmp_path) as world:
            _, branch = await rolled_back(world)
            assert f"branch {branch}" in world.need("halted")
            assert f"its token forge-token {words}" in world.need("halted")
            assert not fake.asked
