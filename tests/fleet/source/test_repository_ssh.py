"""Repositories over ssh: a real sshd on loopback, keys, and hosts that nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fleet.source.errors import (
    AuthenticationFailed,
    HostKeyUnknown,
    RepositoryNotFound,
    RepositoryUnreachable,
)
from fleet.source.git_command import GitSettings
from tests.fakes import sshd
from tests.fakes.sshd import Sshd
from tests.fleet.source.gits import OpenRepository, WorkTree

pytestmark = pytest.mark.skipif(sshd.MISSING is not None, reason=str(sshd.MISSING))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd.run(tmp_path_factory.mktemp("ssh")) as running:
        yield running


def settings_for(server: Sshd) -> GitSettings:
    return GitSettings(known_hosts=server.known_hosts, ssh_key=server.client_key)


async def test_reads_over_ssh(
    server: Sshd, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(server.url(work_tree.path), settings=settings_for(server))
    result = await repository.fetch()
    assert result.revision == work_tree.git("rev-parse", "HEAD")
    assert len(await repository.read_tree(result.revision, "")) == 2


async def test_cve_2025_23390_an_unknown_host_key_is_refused(
    server: Sshd, work_tree: WorkTree, tmp_path: Path, open_repository: OpenRepository
) -> None:
    known = tmp_path / "known_hosts"
    known.write_text("")
    settings = GitSettings(known_hosts=known, ssh_key=server.client_key)
    with pytest.raises(HostKeyUnknown, match="not in known_hosts"):
        await open_repository(server.url(work_tree.path), settings=settings).fetch()
    assert known.read_text() == "", "an unknown key must not be learnt"


async def test_another_host_key_is_refused(
    server: Sshd, work_tree: WorkTree, tmp_path: Path, open_repository: OpenRepository
) -> None:
    known = tmp_path / "known_hosts"
    kind, key, *_ = (server.client_key.with_suffix(".pub")).read_text().split()
    known.write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
    settings = GitSettings(known_hosts=known, ssh_key=server.client_key)
    with pytest.raises(HostKeyUnknown, match="stands in between"):
        await open_repository(server.url(work_tree.path), settings=settings).fetch()


async def test_a_key_that_may_not_log_in(
    server: Sshd, work_tree: WorkTree, tmp_path: Path, open_repository: OpenRepository
) -> None:
    other = tmp_path / "other"
    sshd.keygen(other)
    settings = GitSettings(known_hosts=server.known_hosts, ssh_key=other)
    with pytest.raises(AuthenticationFailed):
        await open_repository(server.url(work_tree.path), settings=settings).fetch()


async def test_a_repository_that_the_host_does_not_have(
    server: Sshd, tmp_path: Path, open_repository: OpenRepository
) -> None:
    with pytest.raises(RepositoryNotFound):
        await open_repository(server.url(tmp_path / "gone"), settings=settings_for(server)).fetch()


async def test_no_host_answers(server: Sshd, open_repository: OpenRepository) -> None:
    url = "ssh://git@127.0.0.1:1/fleet.git"
    with pytest.raises(RepositoryUnreachable):
        await open_repository(url, settings=settings_for(server)).fetch()
