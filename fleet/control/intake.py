"""From Git to the coordinator's inbox: looks at repositories, reads commits, posts what it finds.

Follows the fleet repository and every other one that a bundle names.  A change of any of them makes
the newest commit of the fleet repository be read anew, as a whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from clusters.model import Revision
from fleet.control.git_access import git_settings, logins_of
from fleet.control.inbox import (
    CommitFaulty,
    CommitProposed,
    CommitsRecalled,
    Message,
    SourceLooked,
    SourceUnreadable,
)
from fleet.control.settings import ServerSettings
from fleet.deciding.rebuilding import Survey
from fleet.model import Bundle, Inventory
from fleet.model.problems import InvalidFleet
from fleet.model.release import CommitHead, Proposal
from fleet.source.credentials import logged_in
from fleet.source.errors import SourceError
from fleet.source.poller import Poller, Rhythm, SourceName
from fleet.source.reading import At, CommitReader, Holding, Since, read_documents_at, read_head
from fleet.source.remote import MIB
from fleet.source.repository import FetchResult, Repository, SourceLimits
from fleet.source.urls import RepositoryUrl, parse_url
from fleet.source.worker import GitWorker
from fleet.state.fleet import FleetState
from fleet.view import CommitView

log = logging.getLogger(__name__)

_FLEET = SourceName("fleet")


class Intake:
    """Everything between Git and the inbox.

    Args:
        settings: the server's settings.
        url: the fleet repository.
        post: the coordinator's inbox.
        holding: the clusters that hold a bundle now.
        since: the commits at which a bundle was last good, if it is anything new.
        secret_key: what digests of Secrets are keyed with.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        url: RepositoryUrl,
        post: Callable[[Message], Awaitable[None]],
        holding: Holding,
        since: Since,
        secret_key: bytes,
    ) -> None:
        self._settings = settings
        self._post = post
        self._holding = holding
        self._since = since
        self._git = git_settings(settings)
        self._logins = logins_of(settings, url)
        self._worker = GitWorker()
        self._fleet = self._repository(url, settings.ref)
        self._others: dict[SourceName, tuple[Repository, Revision]] = {}
        self._reader = CommitReader(settings.path, secret_key=secret_key)
        self._poller = Poller(self._found, rhythm=Rhythm(interval_s=settings.interval_s))
        self._poller.watch(_FLEET, self._fleet)
        self._seen: FetchResult | None = None
        self._reading = asyncio.Lock()
        """One reading at a time, though each repository is looked at by itself: of two at once the
        older might be posted last, and what it did not see would count as read."""
        self._read: tuple[Revision, ...] = ()
        """Revisions of all repositories at the last reading that was posted."""

    async def run(self) -> None:
        """Look until cancelled."""
        await self._poller.run()

    async def close(self) -> None:
        """End Git's processes."""
        for repository in (self._fleet, *(known for known, _ in self._others.values())):
            await repository.close()
        self._worker.close()

    def look_now(self) -> None:
        """Look at all repositories without waiting."""
        self._poller.look_now()

    async def last_in_force(self, state: FleetState) -> Inventory | None:
        """The inventory of the commit that was in force, from the mirror; None if it is not there.

        Lets a restarted server work while its Git server does not.
        """
        if state.commit is None:
            return None
        at = At(repository=self._fleet, revision=Revision(state.commit.revision))
        try:
            return await read_documents_at(at, self._settings.path)
        except (SourceError, InvalidFleet) as error:
            log.warning("cannot read the commit in force from the mirror: %s", error)
            return None

    @asynccontextmanager
    async def at(self, revision: str) -> AsyncIterator[At]:
        """Fetch a branch, tag or commit of the fleet repository, and let it be read meanwhile.

        Raises:
            SourceError: there is none, or it cannot be fetched.
        """
        repository = self._repository(self._fleet.url, revision)
        try:
            fetched = await repository.fetch()
            yield At(repository=repository, revision=fetched.revision)
        finally:
            await self._let_go(repository)

    def repository_of(self, bundle: Bundle) -> Repository | None:
        """The repository that a bundle's files are in, if it is known here."""
        if not bundle.source.git:
            return self._fleet
        known = self._others.get(_name_of(bundle))
        return known[0] if known else None

    async def head(self, at: At) -> CommitHead:
        """Who made a commit."""
        return await read_head(at)

    async def propose(self, at: At) -> Proposal:
        """Read, check and render a commit without posting it.

        Raises:
            InvalidFleet: everything that is wrong with it.
            SourceError: it cannot be read.
        """
        return await self._reader.read(at, self._other, holding=self._holding)

    async def recall(self, survey: Survey) -> CommitsRecalled:
        """Read the commits that clusters remember, and the newest anew with what they hold.

        Only what the newest commit was built on is read: a record on a cluster is nobody's word
        for what may run there.
        """
        newest = Revision(survey.proposal.head.revision)
        older: dict[Revision, Proposal] = {}
        for revision in sorted(survey.revisions()):
            at = At(repository=self._fleet, revision=revision)
            try:
                if await self._fleet.has_ancestor(newest, revision):
                    older[revision] = await self._reader.read(
                        at, self._other, holding=survey.holding
                    )
            except (SourceError, InvalidFleet) as error:
                log.warning("cannot read commit %s, which clusters name: %s", revision, error)
        proposal = survey.proposal
        try:
            at = At(repository=self._fleet, revision=newest)
            proposal = await self._reader.read(at, self._other, holding=survey.holding)
        except (SourceError, InvalidFleet) as error:
            log.warning("cannot read commit %s anew: %s", newest, error)
        return CommitsRecalled(newest=proposal, older=older)

    async def history(self, limit: int, state: FleetState) -> list[CommitView]:
        """The newest commits of the fleet repository, newest first."""
        if self._seen is None:
            return []
        in_force = state.commit.revision if state.commit else ""
        refused = state.refused.revision if state.refused else ""
        words = {in_force: "in force", refused: "refused"}
        return [
            CommitView(
                revision=info.revision,
                subject=info.subject,
                author=info.author,
                at=info.authored_at,
                state=words.get(info.revision, ""),
            )
            for info in await self._fleet.log(self._seen.revision, "", limit)
        ]

    def _repository(self, url: RepositoryUrl, ref: str | None) -> Repository:
        return Repository(
            logged_in(url, self._logins),
            worker=self._worker,
            state=self._settings.state_dir / "git",
            ref=ref,
            settings=self._git,
            limits=SourceLimits(repository_max_bytes=self._settings.git_max_mib * MIB),
        )

    async def _found(self, name: SourceName, result: FetchResult | SourceError) -> None:
        if isinstance(result, SourceError):
            where = str(self._fleet.url) if name == _FLEET else name
            await self._post(SourceUnreadable(repository=where, error=str(result)))
            return
        async with self._reading:
            await self._take(name, result)

    async def _take(self, name: SourceName, result: FetchResult) -> None:
        if name == _FLEET:
            self._seen = result
        elif name in self._others:
            self._others[name] = (self._others[name][0], result.revision)
        if self._seen is None:
            return
        if self._read and self._read == self._revisions():
            await self._post(SourceLooked(at=datetime.now(UTC)))
            return
        await self._read_newest(self._seen)

    def _revisions(self) -> tuple[Revision, ...]:
        assert self._seen is not None
        return (self._seen.revision, *(revision for _, revision in self._others.values()))

    async def _read_newest(self, seen: FetchResult) -> None:
        at = At(repository=self._fleet, revision=seen.revision)
        try:
            proposal = await self._reader.read(
                at, self._other, holding=self._holding, since=self._since, forced=seen.forced
            )
        except InvalidFleet as error:
            head = await read_head(at)
            await self._post(CommitFaulty(head=head, problems=error.problems))
        except SourceError as error:
            await self._post(SourceUnreadable(repository=str(self._fleet.url), error=str(error)))
            return
        else:
            await self._post(CommitProposed(proposal=proposal))
            await self._forget_unused(proposal.inventory)
        self._read = self._revisions()

    async def _other(self, bundle: Bundle) -> At:
        name = _name_of(bundle)
        known = self._others.get(name)
        if known is None:
            url = parse_url(bundle.source.git or "", allow_local=self._local_allowed)
            repository = self._repository(url, bundle.source.ref)
            fetched = await repository.fetch()
            known = self._others[name] = (repository, fetched.revision)
            self._poller.watch(name, repository)
        return At(repository=known[0], revision=known[1])

    @property
    def _local_allowed(self) -> bool:
        # A fleet repository on this machine is the operator's own; one from afar must not name
        # files of this machine.
        return self._fleet.url.transport.value == "file"

    async def _forget_unused(self, inventory: Inventory) -> None:
        used = {_name_of(bundle) for bundle in inventory.bundles.values() if bundle.source.git}
        for name in [name for name in self._others if name not in used]:
            repository, _ = self._others.pop(name)
            self._poller.forget(name)
            await self._let_go(repository)

    async def _let_go(self, repository: Repository) -> None:
        """Close a repository; what it remembers goes as well, unless somebody else follows it."""
        others = (known for known, _ in self._others.values())
        if any(repository.is_like(known) for known in (self._fleet, *others)):
            await repository.close()
            return
        try:
            await repository.forget()
        except SourceError as error:
            log.warning("cannot forget what was seen of %s: %s", repository.url, error)


def _name_of(bundle: Bundle) -> SourceName:
    return SourceName(f"{bundle.source.git} at {bundle.source.ref or 'its default branch'}")
