"""What can go wrong between a repository and its documents.

    SourceError                      the subject is one repository, at one ref
    +-- UnsafeUrl                    the URL is refused before Git sees it
    +-- UnsafeRef                    the ref is refused before Git sees it
    +-- RepositoryUnreachable        no answer, or none that a Git server would give
    |   +-- TimedOut                 it took longer than allowed; the transfer was killed
    +-- RepositoryNotFound           there is an answer: no such repository (or not for us)
    +-- RepositoryEmpty              it has no commit (any more)
    +-- AuthenticationFailed         the credentials are missing or not accepted
    +-- HostKeyUnknown               the ssh host key is not in known_hosts, or is another one
    +-- RefNotFound                  the repository has no such branch, tag or commit
    +-- PathNotFound                 the commit has no such folder
    +-- TooLarge                     a limit on bytes or files is reached
    +-- MirrorFailed                 our own copy on disk cannot be read or written

Each says what to do; the last good commit stays in force.  URLs are shown without credentials, and
whatever Git printed passes through `fleet.source.urls.redact` first.  What is wrong *inside* the
documents is `fleet.model.problems`.
"""

from __future__ import annotations


class SourceError(Exception):
    """Base of all expected failures.  `url` is the form for display: never with credentials."""

    def __init__(self, message: str, *, url: str, ref: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.url = url
        self.ref = ref

    def __str__(self) -> str:
        where = f"{self.url} at {self.ref}" if self.ref else self.url
        return f"{where}: {self.message}"


class UnsafeUrl(SourceError, ValueError):
    """The text is no URL that Flotilla hands to Git."""


class UnsafeRef(SourceError, ValueError):
    """The text is no branch, tag or commit that Flotilla hands to Git."""


class RepositoryUnreachable(SourceError):
    """No answer that a Git server would give."""


class TimedOut(RepositoryUnreachable):
    """The transfer did not end in time and was killed."""


class RepositoryNotFound(SourceError):
    """There is no repository at this URL, or none that these credentials may see."""


class RepositoryEmpty(SourceError):
    """There is a repository, without a single commit."""


class AuthenticationFailed(SourceError):
    """The server wants other credentials, or any at all."""


class HostKeyUnknown(SourceError):
    """The ssh server could be anybody."""


class RefNotFound(SourceError):
    """The repository has no such branch, tag or commit."""


class PathNotFound(SourceError):
    """The commit has no such folder."""


class TooLarge(SourceError):
    """More bytes or files than allowed; nothing of it is kept."""


class MirrorFailed(SourceError):
    """The copy in the state directory is unusable: disk full, permissions, damage."""
