"""Commits and names that no honest Git writes: read all the same, or refused with a sentence."""

from __future__ import annotations

import os
from datetime import UTC

import pytest

from tests.fleet.source.gits import OpenRepository, WorkTree

HEADERS = [
    "author Ada <ada@example.com> 99999999999999999999999 +0000",
    "author Ada <ada@example.com> 253402300799 -0100",
    "author Ada <ada@example.com> 1 +9999",
    "author Ada <a@b> 1 +0000\ncommitter Ada <a@b> 1 +0000\nencoding nobody-knows-it",
]


@pytest.mark.parametrize("headers", HEADERS)
async def test_a_commit_that_only_an_attacker_writes_is_read(
    headers: str, work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    """Anybody who may push can name any time and any encoding: that must stop no fleet."""
    repository = open_repository(work_tree.path)
    first = (await repository.fetch()).revision
    tree = work_tree.git("rev-parse", "HEAD^{tree}")
    if "committer" not in headers:
        headers += "\ncommitter Ada <ada@example.com> 1 +0000"
    raw = f"tree {tree}\nparent {first}\n{headers}\n\nChange\n"
    made = work_tree.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw)
    work_tree.git("update-ref", "refs/heads/main", made)
    revision = (await repository.fetch()).revision
    assert revision == made
    info = await repository.commit(revision)
    assert (info.parents, info.authored_at.astimezone(UTC).year) == ((first,), 1970)
    assert "apps/web/a.yaml" in await repository.read_tree(revision, "apps")
    assert {each.name for each in await repository.authors(revision, ["apps"], since=[])}


async def test_of_two_files_that_are_shown_alike_none_is_left_out_silently(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    names = [os.fsdecode(name) for name in (b"a\xff.yaml", b"a\xfe.yaml")]
    work_tree.commit(dict.fromkeys(names, "a: 1\n"))
    repository = open_repository(work_tree.path)
    tree = await repository.read_tree((await repository.fetch()).revision, "")
    assert [problem.message for problem in tree.problems] == [
        "two files have this name; bytes of a name must be UTF-8"
    ]
