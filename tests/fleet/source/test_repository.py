"""Repositories on this machine: refs, history, files, and what a person may do to them."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from clusters.model import Revision
from fleet.source.errors import (
    MirrorFailed,
    PathNotFound,
    RefNotFound,
    RepositoryEmpty,
    RepositoryNotFound,
    SourceError,
    TooLarge,
    UnsafeRef,
)
from fleet.source.repository import Repository, SourceLimits
from fleet.source.urls import RepositoryUrl, Transport, parse_url
from fleet.source.worker import GitWorker
from tests.fleet.source.gits import OpenRepository, WorkTree


@pytest.mark.parametrize("form", ["{}", "file://{}", "{}/.git"])
async def test_reads_a_local_repository(
    form: str, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(form.format(work_tree.path))
    result = await repository.fetch()
    assert result.revision == work_tree.git("rev-parse", "HEAD")
    assert (result.previous, result.changed, result.forced) == (None, True, False)
    tree = await repository.read_tree(result.revision, "")
    assert sorted(tree) == ["README", "apps/web/a.yaml"]
    blobs = await repository.read_blobs(tree.values())
    assert blobs[tree["apps/web/a.yaml"].blob_id] == b"a: 1\n"
    assert tree["apps/web/a.yaml"].size == 5


async def test_a_state_directory_may_be_named_from_where_one_stands(
    work_tree: WorkTree, worker: GitWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--state state`: Git runs in another folder than the server, and found nothing."""
    monkeypatch.chdir(tmp_path)
    repository = Repository(
        parse_url(str(work_tree.path)), ref=None, worker=worker, state=Path("here/state")
    )
    revision = (await repository.fetch()).revision
    assert sorted(await repository.read_tree(revision, "")) == ["README", "apps/web/a.yaml"]
    await repository.close()


