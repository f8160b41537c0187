"""All that is wrong with a commit at once: no error hides another."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.model.problems import InvalidFleet
from fleet.source.validation import FILE_MAX_BYTES, check_work_tree, read_work_tree
from tests.fakes.fleet import bundle_document, cluster_document, config_map, fleet_world

FAULTY = {
    "clusters/b.yaml": cluster_document("b").replace("connection", "conection"),
    "bundles/other.yaml": bundle_document("other", "clusters: [zzz]"),
    "bundles/far.yaml": bundle_document("far", "selector: env=moon"),
    "bundles/lost.yaml": bundle_document("lost"),
    "bundles/twin.yaml": bundle_document("twin"),
    "apps/app/two.yaml": "data: {a: 1\n",
    "apps/app/three.yaml": config_map("three", color="${values.missing}"),
    "apps/other/four.yaml": "- no object\n- : [\n",
    "apps/far/five.yaml": "a: 1\na: 2\n",
    "apps/twin/six.yaml": config_map("six", color="red"),
    "apps/twin/seven.yaml": config_map("six", color="blue"),
}
EXPECTED = {
    "clusters/b.yaml",
    "bundles/other.yaml",
    "bundles/lost.yaml",
    "apps/app/two.yaml",
    "apps/app/three.yaml",
    "apps/other/four.yaml",
    "apps/far/five.yaml",
    "apps/twin/six.yaml",
}


async def test_a_commit_tells_the_errors_of_documents_and_of_manifests_at_once() -> None:
    async with fleet_world() as world:
        await world.converged()
        world.commit(FAULTY)
        await world.until(lambda: world.view.git.problems)
        told = {problem.file for problem in world.view.git.problems}
        assert told >= EXPECTED - {"apps/twin/six.yaml"}
        assert told & {"apps/twin/six.yaml", "apps/twin/seven.yaml"}
        checked = _problems(world.tree.path)
        assert {problem.file for problem in checked} == told


def _problems(root: Path) -> list[object]:
    with pytest.raises(InvalidFleet) as refused:
        check_work_tree(root)
    return list(refused.value.problems)


def _lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_work_tree_with_two_claims_on_an_object_is_refused(tmp_path: Path) -> None:
    files = {
        "a.yaml": cluster_document("a"),
        "one.yaml": bundle_document("one"),
        "two.yaml": bundle_document("two"),
        "apps/one/x.yaml": config_map("x"),
        "apps/two/x.yaml": config_map("x"),
    }
    problems = _problems(_lay_out(tmp_path, files))
    assert ["belongs to bundle one" in str(problem) for problem in problems] == [True]


def test_a_file_that_is_too_large_is_an_error_inside_a_bundle_only(tmp_path: Path) -> None:
    files = {
        "a.yaml": cluster_document("a"),
        "app.yaml": bundle_document("app"),
        "apps/app/x.yaml": config_map("x"),
        "apps/app/readme.bin": "",
        "data/huge.json": "",
    }
    root = _lay_out(tmp_path, files)
    for name in ("apps/app/readme.bin", "data/huge.json"):
        with (root / name).open("r+b") as file:
            file.truncate(FILE_MAX_BYTES + 1)
    assert check_work_tree(root).objects == 1
    with (root / "apps/app/big.yaml").open("wb") as file:
        file.truncate(2**30)
    problems = _problems(root)
    assert [str(problem) for problem in problems] == [
        "apps/app/big.yaml:1: has 1,073,741,824 bytes; a file may have 16,777,216"
    ]


def test_documents_alone_are_read_without_their_bundles(tmp_path: Path) -> None:
    root = _lay_out(tmp_path, {"a.yaml": cluster_document("a"), "b.yaml": bundle_document("b")})
    assert list(read_work_tree(root).bundles) == ["b"]
    (root / "link.yaml").symlink_to("/etc/hostname")
    with pytest.raises(InvalidFleet, match="leaves the repository"):
        read_work_tree(root)
