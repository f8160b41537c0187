"""After a rollback: proposes to Git what the clusters have gone back to.

Pushes a branch with the revert, and opens a pull request where a forge is declared.  Whatever goes
wrong becomes a sentence for a person; nothing here raises for what a network can do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from clusters.model import Revision
from fleet.model import Bundle, Forge, Inventory
from fleet.rollout.decisions import ProposeRevert
from fleet.rollout.events import RevertProposed
from fleet.source.errors import SourceError
from fleet.source.forge import ForgeRefused, PullRequest, open_pull_request
from fleet.source.repository import Repository
from fleet.source.reverting import BRANCHES, NothingToRevert
from fleet.source.urls import RepositoryUrl, host_of, is_loopback

NO_FORGE = "no forge is declared in the Fleet document: open the pull request by hand"


class Proposer:
    """Proposes reverts.

    Args:
        repository: gives the repository of a bundle.
        inventory: what is declared now.
        good: the commit that most clusters with a bundle have as their last good one; "" for none.
        fleet: the fleet repository, whose server a token may be sent to.
        session: for the forge.
        secrets_dir: where tokens are mounted.
    """

    def __init__(
        self,
        *,
        repository: Callable[[Bundle], Repository | None],
        inventory: Callable[[], Inventory],
        good: Callable[[str, str], str],
        fleet: RepositoryUrl,
        session: aiohttp.ClientSession,
        secrets_dir: Path | None,
    ) -> None:
        self._repository = repository
        self._inventory = inventory
        self._good = good
        self._host = host_of(fleet)
        self._session = session
        self._secrets_dir = secrets_dir

    async def propose(self, wanted: ProposeRevert) -> RevertProposed:
        """Push the branch and open the pull request."""
        branch = branch_of(wanted.bundle, wanted.revision)
        try:
            into = await self._push(wanted, branch)
        except (SourceError, NothingToRevert, _Impossible) as error:
            return _result(problem=f"the revert cannot be proposed: {error}")
        forge = self._inventory().settings.forge
        if forge is None:
            return _result(branch=branch, problem=NO_FORGE)
        try:
            url = await open_pull_request(
                self._session,
                forge,
                self._token(forge),
                PullRequest(
                    title=f"Revert {wanted.bundle} to its last good release",
                    body=_body(wanted),
                    branch=branch,
                    into=into,
                ),
            )
        except (ForgeRefused, _Impossible) as error:
            return _result(branch=branch, problem=f"no pull request: {error}; open it by hand")
        return _result(branch=branch, url=url)

    async def _push(self, wanted: ProposeRevert, branch: str) -> str:
        bundle = self._inventory().bundles.get(wanted.bundle)
        repository = self._repository(bundle) if bundle is not None else None
        if bundle is None or repository is None:
            raise _Impossible(f"bundle {wanted.bundle} is not in Git any more")
        good = self._good(wanted.bundle, wanted.revision)
        if not good:
            raise _Impossible("no commit of the bundle was good before")
        documents = () if bundle.source.git else (bundle.place.file,)
        return await repository.propose_revert(
            good=Revision(good),
            paths=(bundle.source.path, *documents),
            branch=branch,
            message=f"Revert {wanted.bundle} to {good[:8]}\n\n{_body(wanted)}\n",
        )

    def _token(self, forge: Forge) -> str:
        if self._secrets_dir is None:
            raise _Impossible("the server has no secret directory (--secrets-dir) for its token")
        path = (self._secrets_dir / forge.secret_ref).resolve()
        if not path.is_relative_to(self._secrets_dir.resolve()):
            raise _Impossible(f"the secret {forge.secret_ref} is outside the secret directory")
        try:
            words = path.read_text().split()
        except OSError as error:
            raise _Impossible(
                f"its token {forge.secret_ref} cannot be read: {error.strerror}"
            ) from None
        except UnicodeDecodeError:
            raise _Impossible(f"its token {forge.secret_ref} is no text") from None
        return self._for(forge, words)

    def _for(self, forge: Forge, words: Sequence[str]) -> str:
        """Give the token, if the operator meant it for this server: Git alone may not say so."""
        parts = urlsplit(forge.url)
        host = parts.hostname or ""
        if parts.scheme != "https" and not is_loopback(host):
            raise _Impossible(f"its token could be read on the way to {forge.url}; write https://")
        match words:
            case [token] if self._host and (host == self._host or host.endswith(f".{self._host}")):
                return token
            case [meant, token] if meant.lower() == host:
                return token
            case [_] | [_, _]:
                raise _Impossible(
                    f"its token {forge.secret_ref} is not meant for {host}, which is not the "
                    f"server of the fleet repository; if it is, make it the line `{host} TOKEN`"
                )
            case _:
                raise _Impossible(f"its token {forge.secret_ref} is no line TOKEN or HOST TOKEN")


class _Impossible(Exception):
    """Why a proposal cannot be made."""


def branch_of(bundle: str, revision: str) -> str:
    """The branch of the revert of one release: the same each time."""
    return f"{BRANCHES}revert-{bundle}-{revision[:8]}"


def _result(*, branch: str = "", url: str = "", problem: str = "") -> RevertProposed:
    return RevertProposed(at=datetime.now(UTC), branch=branch, url=url, problem=problem)


def _body(wanted: ProposeRevert) -> str:
    return (
        f"Release {wanted.revision[:12]} of {wanted.bundle} was rolled back and is on hold: "
        f"{wanted.reason}."
    )