async def test_reads_the_commit_and_never_the_work_tree(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.write({"apps/web/a.yaml": "edited: true\n", "apps/web/new.yaml": "b: 1\n"})
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    tree = await repository.read_tree(revision, "apps")
    assert list(tree) == ["apps/web/a.yaml"]
    assert list((await repository.read_blobs(tree.values())).values()) == [b"a: 1\n"]


async def test_notices_a_commit_and_its_absence(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    first = (await repository.fetch()).revision
    assert not (await repository.fetch()).changed
    second = work_tree.commit({"apps/web/a.yaml": "a: 2\n"})
    result = await repository.fetch()
    assert (result.previous, result.revision, result.forced) == (first, second, False)


async def test_notices_a_force_push_even_after_a_restart(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.commit({"apps/web/a.yaml": "a: 2\n"})
    before = (await open_repository(work_tree.path).fetch()).revision
    work_tree.git("reset", "--quiet", "--hard", "HEAD~1")
    rewritten = work_tree.commit({"apps/web/a.yaml": "a: 3\n"})
    again = open_repository(work_tree.path)
    result = await again.fetch()
    assert (result.previous, result.revision, result.forced) == (before, rewritten, True)
    assert list(await again.read_tree(before, "apps")) == ["apps/web/a.yaml"]


async def test_a_rewound_branch_is_a_force_push(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.commit({"apps/web/a.yaml": "a: 2\n"})
    repository = open_repository(work_tree.path)
    await repository.fetch()
    work_tree.git("reset", "--quiet", "--hard", "HEAD~1")
    assert (await repository.fetch()).forced


async def test_resolves_branches_tags_and_commits(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    first = work_tree.git("rev-parse", "HEAD")
    work_tree.git("tag", "-a", "v1", "-m", "annotated")
    work_tree.git("tag", "light")
    work_tree.git("switch", "--quiet", "-c", "feature/x")
    second = work_tree.commit({"b.yaml": "b: 1\n"})
    work_tree.git("switch", "--quiet", "main")
    expected = {
        None: first,
        "main": first,
        "refs/heads/main": first,
        "feature/x": second,
        "v1": first,
        "refs/tags/v1": first,
        "light": first,
        first: first,
        second: second,
    }
    for ref, revision in expected.items():
        repository = open_repository(work_tree.path, ref)
        assert (await repository.fetch()).revision == revision, ref
        assert not (await repository.fetch()).changed, ref


async def test_a_commit_that_was_fetched_needs_no_server(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    commit = work_tree.git("rev-parse", "HEAD")
    repository = open_repository(work_tree.path, commit)
    await repository.fetch()
    shutil.rmtree(work_tree.path)
    assert (await repository.fetch()).revision == commit


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("mian", "did you mean main?"),
        ("release", "it has main"),
        ("0123abc", "all 40 digits"),
        ("0" * 40, "no branch of the repository has this commit"),
        ("refs/heads/gone", "no branch or tag"),
    ],
)
async def test_a_missing_ref_is_named_with_what_there_is(
    ref: str, words: str, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    with pytest.raises(RefNotFound) as missing:
        await open_repository(work_tree.path, ref).fetch()
    assert words in str(missing.value)
    assert f"{work_tree.path} at {ref}" in str(missing.value)


async def test_a_name_that_is_branch_and_tag_is_refused(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.git("tag", "both")
    work_tree.commit({"b": "1"})
    work_tree.git("branch", "both")
    with pytest.raises(RefNotFound, match="write refs/heads/both or refs/tags/both"):
        await open_repository(work_tree.path, "both").fetch()
    assert (await open_repository(work_tree.path, "refs/tags/both").fetch()).revision


async def test_a_tag_of_no_commit_is_refused(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.git("tag", "blob", "HEAD:README")
    with pytest.raises(RefNotFound, match="is no commit"):
        await open_repository(work_tree.path, "blob").fetch()


async def test_a_repository_that_vanishes(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    work_tree.path.rename(work_tree.path.with_name("moved"))
    with pytest.raises(RepositoryNotFound, match="moved or deleted"):
        await repository.fetch()
    assert len(await repository.read_tree(revision, "")) == 2


async def test_a_repository_that_is_emptied(
    tmp_path: Path, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    bare = tmp_path / "bare.git"
    work_tree.git("clone", "--quiet", "--bare", ".", str(bare))
    repository = open_repository(bare)
    revision = (await repository.fetch()).revision
    work_tree.git(f"--git-dir={bare}", "update-ref", "-d", "refs/heads/main")
    with pytest.raises(RepositoryEmpty, match="last good commit stays in force"):
        await repository.fetch()
    assert (await repository.commit(revision)).revision == revision


async def test_a_repository_without_commits(
    tmp_path: Path, open_repository: OpenRepository
) -> None:
    new = WorkTree.make(tmp_path / "new")
    with pytest.raises(RepositoryEmpty):
        await open_repository(new.path).fetch()
    with pytest.raises(RepositoryEmpty):
        await open_repository(new.path, "main").fetch()


async def test_a_default_branch_that_does_not_exist(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    with pytest.raises(RefNotFound, match="name a branch, it has main"):
        await open_repository(work_tree.path).fetch()


async def test_a_folder_that_is_no_repository(
    tmp_path: Path, open_repository: OpenRepository
) -> None:
    with pytest.raises(RepositoryNotFound, match="no Git repository"):
        await open_repository(tmp_path).fetch()


async def test_cve_2022_36035_a_transfer_that_is_too_large_is_stopped_and_removed(
    tmp_path: Path, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    (work_tree.path / "video.bin").write_bytes(os.urandom(12 * 2**20))
    work_tree.commit_all()
    repository = open_repository(work_tree.path, limits=SourceLimits(repository_max_bytes=2**20))
    with pytest.raises(TooLarge, match="more than 1 MiB"):
        await repository.fetch()
    assert not list((tmp_path / "state").rglob("tmp_*"))


async def test_sizes_and_counts_are_limited_before_anything_is_read(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    work_tree.commit({f"many/{n}.yaml": "x: " + "y" * n for n in range(20)})
    limits = SourceLimits(file_max_bytes=20, folder_max_bytes=60, files_max=21)
    repository = open_repository(work_tree.path, limits=limits)
    revision = (await repository.fetch()).revision
    with pytest.raises(TooLarge, match="more than 21 files"):
        await repository.read_tree(revision, "")
    tree = await repository.read_tree(revision, "many")
    with pytest.raises(TooLarge, match=r"many/19.yaml was not sent: .* more than the 20 bytes"):
        await repository.read_blobs([tree["many/19.yaml"]])
    with pytest.raises(TooLarge, match=r"\d+ files have \d+ bytes together"):
        await repository.read_blobs(entry for entry in tree.values() if entry.size)


@pytest.mark.parametrize("path", ["/etc", "../other", "apps/../../x", "a\\b", ".git/config", "~"])
async def test_cve_2022_24877_a_path_cannot_leave_the_repository(
    path: str, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    with pytest.raises(PathNotFound, match="must"):
        await repository.read_tree(revision, path)


@pytest.mark.parametrize("path", ["missing", "README", "apps%2fweb"])
async def test_a_path_that_is_no_folder(
    path: str, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    with pytest.raises(PathNotFound, match=r"no such folder|it is a file"):
        await repository.read_tree(revision, path)


async def test_deep_and_strange_names(work_tree: WorkTree, open_repository: OpenRepository) -> None:
    deep = "/".join(["d"] * 200) + "/a.yaml"
    names = [deep, "with space/ä ö.yaml", "-rf.yaml", ":(top)x.yaml", 'quo"te.yaml', "a\tb.yaml"]
    work_tree.commit(dict.fromkeys(names, "x: 1\n"))
    repository = open_repository(work_tree.path)
    tree = await repository.read_tree((await repository.fetch()).revision, "")
    assert set(names[:-1]) <= set(tree)
    assert [problem.message for problem in tree.problems] == [
        "no file of a repository may have this name"
    ]


async def test_tells_who_changed_a_folder(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    first = work_tree.git("rev-parse", "HEAD")
    second = work_tree.commit({"apps/web/a.yaml": "a: 2\n"}, "Scale \x1b[31mweb\x07")
    work_tree.commit({"README": "changed\n"}, "Say more")
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    history = await repository.log(revision, "apps", 10)
    assert [commit.revision for commit in history] == [second, first]
    assert len(await repository.log(revision, "", 2)) == 2
    info = history[0]
    assert (info.author, info.email, info.parents) == ("Ada", "ada@example.com", (first,))
    assert info.subject == "Scale [31mweb"
    assert info.authored_at.isoformat() == "2026-03-01T10:00:00+02:00"


async def test_authors_are_all_that_there_ever_were_where_the_last_good_commit_is_unknown(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    """A commit that was pushed away, or never recorded, says nothing about what is new."""
    repository = open_repository(str(work_tree.path))
    first = (await repository.fetch()).revision
    work_tree.write({"apps/web/a.yaml": "a: 2\n"})
    work_tree.git("commit", "--quiet", "--all", "--author", "Zoe <z@example.com>", "-m", "two")
    newest = (await repository.fetch()).revision

    async def names(*since: str) -> set[str]:
        bases = map(Revision, since)
        found = await repository.authors(newest, ["apps/web"], since=bases)
        return {person.name for person in found}

    new = await names(first)
    assert "Zoe" in new
    everybody = await names()
    assert everybody == await names(first, "0" * 40) == await names("")
    assert await names(newest) == set()


@pytest.mark.parametrize("ref", ["--upload-pack=touch x", "a b", "-x"])
async def test_cve_2025_21613_a_ref_that_is_an_option_is_refused(
    ref: str, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    with pytest.raises(UnsafeRef):
        open_repository(work_tree.path, ref)


async def test_cve_2026_71556_hooks_and_settings_of_the_machine_do_not_matter(
    tmp_path: Path, work_tree: WorkTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    home = tmp_path / "home"
    hooks = home / "hooks"
    hooks.mkdir(parents=True)
    for name in ("reference-transaction", "post-update", "pre-receive", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n[init]\n\ttemplateDir = {home}\n"
        f'[uploadpack]\n\tpackObjectsHook = "touch {marker}; false"\n'
        '[url "/nowhere"]\n\tinsteadOf = /\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "not-here"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "not-here"))
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    async with GitWorker() as worker:
        repository = Repository(
            parse_url(str(work_tree.path)), worker=worker, state=tmp_path / "state"
        )
        tree = await repository.read_tree((await repository.fetch()).revision, "")
        await repository.read_blobs(tree.values())
        await repository.close()
    assert len(tree) == 2
    assert not marker.exists()
    assert not (tmp_path / "trace").exists()


async def test_a_damaged_mirror_is_made_anew(
    tmp_path: Path, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    revision = (await open_repository(work_tree.path).fetch()).revision
    (mirror,) = (tmp_path / "state").iterdir()
    (mirror / "HEAD").unlink()
    assert (await open_repository(work_tree.path).fetch()).revision == revision


async def test_a_state_directory_that_cannot_be_written(
    tmp_path: Path, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    (tmp_path / "state").write_text("a file in the way")
    with pytest.raises(MirrorFailed, match="check disk space and permissions"):
        await open_repository(work_tree.path).fetch()


async def test_reading_a_revision_that_was_never_fetched(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    with pytest.raises(MirrorFailed):
        await open_repository(work_tree.path).read_tree(Revision("1" * 40), "")


async def test_closing_leaves_no_process(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    tree = await repository.read_tree((await repository.fetch()).revision, "")
    await repository.read_blobs(tree.values())
    await repository.close()
    assert "cat-file" not in await asyncio.to_thread(children_of_this_process)


def children_of_this_process() -> str:
    command = ["ps", "--ppid", str(os.getpid()), "-o", "args="]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


async def test_a_transfer_that_is_too_large_and_fast_is_refused_again_and_again(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    (work_tree.path / "picture.bin").write_bytes(os.urandom(100_000))
    work_tree.commit_all()
    repository = open_repository(work_tree.path, limits=SourceLimits(repository_max_bytes=50_000))
    for _ in range(2):
        with pytest.raises(TooLarge):
            await repository.fetch()


@pytest.mark.parametrize("text", ["ext::sh -c touch% {}", "--upload-pack=touch {}"])
async def test_cve_2022_24439_even_an_unchecked_url_runs_nothing(
    text: str, worker: GitWorker, tmp_path: Path
) -> None:
    marker = tmp_path / "ran"
    url = RepositoryUrl(text=text.format(marker), transport=Transport.FILE)
    repository = Repository(url, worker=worker, state=tmp_path / "state")
    with pytest.raises(SourceError):
        await repository.fetch()
    await repository.close()
    assert not marker.exists()


async def test_damaged_objects_are_called_that(
    tmp_path: Path, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    revision = (await repository.fetch()).revision
    await repository.close()
    for path in await asyncio.to_thread(lambda: list((tmp_path / "state").rglob("*.pack"))):
        path.chmod(0o600)
        path.write_bytes(b"PACK")
    with pytest.raises(MirrorFailed, match="cannot be used"):
        await repository.read_tree(revision, "")
    with pytest.raises(MirrorFailed, match="delete the local copy"):
        await repository.fetch()
    await asyncio.to_thread(shutil.rmtree, tmp_path / "state")
    assert (await open_repository(work_tree.path).fetch()).revision == revision


async def test_many_commits_are_packed_together(
    tmp_path: Path, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    repository = open_repository(work_tree.path)
    for n in range(24):
        work_tree.commit({"n": str(n)})
        revision = (await repository.fetch()).revision
    packs = await asyncio.to_thread(lambda: list((tmp_path / "state").rglob("*.pack")))
    assert 1 <= len(packs) < 22
    assert len(await repository.log(revision, "n", 100)) == 24


async def test_a_relative_state_directory_is_the_servers_own(
    work_tree: WorkTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with GitWorker() as worker:
        url = parse_url(str(work_tree.path))
        repository = Repository(url, worker=worker, state=Path("state/git"))
        assert (await repository.fetch()).revision == work_tree.git("rev-parse", "HEAD")
        assert (tmp_path / "state/git").is_dir()
