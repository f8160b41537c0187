"""Large repositories: what is large and not needed is never sent, and what is needed is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fleet.source.errors import TooLarge
from fleet.source.remote import MIB
from fleet.source.repository import SourceLimits
from tests.fakes.fleet import bundle_document, fleet_world
from tests.fakes.git_http import serve
from tests.fleet.source.gits import OpenRepository, WorkTree

LIMITS = SourceLimits(repository_max_bytes=8 * MIB, file_max_bytes=MIB)


def put(tree: WorkTree, name: str, size: int) -> str:
    path = tree.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    tree.git("config", "core.compression", "0")  # there is nothing to gain on it
    return tree.commit_all(f"add {name}")


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("over", ["file", "http"])
async def test_large_files_stay_where_they_are(
    over: str, work_tree: WorkTree, tmp_path: Path, open_repository: OpenRepository
) -> None:
    put(work_tree, "videos/a.bin", 9 * MIB)
    put(work_tree, "videos/b.bin", 9 * MIB)
    work_tree.git("config", "uploadpack.allowFilter", str(over == "http"))
    async with serve(work_tree.path.parent) as server:
        url = f"{server.url}/origin/.git" if over == "http" else str(work_tree.path)
        repository = open_repository(url, limits=LIMITS)
        revision = (await repository.fetch()).revision
        assert bytes_below(tmp_path / "state") < MIB
        tree = await repository.read_tree(revision, "apps")
        assert list((await repository.read_blobs(tree.values())).values()) == [b"a: 1\n"]
        videos = await repository.read_tree(revision, "videos")
        assert [entry.size for entry in videos.values()] == [None, None]
        with pytest.raises(TooLarge, match=r"videos/a.bin was not sent: .* 1,048,576 bytes"):
            await repository.read_blobs(videos.values())

        work_tree.commit({"apps/web.yaml": "a: 2\n"})
        newer = await repository.fetch()
        assert (newer.changed, newer.forced) == (True, False)
        assert len(await repository.log(newer.revision, "videos", 9)) == 2
        work_tree.git("reset", "--quiet", "--hard", "HEAD~2")
        work_tree.commit({"apps/web.yaml": "a: 3\n"})
        assert (await repository.fetch()).forced


async def test_a_server_that_sends_everything_meets_the_limit(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    put(work_tree, "videos/a.bin", 9 * MIB)
    async with serve(work_tree.path.parent) as server:
        repository = open_repository(f"{server.url}/origin/.git", limits=LIMITS)
        with pytest.raises(TooLarge, match=r"more than 8 MiB.*uploadpack.allowFilter"):
            await repository.fetch()


async def test_a_history_of_many_files_meets_the_limit(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    for number in range(12):
        put(work_tree, "pictures/new.bin", MIB - number)
    with pytest.raises(TooLarge, match=r"more than 8 MiB.*--git-max-mib"):
        await open_repository(work_tree.path, limits=LIMITS).fetch()


async def test_a_large_manifest_is_named_and_one_elsewhere_is_passed_over() -> None:
    async with fleet_world(("a",)) as world:
        await world.converged()
        for name in ("data/huge.json", "apps/app/video.bin"):
            put(world.tree, name, 17 * MIB)
        world.look()
        await world.converged()
        warned = [e.data["warnings"] for e in world.view.events if e.data.get("warnings")]
        assert [w["file"] for w in warned[-1]] == ["data/huge.json"]
        assert "16,777,216 bytes" in warned[-1][0]["message"]

        put(world.tree, "apps/app/huge.yaml", 17 * MIB)
        world.commit({"bundles/other.yaml": bundle_document("other", more="  colour: red\n")})
        await world.until(lambda: world.view.git.problems)
        told = {problem.field: problem for problem in world.view.git.problems}
        assert set(told) == {"spec.source", "spec.colour"}
        assert told["spec.source"].file == "bundles/app.yaml"
        assert "apps/app/huge.yaml was not sent" in told["spec.source"].message
        assert "16,777,216 bytes" in told["spec.source"].message
