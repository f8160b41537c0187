"""Reads one commit whole: its documents, its bundles' files, every rendering.  All or nothing.

Repositories are read on the Git worker; parsing and rendering run in a thread, so that the event
loop of the server stays free.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from clusters.model import BundleName, ClusterName, Digest, Revision
from fleet.model import ApprovalCheck, Bundle, Inventory, Person
from fleet.model.placement import Placer
from fleet.model.problems import InvalidFleet, Problem, in_reading_order
from fleet.model.release import CommitHead, LastGood, Proposal
from fleet.source.bundle_files import read_bundle_files
from fleet.source.documents import Survey, survey
from fleet.source.errors import PathNotFound, SourceError
from fleet.source.render.files import SourceFiles
from fleet.source.render.render import Renderer
from fleet.source.repository import Repository
from fleet.source.tree import TreeEntry
from fleet.source.whole import Whole, render_whole

log = logging.getLogger(__name__)

_SUFFIXES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A repository at a revision."""

    repository: Repository
    revision: Revision


OtherSource = Callable[[Bundle], Awaitable[At]]
"""Gives the repository of a bundle that does not live in the fleet repository."""


async def read_head(at: At) -> CommitHead:
    """Who made the commit."""
    info = await at.repository.commit(at.revision)
    return CommitHead(
        revision=at.revision,
        subject=info.subject,
        author=info.author,
        committed_at=info.authored_at,
        email=info.email,
    )


async def read_documents_at(at: At, path: str) -> Inventory:
    """Read what a commit declares, without rendering anything.

    Raises:
        InvalidFleet: everything that is wrong with its documents.
        SourceError: the repository cannot be read.
    """
    found = await _survey_at(at, path)
    if found.problems:
        raise InvalidFleet(found.problems)
    return found.inventory


async def _survey_at(at: At, path: str) -> Survey:
    tree = await at.repository.read_tree(at.revision, path)
    named = [entry for entry in tree.values() if entry.path.endswith(_SUFFIXES)]
    limit = at.repository.limits.file_max_bytes
    entries = [entry for entry in named if entry.size is not None and entry.size <= limit]
    blobs = await at.repository.read_blobs(entries)
    contents = {entry.path: blobs[entry.blob_id] for entry in entries}
    found = await asyncio.to_thread(survey, contents)
    problems = [*tree.problems, *found.problems]
    if not problems and not found.inventory.clusters and not found.inventory.bundles:
        problems.append(_empty(path))
    kept = {entry.path for entry in entries}
    skipped = [_skipped(entry, limit) for entry in named if entry.path not in kept]
    return found._replace(problems=in_reading_order(problems), warnings=(*found.warnings, *skipped))


def _empty(path: str) -> Problem:
    return Problem(
        file=path or ".",
        line=1,
        message=(
            "declares neither a cluster nor a bundle: an empty fleet is refused, "
            "because it cannot be told from a mistake; is this the right folder?"
        ),
    )


def _skipped(entry: TreeEntry, limit: int) -> Problem:
    return Problem(
        file=entry.path,
        line=1,
        message=f"is not looked at for documents: it has more than {limit:,} bytes",
    )


Holding = Callable[[BundleName], Collection[ClusterName]]
Since = Callable[[BundleName, Mapping[ClusterName, Digest]], LastGood | None]
"""Given what a bundle would be: the commits it was last good at, or None if nothing is new."""


def _nothing_known(_bundle: BundleName, _digests: Mapping[ClusterName, Digest]) -> LastGood:
    return LastGood()


