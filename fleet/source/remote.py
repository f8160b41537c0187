"""What is asked of the server of a repository: which refs it has, and to send some.

Runs on the shared worker into a mirror, within limits of time and size; every failure leaves as a
`SourceError`.  Which ref is wanted is decided by `fleet.source.repository`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import git

from fleet.source.errors import MirrorFailed, SourceError, TimedOut, TooLarge
from fleet.source.git_command import (
    REMOTE,
    GitSettings,
    TransferTimedOut,
    TransferTooLarge,
    remote_environment,
)
from fleet.source.git_failures import explain, quoted
from fleet.source.mirror import Mirror
from fleet.source.remote_refs import read_listing
from fleet.source.urls import RepositoryUrl, Transport
from fleet.source.worker import GitWorker

MIB = 2**20
_UPLOAD_PACK = "git -c uploadpack.allowFilter=true upload-pack"
"""Of a repository on this machine: it leaves out what is asked for, whatever its settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """The server's side of one repository; `ref` is only named in errors."""

    url: RepositoryUrl
    ref: str | None
    mirror: Mirror
    worker: GitWorker
    settings: GitSettings
    max_bytes: int
    file_max_bytes: int
    """Larger files are left out, where the server knows how to."""

    @property
    def _leave_out(self) -> str:
        return f"blob:limit={self.file_max_bytes + 1}"

    async def listing(self, patterns: Sequence[str] = ()) -> dict[str, str]:
        """List refs and their objects, by full name; without patterns: all branches and tags.

        Raises:
            SourceError: there is no (good) answer.
        """
        options = () if patterns else ("--heads", "--tags")
        words = ("ls-remote", *options, "--", self.url.text, *patterns)
        return read_listing(await self._ask(words, self.settings.listing_timeout_s))

    async def fetch(self, refspec: str) -> None:
        """Bring a ref into the mirror.

        Raises:
            SourceError: there is no (good) answer, or a limit was reached.
        """
        options: tuple[str, ...] = (
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
        )
        if "*" in refspec:
            # A branch that is gone may be in the way of one that begins with its name.
            options = (*options, "--prune")
        if self.url.transport is Transport.FILE:
            options = (*options, f"--upload-pack={_UPLOAD_PACK}")
        words = ("fetch", *options, f"--filter={self._leave_out}", "--", REMOTE, refspec)
        await self._ask(words, self.settings.transfer_timeout_s)
        # A fast transfer ends between two checks.
        if not self._is_within_size():
            raise self._too_large()

    async def default_branch(self) -> str | None:
        """Ask for the branch that HEAD names; None: it names none.

        Raises:
            SourceError: there is no (good) answer.
        """
        words = ("ls-remote", "--symref", "--", self.url.text, "HEAD")
        answer = await self._ask(words, self.settings.listing_timeout_s)
        for line in answer.decode(errors="replace").splitlines():
            if line.startswith("ref: refs/heads/"):
                return line.removeprefix("ref: refs/heads/").partition("\t")[0]
        return None

    async def push(self, commit: str, ref: str) -> None:
        """Create a ref that is not there; an existing one that is no ancestor refuses it.

        Raises:
            SourceError: the server does not take it.
        """
        words = ("push", "--quiet", "--no-verify", "--", self.url.text, f"{commit}:{ref}")
        await self._ask(words, self.settings.transfer_timeout_s)

    async def _ask(self, words: Sequence[str], timeout_s: float) -> bytes:
        environment = remote_environment(self.url, self.settings, leave_out=self._leave_out)
        try:
            ended = await self.worker.transfer(
                lambda: self.mirror.start(words, environment),
                timeout_s=timeout_s,
                check=self._is_within_size,
            )
        except (TransferTimedOut, TransferTooLarge) as error:
            await self.worker.run(self.mirror.drop_partial_transfer)
            raise self._killed(error, timeout_s) from error
        except (OSError, git.GitError) as error:
            raise mirror_failed(error, self.mirror, url=self.url, ref=self.ref) from error
        if ended.status:
            raise explain(ended.stderr, url=self.url, ref=self.ref)
        return ended.stdout

    def _killed(self, error: Exception, timeout_s: float) -> SourceError:
        if isinstance(error, TransferTimedOut):
            return TimedOut(
                f"no complete answer within {timeout_s:g} s; the transfer was stopped and is tried "
                "again. A large repository may need a longer limit (--git-timeout)",
                url=self.url.text,
                ref=self.ref,
            )
        return self._too_large()

    def _is_within_size(self) -> bool:
        return self.mirror.bytes_on_disk() <= self.max_bytes

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"it has more than {self.max_bytes // MIB:,} MiB; the transfer was stopped. Files of "
            f"more than {self.file_max_bytes // MIB:,} MiB do not count where its server knows how "
            "to leave them out (uploadpack.allowFilter). Keep large files out of Git or raise the "
            "limit (--git-max-mib); if its history was cleaned, delete "
            f"{self.mirror.directory}",
            url=self.url.text,
            ref=self.ref,
        )


def mirror_failed(
    error: Exception, mirror: Mirror, *, url: RepositoryUrl, ref: str | None
) -> MirrorFailed:
    """Make the error for a local copy that cannot be used."""
    said = quoted(str(getattr(error, "stderr", "") or error), url)
    return MirrorFailed(
        f"the local copy in {mirror.directory} cannot be used: {said}; "
        "check disk space and permissions, or delete it: it is fetched again",
        url=url.text,
        ref=ref,
    )
