"""From a real repository to the manifests of a cluster."""

from __future__ import annotations

import os

import pytest

from fleet.model import ValuesLayer
from fleet.model.problems import InvalidFleet
from fleet.source.bundle_files import read_bundle_files
from fleet.source.errors import PathNotFound
from fleet.source.render.render import Renderer
from tests.fleet.source.gits import OpenRepository, WorkTree
from tests.fleet.source.render.building import bundle, cluster, config_map, contents

LAYERS = [
    ValuesLayer(file="values"),
    ValuesLayer(file=".clusters/${cluster.name}.txt", optional=True),
]
FILES = {
    "apps/web/config.yaml": config_map("web", size="${values.size}"),
    "apps/web/values": "size: s\n",
    "apps/web/.clusters/us-1.txt": "size: l\n",
    "apps/web/logo.svg": "<svg/>",
    "apps/web/.github/x.yaml": "on: push",
    "apps/other.yaml": "not: ours",
}


async def test_renders_what_a_commit_holds(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.commit(FILES)
    repository = open_repository(work_tree.path)
    one = bundle(path="./apps/web/", values=LAYERS)
    files = await read_bundle_files(repository, (await repository.fetch()).revision, one)
    assert sorted(files.files) == [
        "apps/web/.clusters/us-1.txt",
        "apps/web/a.yaml",
        "apps/web/config.yaml",
        "apps/web/values",
    ]
    renderer = Renderer(fleet="acme")
    with pytest.raises(InvalidFleet, match=r"apps/web/a.yaml:1: apiVersion: is required"):
        renderer.render(one, cluster(), files)
    work_tree.git("rm", "-q", "apps/web/a.yaml")
    work_tree.commit_all()
    files = await read_bundle_files(repository, (await repository.fetch()).revision, one)
    sizes = {
        name: contents(renderer.render(one, cluster(name), files))[0]["data"]["size"]
        for name in ("eu-1", "us-1")
    }
    assert sizes == {"eu-1": "s", "us-1": "l"}


async def test_a_bundle_whose_folder_is_gone(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    with pytest.raises(PathNotFound, match="cannot read the folder 'apps/shop'"):
        await read_bundle_files(repository, revision, bundle(path="apps/shop"))


async def test_cve_2022_24904_links_out_of_the_repository_are_refused_before_they_are_read(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    (work_tree.path / "apps/web/a.yaml").unlink()
    for name, target in {
        "passwd.yaml": "/etc/passwd",
        "up.yaml": "../../../origin/README",
        "chain.yaml": "up.yaml",
        "dangling.yaml": "nowhere",
        "etc": "/etc",
        "around": "..",
    }.items():
        os.symlink(target, work_tree.path / "apps/web" / name)
    work_tree.commit_all()
    repository = open_repository(work_tree.path)
    one = bundle(path="apps/web")
    files = await read_bundle_files(repository, (await repository.fetch()).revision, one)
    assert files.files == {}
    with pytest.raises(InvalidFleet) as refused:
        Renderer(fleet="acme").render(one, cluster(), files)
    assert [str(problem) for problem in refused.value.problems] == [
        "apps/web/around:1: the link points to a folder that contains it",
        "apps/web/chain.yaml:1: the link leaves the repository",
        "apps/web/dangling.yaml:1: the link points to nothing",
        "apps/web/etc:1: the link leaves the repository: it points to an absolute path",
        "apps/web/passwd.yaml:1: the link leaves the repository: it points to an absolute path",
        "apps/web/up.yaml:1: the link leaves the repository",
    ]


async def test_links_inside_the_repository_are_followed(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.commit({"shared/v2/x.yaml": config_map("x"), "apps/api/own.yaml": config_map("own")})
    os.symlink("v2", work_tree.path / "shared/current")
    os.symlink("../../shared/current", work_tree.path / "apps/api/base")
    work_tree.commit_all()
    repository = open_repository(work_tree.path)
    one = bundle(path="apps/api")
    files = await read_bundle_files(repository, (await repository.fetch()).revision, one)
    result = Renderer(fleet="acme").render(one, cluster(), files)
    assert [manifest.ref.name for manifest in result.manifests] == ["x", "own"]


async def test_cve_2026_45571_trees_that_only_an_attacker_writes(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    blob = work_tree.git("hash-object", "-w", "--stdin", stdin=config_map("x"))
    raw = bytes.fromhex(blob)
    tree = b"".join(
        mode + b" " + name + b"\0" + raw
        for mode, name in [(b"100644", b".git"), (b"100644", b"x..yaml"), (b"160000", b"sub")]
    )
    (work_tree.path / "evil").write_bytes(tree)
    oid = work_tree.git("hash-object", "-w", "-t", "tree", "--literally", "evil")
    commit = work_tree.git("commit-tree", oid, "-m", "evil")
    work_tree.git("update-ref", "refs/heads/evil", commit)
    repository = open_repository(work_tree.path, "evil")
    files = await read_bundle_files(repository, (await repository.fetch()).revision, bundle())
    assert list(files.files) == ["x..yaml"]
    assert [problem.file for problem in files.problems] == [".git"]
    assert [warning.file for warning in files.warnings] == ["sub"]