class CommitReader:
    """Reads commits of one fleet repository; keeps what was parsed and rendered before."""

    def __init__(self, path: str, *, secret_key: bytes = b"") -> None:
        self._path = path
        self._secret_key = secret_key
        # One thread: several may ask for commits to be read, and the renderer is not for that.
        # A reading that is cancelled still renders to its end, and the next one waits for it.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")
        self._renderer: Renderer | None = None
        self._fleet = ""

    async def read(
        self,
        at: At,
        other: OtherSource,
        *,
        holding: Holding,
        since: Since = _nothing_known,
        forced: bool = False,
    ) -> Proposal:
        """Read, check and render a commit.

        Args:
            at: the commit.
            other: gives the repositories that bundles name.
            holding: the clusters that hold each bundle now; a taint does not take it from them.
            since: from where on the authors of a bundle are looked for.
            forced: whether the ref was moved by force.

        Raises:
            InvalidFleet: everything that is wrong with it.
            SourceError: the fleet repository cannot be read.
        """
        try:
            return await self._read(at, other, holding, since, forced=forced)
        except (InvalidFleet, SourceError):
            raise
        except Exception as error:
            # What somebody pushed met a bug: the commit is refused, the fleet goes on.  The words
            # of the error may quote an object, so only where it arose is told.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {frame.name} ({frame.filename}:{frame.lineno})"
            log.error("commit %s cannot be read: %s", at.revision, where)  # noqa: TRY400
            raise InvalidFleet([_unexpected(where)]) from None

    async def _read(
        self, at: At, other: OtherSource, holding: Holding, since: Since, *, forced: bool
    ) -> Proposal:
        head = await read_head(at)
        found = await _survey_at(at, self._path)
        inventory = found.inventory
        files, sources, unread = await self._bundle_files(at, inventory, other)
        placed = _placed(inventory, holding)
        whole = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._render, inventory, files, placed
        )
        if problems := [*found.problems, *unread, *whole.problems]:
            raise InvalidFleet(problems)
        proposal = Proposal(
            head=head,
            forced=forced,
            inventory=inventory,
            warnings=in_reading_order([*found.warnings, *whole.warnings]),
            contents=whole.contents,
            placements=whole.placements,
            sources=sources,
        )
        return replace(proposal, authors=await _authors(at, proposal, other, since))

    async def _bundle_files(
        self, at: At, inventory: Inventory, other: OtherSource
    ) -> tuple[dict[BundleName, SourceFiles], dict[BundleName, Revision], list[Problem]]:
        files: dict[BundleName, SourceFiles] = {}
        sources: dict[BundleName, Revision] = {}
        problems: list[Problem] = []
        for bundle in inventory.bundles.values():
            try:
                source = await other(bundle) if bundle.source.git else at
                files[bundle.name] = await read_bundle_files(
                    source.repository, source.revision, bundle
                )
            except SourceError as error:
                problems.append(_source_problem(bundle, error))
                continue
            if bundle.source.git:
                sources[bundle.name] = source.revision
        return files, sources, problems

    def _render(
        self,
        inventory: Inventory,
        files: Mapping[BundleName, SourceFiles],
        placed: Mapping[BundleName, tuple[ClusterName, ...]],
    ) -> Whole:
        renderer = self._renderer_for(inventory.settings.name)
        return render_whole(inventory, files, placed, renderer)

    def _renderer_for(self, fleet: str) -> Renderer:
        if self._renderer is None or fleet != self._fleet:
            self._renderer, self._fleet = Renderer(fleet=fleet, secret_key=self._secret_key), fleet
        return self._renderer


def _unexpected(where: str) -> Problem:
    return Problem(
        file=".",
        line=1,
        message=f"the commit cannot be read because of an error in Flotilla: {where}; the last "
        "good one stays in force; please report it, and undo what is unusual in this one",
    )


def _placed(inventory: Inventory, holding: Holding) -> dict[BundleName, tuple[ClusterName, ...]]:
    placer = Placer(inventory)
    return {
        name: placer.placed(bundle, holding=holding(name))
        for name, bundle in inventory.bundles.items()
    }


def _source_problem(bundle: Bundle, error: SourceError) -> Problem:
    inside = "spec.source.path" if isinstance(error, PathNotFound) else "spec.source"
    return Problem(file=bundle.place.file, line=bundle.place.line, field=inside, message=str(error))


async def _authors(
    at: At, proposal: Proposal, other: OtherSource, since: Since
) -> dict[BundleName, tuple[Person, ...]]:
    """Find who wrote what is new of each bundle, where that matters to somebody."""
    found = {}
    for bundle in proposal.inventory.bundles.values():
        good = since(bundle.name, proposal.placements[bundle.name])
        if good is None or not _asks_for_authors(bundle, proposal.inventory):
            continue
        people = {Person(name=proposal.head.author, email=proposal.head.email)}
        documents = list(_documents(bundle, proposal))
        if bundle.source.git:
            source, paths = await other(bundle), [bundle.source.path]
            people.update(
                await source.repository.authors(source.revision, paths, since=good.source)
            )
            people.update(await at.repository.authors(at.revision, documents, since=good.fleet))
        else:
            paths = [bundle.source.path, *documents]
            people.update(await at.repository.authors(at.revision, paths, since=good.source))
        found[bundle.name] = tuple(sorted(people))
    return found


def _asks_for_authors(bundle: Bundle, inventory: Inventory) -> bool:
    """Whether an approval of its strategy may be given by somebody else only."""
    if bundle.strategy is None:
        return False
    stages = inventory.strategies[bundle.strategy].stages
    names = {name for stage in stages for name in stage.gates.names}
    checks = (inventory.gates[name].check for name in names)
    asked = any(isinstance(check, ApprovalCheck) and check.not_author for check in checks)
    return asked or bundle.hotfix


def _documents(bundle: Bundle, proposal: Proposal) -> Iterator[str]:
    """The files of all documents that have a say in what a bundle is, and how it travels."""
    inventory = proposal.inventory
    yield bundle.place.file
    if bundle.strategy is not None:
        yield inventory.strategies[bundle.strategy].place.file
    for name in proposal.placements[bundle.name]:
        yield inventory.clusters[name].place.file
    for gate in inventory.gates.values():
        yield gate.place.file
