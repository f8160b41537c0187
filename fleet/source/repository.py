"""A repository at one ref: fetch it, and read files and history of its commits.

The async face of `mirror`: everything runs on the shared `GitWorker`, and every failure is a
`SourceError` that names the URL (without credentials) and the ref.  It decides neither when to
look (`poller`) nor what files mean (`documents`, `render`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

from clusters.model import Revision
from fleet.model import Person
from fleet.source import remote_refs
from fleet.source.errors import PathNotFound, RefNotFound, SourceError, TimedOut, TooLarge
from fleet.source.git_command import DEFAULT_SETTINGS, GitSettings, TransferTimedOut
from fleet.source.mirror import CommitInfo, Mirror
from fleet.source.remote import MIB, Remote, mirror_failed
from fleet.source.reverting import NothingToRevert, Revert, commit_revert
from fleet.source.tree import FolderMissing, TooManyFiles, Tree, TreeEntry, normal_path
from fleet.source.urls import RepositoryUrl, check_ref
from fleet.source.worker import GitWorker

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLimits:
    """How much of a repository is taken in."""

    repository_max_bytes: int = 512 * MIB
    file_max_bytes: int = 16 * MIB
    folder_max_bytes: int = 128 * MIB
    files_max: int = 20_000
    """Names below one folder."""
    commits_max: int = 2_000
    """Commits that are looked through for their authors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """What a look at the server found."""

    revision: Revision
    previous: Revision | None
    """What it was at the look before, restarts included; None: never seen before."""
    forced: bool
    """The history was rewritten: `previous` is no ancestor of `revision`."""

    @property
    def changed(self) -> bool:
        """Whether the ref names another commit than before."""
        return self.revision != self.previous


