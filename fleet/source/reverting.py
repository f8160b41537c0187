"""Takes a folder of a repository back to an earlier commit: a commit for a branch of its own.

The tracked branch is never written, and nothing is ever forced: what is pushed is one new branch
whose only commit is built on the head of the tracked one.  Everything else in it is as it is there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import git
from git.objects import Tree
from git.objects.fun import tree_to_stream
from gitdb import IStream

from clusters.model import Revision
from fleet.source.git_command import CleanRepo
from fleet.source.mirror import Mirror

BRANCHES = "flotilla/"
_AUTHOR = git.Actor("Flotilla", "flotilla@localhost")
_FOLDER = 0o040000
_Entry = tuple[bytes, int, str]


class NothingToRevert(Exception):
    """The paths are as they were at the earlier commit, or were not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """What to take back, and what to say of it."""

    head: Revision
    """The tracked branch now: the new commit is built on it."""
    good: Revision
    """Where the paths come from."""
    paths: Sequence[str]
    """Tried in this order: the first that differs is taken back."""
    message: str


def commit_revert(mirror: Mirror, revert: Revert) -> Revision:
    """Make the commit in the mirror, and return it.

    Raises:
        NothingToRevert: no path differs.
        ValueError, git.GitError: a commit is not in the mirror.
    """
    repository = mirror.repository
    head, good = repository.commit(revert.head), repository.commit(revert.good)
    for path in revert.paths:
        then, now = _at(good.tree, path), _at(head.tree, path)
        if then is None or then == now:
            continue
        tree = _replaced(repository, head.tree, path.split("/"), then)
        stamp = f"{int(time.time())} +0000"
        made = git.Commit.create_from_tree(
            repository,
            repository.tree(tree.hex()),
            revert.message,
            parent_commits=[head],
            author=_AUTHOR,
            committer=_AUTHOR,
            author_date=stamp,
            commit_date=stamp,
        )
        return Revision(made.hexsha)
    raise NothingToRevert(
        f"{' and '.join(revert.paths)} are the same at {revert.good[:8]} and on the branch now"
    )


def _at(tree: Tree, path: str) -> tuple[int, bytes] | None:
    try:
        found = tree.join(path)
    except KeyError:
        return None
    return found.mode, found.binsha


def _replaced(
    repository: CleanRepo, tree: Tree, names: Sequence[str], wanted: tuple[int, bytes]
) -> bytes:
    """Store `tree` with another entry at a path; return its id."""
    name, *below = names
    entries: dict[str, _Entry] = {
        each.name: (each.binsha, each.mode, each.name) for each in (*tree.trees, *tree.blobs)
    }
    for raw in tree._cache:
        entries.setdefault(raw[2], raw)  # links and submodules
    if below:
        found = tree.join(name) if name in entries else None
        empty = Tree(repository, Tree.NULL_BIN_SHA, _FOLDER)
        inner = found if isinstance(found, Tree) else empty
        entries[name] = (_replaced(repository, inner, below, wanted), _FOLDER, name)
    else:
        entries[name] = (wanted[1], wanted[0], name)
    stream = BytesIO()
    tree_to_stream(sorted(entries.values(), key=_git_order), stream.write)
    size = stream.tell()
    stream.seek(0)
    stored: bytes = repository.odb.store(IStream(Tree.type, size, stream)).binsha
    return stored


def _git_order(entry: _Entry) -> str:
    """Git sorts folders as if their names ended with a slash."""
    return entry[2] + "/" if entry[1] == _FOLDER else entry[2]
