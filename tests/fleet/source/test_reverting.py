"""Reverts for pull requests: what the new branch has, and that nothing else is touched."""

from __future__ import annotations

import pytest

from clusters.model import Revision
from fleet.source.errors import RefNotFound, SourceError
from fleet.source.repository import Repository
from fleet.source.reverting import NothingToRevert
from tests.fakes.git_http import serve
from tests.fleet.source.gits import OpenRepository, WorkTree

BRANCH = "flotilla/revert-web-12345678"


async def proposed(repository: Repository, good: str, *paths: str) -> str:
    return await repository.propose_revert(
        good=Revision(good), paths=paths, branch=BRANCH, message="Revert web\n\nwhy\n"
    )


async def history(tree: WorkTree, repository: Repository) -> str:
    """A good commit, then one that changes the folder and one that changes what is beside it."""
    tree.commit({"apps/web/a.yaml": "one", "apps/web/sub/b.yaml": "one", "other.yaml": "one"})
    good = tree.git("rev-parse", "HEAD")
    tree.commit({"apps/web/a.yaml": "two", "apps/web/new.yaml": "two", "other.yaml": "two"})
    tree.git("rm", "--quiet", "apps/web/sub/b.yaml")
    tree.commit_all("remove")
    tree.commit({"apps/web.yaml": "beside", "zoo/link": "x"})
    await repository.fetch()
    return good


async def test_only_the_folder_goes_back_on_a_branch_of_its_own(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(str(work_tree.path))
    good = await history(work_tree, repository)
    head = work_tree.git("rev-parse", "main")
    assert await proposed(repository, good, "apps/web") == "main"
    assert work_tree.git("rev-parse", "main") == head
    assert work_tree.git("rev-parse", f"{BRANCH}^") == head
    assert work_tree.git("diff", "--stat", "--name-status", "main", BRANCH).splitlines() == [
        "M\tapps/web/a.yaml",
        "D\tapps/web/new.yaml",
        "A\tapps/web/sub/b.yaml",
    ]
    assert work_tree.git("diff", "--name-only", good, BRANCH, "--", "apps/web") == ""
    assert work_tree.git("show", "--no-patch", "--format=%an|%B", BRANCH).startswith(
        "Flotilla|Revert web\n\nwhy"
    )
    work_tree.git("fsck", "--strict")
    # Asked again (after a crash), it leaves what is there alone.
    pushed = work_tree.git("rev-parse", BRANCH)
    assert await proposed(repository, good, "apps/web") == "main"
    assert work_tree.git("rev-parse", BRANCH) == pushed


async def test_the_document_goes_back_where_the_folder_is_the_same(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(str(work_tree.path))
    work_tree.commit({"apps/web/a.yaml": "one", "bundles/web.yaml": "one"})
    good = work_tree.git("rev-parse", "HEAD")
    work_tree.commit({"bundles/web.yaml": "two"})
    await repository.fetch()
    await proposed(repository, good, "apps/web", "bundles/web.yaml")
    assert work_tree.git("diff", "--name-only", "main", BRANCH) == "bundles/web.yaml"
    work_tree.git("branch", "-D", BRANCH)
    with pytest.raises(NothingToRevert, match="apps/web are the same at"):
        await proposed(repository, good, "apps/web")
    with pytest.raises(NothingToRevert):
        await proposed(repository, good, "no/such/folder")


async def test_what_follows_no_branch_cannot_be_proposed_to(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    good = work_tree.commit({"apps/web/a.yaml": "one"})
    work_tree.git("tag", "v1")
    repository = open_repository(str(work_tree.path), ref="v1")
    await repository.fetch()
    with pytest.raises(RefNotFound, match="is no branch"):
        await proposed(repository, good, "apps/web")


async def test_over_http_with_a_login_and_refused_without(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.git("config", "http.receivepack", "true")
    async with serve(work_tree.path.parent, login=("ada", "s3cret")) as server:
        address = f"{server.url}/{work_tree.path.name}/.git"
        repository = open_repository(address.replace("//", "//ada:s3cret@", 1))
        good = await history(work_tree, repository)
        await proposed(repository, good, "apps/web")
        assert work_tree.git("rev-parse", f"{BRANCH}^") == work_tree.git("rev-parse", "main")
        work_tree.git("branch", "-D", BRANCH)
        server.login = ("ada", "changed")
        with pytest.raises(SourceError) as caught:
            await proposed(repository, good, "apps/web")
        assert "s3cret" not in str(caught.value)