class Repository:
    """One URL at one ref (None: its default branch).  Mirrors of one URL are shared on disk."""

    def __init__(
        self,
        url: RepositoryUrl,
        *,
        worker: GitWorker,
        state: Path,
        ref: str | None = None,
        settings: GitSettings = DEFAULT_SETTINGS,
        limits: SourceLimits = SourceLimits(),
    ) -> None:
        self.url = url
        self.ref = check_ref(ref, url=url.text) if ref is not None else None
        self._worker = worker
        self.limits = limits
        self._mirror = Mirror(state / _short_digest(url.text))
        self._remote = Remote(
            url=url,
            ref=ref,
            mirror=self._mirror,
            worker=worker,
            settings=settings,
            max_bytes=limits.repository_max_bytes,
            file_max_bytes=limits.file_max_bytes,
        )
        self._own_ref = f"refs/flotilla/seen/{_short_digest(ref or 'HEAD')}"
        self._incoming_ref = f"refs/flotilla/incoming/{_short_digest(ref or 'HEAD')}"

    async def fetch(self) -> FetchResult:
        """Bring the wanted ref here if the server has another commit for it.

        Raises:
            SourceError: any of its kinds; nothing changed then.
        """
        async with self._worker.lock(self._mirror.directory):
            previous = await self._run(lambda: self._mirror.commit_of(self._own_ref))
            if remote_refs.is_commit(self.ref):
                revision = await self._fetch_commit(Revision(str(self.ref)))
            else:
                revision = await self._fetch_ref(previous)
            return await self._run(lambda: self._accept(previous, revision))

    async def read_tree(self, revision: Revision, path: str) -> Tree:
        """List the files below a folder ("" is the root) at a revision that was fetched.

        Raises:
            PathNotFound: the path is unsafe, or there is no such folder at this revision.
            TooLarge: the folder has more files than allowed.
        """
        folder = self._folder(path)
        try:
            return await self._run(
                lambda: self._mirror.read_tree(revision, folder, files_max=self.limits.files_max)
            )
        except FolderMissing as error:
            raise self._error(
                PathNotFound, f"cannot read the folder {path!r} at {revision[:12]}: {error}"
            ) from error
        except TooManyFiles as error:
            raise self._error(
                TooLarge,
                f"the folder {path or '/'!r} has more than {self.limits.files_max:,} files; "
                "point the source to a smaller one",
            ) from error

    async def read_blobs(self, entries: Iterable[TreeEntry]) -> Mapping[str, bytes]:
        """Read the contents of files, by blob id.

        Raises:
            TooLarge: one file or all together are larger than allowed.
        """
        wanted = list(entries)
        self._check_sizes(wanted)
        return await self._run(lambda: self._mirror.read_blobs(wanted))

    async def commit(self, revision: Revision) -> CommitInfo:
        """Say who made a commit, when, and on which it was built."""
        return (await self.log(revision, "", 1))[0]

    async def has_ancestor(self, newer: Revision, older: str) -> bool:
        """Whether `newer` was built on `older`; False where the mirror does not have one of them.

        Raises:
            SourceError: the mirror cannot be read.
        """

        def look() -> bool:
            known = self._mirror.commit_of(older) if remote_refs.is_commit(older) else None
            return known is not None and self._mirror.is_ancestor(known, newer)

        return await self._run(look)

    async def log(self, revision: Revision, path: str, count: int) -> list[CommitInfo]:
        """List the newest `count` commits up to `revision` that changed something below `path`.

        Raises:
            PathNotFound: the path is unsafe.
        """
        folder = self._folder(path)
        return await self._run(lambda: self._mirror.log(revision, folder, count))

    async def authors(
        self, revision: Revision, paths: Iterable[str], *, since: Iterable[Revision]
    ) -> tuple[Person, ...]:
        """Say who wrote or committed what changed below `paths` since the commits `since`."""
        chosen, bases = sorted(set(paths)), sorted(set(since))
        found = await self._run(
            lambda: self._mirror.authors(revision, chosen, bases, self.limits.commits_max)
        )
        return tuple(sorted(found))

    async def propose_revert(
        self, *, good: Revision, paths: Sequence[str], branch: str, message: str
    ) -> str:
        """Push a new branch that takes the first of `paths` that differs back to `good`.

        Built on the branch that this follows, which is left alone; a branch that is there already
        is left alone, too.  Returns the name of the followed branch.

        Raises:
            NothingToRevert: no path differs.
            SourceError: it cannot be pushed, or this follows no branch.
        """
        async with self._worker.lock(self._mirror.directory):
            followed = await self._followed_branch()
            if f"refs/heads/{branch}" in await self._remote.listing([f"refs/heads/{branch}"]):
                return followed
            head = await self._run(lambda: self._mirror.commit_of(self._own_ref))
            assert head is not None, "what is followed was fetched"
            made = Revert(head=head, good=good, paths=paths, message=message)
            commit = await self._run(lambda: commit_revert(self._mirror, made))
            await self._remote.push(commit, f"refs/heads/{branch}")
        return followed

    async def _followed_branch(self) -> str:
        if self.ref is not None and self.ref != "HEAD":
            name = self.ref.removeprefix("refs/heads/")
            if f"refs/heads/{name}" in await self._remote.listing([f"refs/heads/{name}"]):
                return name
            raise self._error(RefNotFound, "is no branch: a revert can only be proposed to one")
        branch = await self._remote.default_branch()
        if branch is None:
            raise self._error(RefNotFound, "the server does not say which its default branch is")
        return branch

    async def close(self) -> None:
        """End the processes that stay open for reading."""
        await self._worker.run(self._mirror.close)

    def is_like(self, other: Repository) -> bool:
        """Whether both follow the same ref of the same repository, and so remember the same."""
        return (self._mirror.directory, self._own_ref) == (
            other._mirror.directory,
            other._own_ref,
        )

    async def forget(self) -> None:
        """Close, and remember no more what was seen of the ref; commits that came stay."""

        def drop() -> None:
            for name in (self._own_ref, self._incoming_ref):
                self._mirror.drop_ref(name)
            self._mirror.close()

        async with self._worker.lock(self._mirror.directory):
            await self._run(drop)

    async def _fetch_ref(self, previous: Revision | None) -> Revision:
        listing = await self._remote.listing(remote_refs.patterns_for(self.ref))
        found = remote_refs.choose(listing, self.ref, url=self.url.text)
        if found is None:
            raise remote_refs.missing(await self._remote.listing(), self.ref, url=self.url.text)
        if found.revision == previous:
            return previous
        await self._remote.fetch(f"+{found.name}:{self._incoming_ref}")
        revision = await self._run(lambda: self._mirror.commit_of(self._incoming_ref))
        if revision is None:
            raise self._error(
                RefNotFound, f"{found.name} is no commit; name a branch, or a tag of a commit"
            )
        return revision

    async def _fetch_commit(self, wanted: Revision) -> Revision:
        if await self._run(lambda: self._mirror.commit_of(wanted)) is None:
            try:
                await self._remote.fetch(f"+{wanted}:{self._incoming_ref}")
            except RefNotFound:
                # Some servers send only what a branch names: its history has the commit, or not.
                await self._remote.fetch("+refs/heads/*:refs/flotilla/heads/*")
        if await self._run(lambda: self._mirror.commit_of(wanted)) != wanted:
            raise self._error(
                RefNotFound, "no branch of the repository has this commit; was it pushed?"
            )
        return wanted

    def _accept(self, previous: Revision | None, revision: Revision) -> FetchResult:
        """Remember `revision` as seen, only now that everything about it is fine."""
        if revision == previous:
            return FetchResult(revision=revision, previous=previous, forced=False)
        forced = previous is not None and not self._mirror.is_ancestor(previous, revision)
        self._mirror.set_ref(self._own_ref, revision)
        return FetchResult(revision=revision, previous=previous, forced=forced)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await self._worker.run(work)
        except (FolderMissing, TooManyFiles, NothingToRevert):
            raise
        except TransferTimedOut as error:
            raise self._error(
                TimedOut,
                "reading the local copy took too long; is the disk busy? It is tried again",
            ) from error
        except Exception as error:
            # Objects hold what somebody pushed, and GitPython answers those that are damaged, or
            # that only an attacker writes, with whatever came up inside of it.
            raise mirror_failed(error, self._mirror, url=self.url, ref=self.ref) from error

    def _folder(self, path: str) -> str:
        try:
            return normal_path(path)
        except ValueError as error:
            raise self._error(PathNotFound, f"the path {path!r} {error}") from error

    def _check_sizes(self, entries: list[TreeEntry]) -> None:
        for entry in entries:
            if entry.size is None:
                raise self._error(
                    TooLarge,
                    f"{entry.path} was not sent: it has more than the "
                    f"{self.limits.file_max_bytes:,} bytes that a file may have (or the local copy "
                    f"is damaged: delete {self._mirror.directory}, it is fetched again)",
                )
            if entry.size > self.limits.file_max_bytes:
                raise self._error(
                    TooLarge,
                    f"{entry.path} has {entry.size:,} bytes; a file may have "
                    f"{self.limits.file_max_bytes:,}",
                )
        total = sum(entry.size or 0 for entry in entries)
        if total > self.limits.folder_max_bytes:
            raise self._error(
                TooLarge,
                f"{len(entries):,} files have {total:,} bytes together; "
                f"{self.limits.folder_max_bytes:,} are read at most",
            )

    def _error(self, kind: type[SourceError], message: str) -> SourceError:
        return kind(message, url=self.url.text, ref=self.ref)


def _short_digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=10).hexdigest()
