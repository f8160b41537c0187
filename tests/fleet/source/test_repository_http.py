"""Repositories over http: the real `git http-backend`, credentials, and servers that misbehave."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleet.source.errors import (
    AuthenticationFailed,
    RefNotFound,
    RepositoryNotFound,
    RepositoryUnreachable,
    SourceError,
    TimedOut,
)
from fleet.source.git_command import GitSettings
from tests.fakes.git_http import Fault, GitHttp, serve
from tests.fleet.source.gits import OpenRepository, WorkTree

PASSWORD = "s3cr3t-cAnArY"

pytestmark = pytest.mark.skipif(
    not Path(subprocess.check_output(["git", "--exec-path"], text=True).strip(), "git-http-backend")
    .exists(),
    reason="git http-backend is not installed (it is part of Debian's git)",
)  # fmt: skip


@pytest.fixture
async def server(work_tree: WorkTree) -> AsyncIterator[GitHttp]:
    async with serve(work_tree.path.parent) as running:
        yield running


def with_login(url: str, username: str, password: str) -> str:
    return url.replace("://", f"://{username}:{password}@")


async def test_reads_over_http(
    server: GitHttp, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(f"{server.url}/origin/.git")
    result = await repository.fetch()
    assert result.revision == work_tree.git("rev-parse", "HEAD")
    tree = await repository.read_tree(result.revision, "apps")
    assert list((await repository.read_blobs(tree.values())).values()) == [b"a: 1\n"]
    looked = len(server.requests)
    assert not (await repository.fetch()).changed
    assert len(server.requests) - looked == 2, "a look without news is a listing, not a transfer"


async def test_sends_the_credentials_of_the_url(
    server: GitHttp, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    server.login = ("bot", PASSWORD)
    repository = open_repository(with_login(server.url, "bot", PASSWORD) + "/origin/.git")
    assert (await repository.fetch()).revision == work_tree.git("rev-parse", "HEAD")


async def test_credentials_are_written_nowhere(
    server: GitHttp, tmp_path: Path, open_repository: OpenRepository
) -> None:
    server.login = ("bot", PASSWORD)
    repository = open_repository(with_login(server.url, "bot", PASSWORD) + "/origin/.git")
    await repository.fetch()
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert files
    assert all(PASSWORD.encode() not in path.read_bytes() for path in files)
    assert PASSWORD not in repr(repository.url)


@pytest.mark.parametrize("login", [("bot", "wrong-cAnArY"), ("", "wrong-cAnArY"), None])
async def test_credentials_that_are_not_accepted(
    login: tuple[str, str] | None, server: GitHttp, open_repository: OpenRepository
) -> None:
    server.login = ("bot", PASSWORD)
    url = with_login(server.url, *login) if login else server.url
    with pytest.raises(AuthenticationFailed, match="token or key that may read") as refused:
        await open_repository(f"{url}/origin/.git").fetch()
    assert "cAnArY" not in str(refused.value)
    assert f"{server.url}/origin/.git" in str(refused.value)


async def test_a_repository_that_the_server_does_not_have(
    server: GitHttp, open_repository: OpenRepository
) -> None:
    with pytest.raises(RepositoryNotFound):
        await open_repository(f"{server.url}/gone.git").fetch()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault.HTML, "a web page answers in its place"),
        (Fault.SERVER_ERROR, "500"),
        (Fault.CUT, "no answer from a Git server"),
    ],
)
async def test_a_server_that_is_broken(
    fault: Fault, message: str, server: GitHttp, open_repository: OpenRepository
) -> None:
    server.fault = fault
    url = with_login(server.url, "bot", PASSWORD) + "/origin/.git"
    with pytest.raises(SourceError, match=message) as broken:
        await open_repository(url).fetch()
    assert PASSWORD not in str(broken.value)
    server.fault = Fault.NONE
    assert (await open_repository(url).fetch()).changed


async def test_a_server_that_hangs(
    server: GitHttp, tmp_path: Path, open_repository: OpenRepository
) -> None:
    server.fault = Fault.HANG
    repository = open_repository(
        f"{server.url}/origin/.git", settings=GitSettings(listing_timeout_s=0.5)
    )
    with pytest.raises(TimedOut, match=r"within 0.5 s"):
        await repository.fetch()


async def test_nobody_listens(open_repository: OpenRepository) -> None:
    with pytest.raises(RepositoryUnreachable, match="no answer from a Git server"):
        await open_repository("http://127.0.0.1:1/fleet.git").fetch()


async def test_cve_2026_41506_credentials_do_not_follow_a_redirect(
    server: GitHttp, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    async with serve(work_tree.path.parent) as elsewhere:
        server.fault = Fault.REDIRECT
        server.redirect_to = elsewhere.url
        url = with_login(server.url, "bot", PASSWORD) + "/origin/.git"
        with pytest.raises(RepositoryUnreachable):
            await open_repository(url).fetch()
        assert elsewhere.requests == []


@pytest.mark.parametrize("speaks_version_2", [True, False])
async def test_a_commit_that_no_branch_names(
    speaks_version_2: bool,
    server: GitHttp,
    work_tree: WorkTree,
    open_repository: OpenRepository,
) -> None:
    server.speaks_version_2 = speaks_version_2
    older = work_tree.git("rev-parse", "HEAD")
    work_tree.git("branch", "topic")
    newer = work_tree.commit({"b": "1"})
    url = f"{server.url}/origin/.git"
    assert (await open_repository(url, older).fetch()).revision == older
    work_tree.git("branch", "-D", "topic")
    work_tree.git("branch", "topic/deeper")
    work_tree.commit({"b": "2"})
    assert (await open_repository(url, newer).fetch()).revision == newer
    with pytest.raises(RefNotFound, match="was it pushed"):
        await open_repository(url, "1" * 40).fetch()
