"""One bare copy of a repository on disk, and what is read from its objects.

Synchronous: every method runs on the thread of `fleet.source.worker`, called by
`fleet.source.repository`.  There is never a work tree, so nothing that a repository holds is ever
a file of this machine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import git
from git.objects import Blob
from git.objects import Tree as GitTree

from clusters.model import Revision
from fleet.model import Person
from fleet.source.git_command import (
    CleanGit,
    CleanRepo,
    local_environment,
    open_bare,
    reap,
    start,
    wait,
)
from fleet.source.tree import RawEntry, Tree, TreeEntry, read_tree

_TREE_LINE = re.compile(
    rb"(?P<mode>[0-7]{6}) (?P<kind>\w+) (?P<oid>[0-9a-f]{40}) +(?P<size>\d+|-|BAD)\t(?P<path>.+)",
    re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
LOCAL_TIMEOUT_S = 60.0
BLOB_CACHE_BYTES = 32 * 2**20
TOO_MANY = Person(name="of one of too many commits to look through")
UNREADABLE = Person(name="of a commit in an encoding that nobody knows")
"""GitPython reads texts of a commit in the encoding that it names, or raises a LookupError."""
_NO_TIME = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitInfo:
    """Who changed what when, without control characters."""

    revision: Revision
    author: str
    email: str
    authored_at: datetime
    """With the author's own timezone."""
    subject: str
    parents: tuple[Revision, ...]


class Mirror:
    """A bare repository that only this server writes.  Never share one between threads."""

    def __init__(self, directory: Path) -> None:
        # Git is run inside it: a relative path would be looked for there again.
        self.directory = directory.resolve()
        self._open: CleanRepo | None = None
        self._blobs: OrderedDict[str, bytes] = OrderedDict()
        self._blob_bytes = 0

    @property
    def repository(self) -> CleanRepo:
        """The repository; made anew where there is none, or where it cannot be opened."""
        if self._open is None:
            try:
                self._open = open_bare(self.directory)
            except (git.InvalidGitRepositoryError, git.NoSuchPathError, ValueError):
                shutil.rmtree(self.directory, ignore_errors=True)
                self.directory.mkdir(parents=True, mode=0o700)
                CleanGit(self.directory).init(
                    "--bare", "--quiet", "--template=", str(self.directory), env=local_environment()
                )
                self._open = open_bare(self.directory)
        return self._open

    def start(
        self, words: Iterable[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a command that talks to the server; `worker.transfer` waits for it."""
        return start(self.repository, tuple(words), environment)

    def commit_of(self, name: str) -> Revision | None:
        """Find the commit that a ref or object is or points to."""
        with suppress(git.BadName, git.BadObject, ValueError, git.GitCommandError):
            return Revision(
                self.repository.git.rev_parse("--verify", "--quiet", f"{name}^{{commit}}")
            )
        return None

    def set_ref(self, name: str, revision: Revision) -> None:
        """Let a ref name a commit that the mirror has."""
        self.repository.git.update_ref(name, revision)

    def drop_ref(self, name: str) -> None:
        """Let a ref name nothing any more; the commit stays."""
        self.repository.git.update_ref("-d", name)

    def is_ancestor(self, older: Revision, newer: Revision) -> bool:
        """Whether `newer` was built on `older`."""
        repository = self.repository
        return repository.is_ancestor(repository.commit(older), repository.commit(newer))

    def bytes_on_disk(self) -> int:
        """Measure the objects; files may come and go meanwhile."""
        total = 0
        for path in (self.directory / "objects").rglob("*"):
            with suppress(OSError):
                total += path.stat().st_size
        return total

    def drop_partial_transfer(self) -> None:
        """Delete what a killed transfer left."""
        for path in (self.directory / "objects").rglob("tmp_*"):
            with suppress(OSError):
                path.unlink()

    def read_tree(self, revision: Revision, path: str, *, files_max: int) -> Tree:
        """List the files below `path`; see `tree.read_tree` for what is raised."""
        return read_tree(_CommitObjects(self, revision), path, files_max=files_max)

    def read_blobs(self, entries: Iterable[TreeEntry]) -> dict[str, bytes]:
        """Read contents by blob id, each once; the newest stay in memory."""
        contents: dict[str, bytes] = {}
        for blob_id in {entry.blob_id: None for entry in entries}:
            data = self._blobs.get(blob_id)
            if data is None:
                data = self.read_object(blob_id)
                self._remember(blob_id, data)
            else:
                self._blobs.move_to_end(blob_id)
            contents[blob_id] = data
        return contents

    def read_object(self, object_id: str) -> bytes:
        """Read one object through the `git cat-file` that stays open."""
        data: bytes = self.repository.odb.stream(bytes.fromhex(object_id)).read()
        return data

    def log(self, revision: Revision, path: str, count: int) -> list[CommitInfo]:
        """List the newest commits that changed something below `path` ("" is everything)."""
        paths = [path] if path else ""
        commits = self.repository.iter_commits(revision, paths=paths, max_count=count)
        return [_info(commit) for commit in commits]

    def authors(
        self, revision: Revision, paths: Sequence[str], since: Sequence[Revision], count: int
    ) -> set[Person]:
        """Collect who wrote and who committed changes below `paths` since any of `since`.

        Of the whole history without `since`, or where one of them is not known (any more);
        `TOO_MANY` stands for the rest beyond `count` commits.
        """
        known = all(self.commit_of(each) is not None for each in since)
        ranges = [f"{each}..{revision}" for each in since] if since and known else [str(revision)]
        found: set[Person] = set()
        for span in ranges:
            commits = self.repository.iter_commits(span, paths=list(paths), max_count=count + 1)
            for number, commit in enumerate(commits):
                if number == count:
                    found.add(TOO_MANY)
                    break
                found |= _people(commit)
        return found

    def close(self) -> None:
        """End the processes that stay open."""
        if self._open is not None:
            for name in ("cat_file_all", "cat_file_header"):
                if (running := getattr(self._open.git, name)) is not None:
                    reap(running.proc)
                    running.proc = None
                    setattr(self._open.git, name, None)
            self._open = None

    def _remember(self, blob_id: str, data: bytes) -> None:
        self._blobs[blob_id] = data
        self._blob_bytes += len(data)
        while self._blob_bytes > BLOB_CACHE_BYTES:
            _, dropped = self._blobs.popitem(last=False)
            self._blob_bytes -= len(dropped)


class _CommitObjects:
    """The objects of one commit, as `tree.Objects`."""

    def __init__(self, mirror: Mirror, revision: Revision) -> None:
        self._mirror = mirror
        # Not through the commit, whose texts nobody may be able to read.
        tree = mirror.repository.git.rev_parse("--verify", f"{revision}^{{tree}}")
        self._root = GitTree(mirror.repository, bytes.fromhex(tree), GitTree.tree_id << 12, "")
        self._revision = revision

    def lookup(self, path: str) -> RawEntry | None:
        """Find one entry; the objects of folders are kept by GitPython."""
        if not path:
            return RawEntry(path="", object_id=self._root.hexsha, size=0, mode=0o040000)
        try:
            found = self._root.join(path)
        except (KeyError, ValueError):
            return None
        size: int | None = 0
        if isinstance(found, Blob):
            try:
                size = found.size
            except ValueError:
                size = None
        return RawEntry(path=path, object_id=found.hexsha, size=size, mode=found.mode)

    def below(self, path: str) -> Iterator[RawEntry]:
        """List a folder with one `git ls-tree`, which also knows the sizes."""
        spec = f"{self._revision}:{path}"
        words = ("ls-tree", "-r", "-l", "-z", spec)
        ended = wait(start(self._mirror.repository, words), timeout_s=LOCAL_TIMEOUT_S)
        if ended.status:
            raise git.GitCommandError(words, ended.status, ended.stderr)
        prefix = f"{path}/" if path else ""
        for line in ended.stdout.split(b"\0"):
            if fields := _TREE_LINE.fullmatch(line):
                yield RawEntry(
                    path=prefix + fields["path"].decode(errors="replace"),
                    object_id=fields["oid"].decode(),
                    size=_size(fields["size"]),
                    mode=int(fields["mode"], 8),
                )

    def link_target(self, object_id: str) -> str:
        """Read a link, which Git stores as a file."""
        return self._mirror.read_object(object_id).decode(errors="replace")


def _size(text: bytes) -> int | None:
    """Read the size in a line of `git ls-tree -l`: BAD is what it calls an object it lacks."""
    if text == b"BAD":
        return None
    return 0 if text == b"-" else int(text)


def _people(commit: git.Commit) -> set[Person]:
    """Who wrote a commit and who committed it."""
    try:
        return {_person(commit.author), _person(commit.committer)}
    except LookupError:
        return {UNREADABLE}


def _person(actor: git.Actor) -> Person:
    return Person(
        name=_CONTROL.sub("", actor.name or ""), email=_CONTROL.sub("", actor.email or "")
    )


def _info(commit: git.Commit) -> CommitInfo:
    revision = Revision(commit.hexsha)
    try:
        return CommitInfo(
            revision=revision,
            author=_CONTROL.sub("", commit.author.name or ""),
            email=_CONTROL.sub("", commit.author.email or ""),
            authored_at=_authored_at(commit),
            subject=_CONTROL.sub("", str(commit.summary)),
            parents=tuple(Revision(parent.hexsha) for parent in commit.parents),
        )
    except LookupError:
        return CommitInfo(
            revision=revision,
            author=UNREADABLE.name,
            email="",
            authored_at=_NO_TIME,
            subject="",
            parents=tuple(Revision(parent.hexsha) for parent in commit.parents),
        )


def _authored_at(commit: git.Commit) -> datetime:
    """When it was written; anybody can write any number there, also one that is no time."""
    try:
        zone = timezone(timedelta(seconds=-commit.author_tz_offset))
        at = datetime.fromtimestamp(commit.authored_date, zone)
    except (OverflowError, ValueError, OSError):
        return _NO_TIME
    # Others turn it into their own zone: that must not leave the calendar.
    return at if at.year < datetime.max.year else _NO_TIME
