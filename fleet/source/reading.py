"""Reads one commit whole: its documents, its bundles' files, every rendering.  All or nothing.

Repositories are read on the Git worker; parsing and rendering run in a thread, so that the event
loop of the server stays free.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from clusters.model import BundleName, ClusterName, Digest, Manifest, Revision
from fleet.model import ApprovalCheck, Bundle, Inventory, Person
from fleet.placement import Placer
from fleet.release import CommitHead, Proposal, double_claims
from fleet.source.bundle_files import read_bundle_files
from fleet.source.documents import InventoryReading, read_inventory
from fleet.source.errors import PathNotFound, SourceError
from fleet.source.problems import InvalidFleet, Problem, in_reading_order
from fleet.source.render.files import SourceFiles
from fleet.source.render.render import Renderer
from fleet.source.repository import Repository

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


async def read_documents_at(at: At, path: str) -> InventoryReading:
    """Read what a commit declares, without rendering anything.

    Raises:
        InvalidFleet: everything that is wrong with its documents.
        SourceError: the repository cannot be read.
    """
    tree = await at.repository.read_tree(at.revision, path)
    if tree.problems:
        raise InvalidFleet(tree.problems)
    entries = [entry for entry in tree.values() if entry.path.endswith(_SUFFIXES)]
    blobs = await at.repository.read_blobs(entries)
    contents = {entry.path: blobs[entry.blob_id] for entry in entries}
    reading = await asyncio.to_thread(read_inventory, contents)
    if not reading.inventory.clusters and not reading.inventory.bundles:
        raise InvalidFleet(
            [
                Problem(
                    file=path or ".",
                    line=1,
                    message=(
                        "declares neither a cluster nor a bundle: an empty fleet is refused, "
                        "because it cannot be told from a mistake; is this the right folder?"
                    ),
                )
            ]
        )
    return reading


Holding = Callable[[BundleName], Collection[ClusterName]]
Since = Callable[[BundleName, Mapping[ClusterName, Digest]], Collection[Revision] | None]
"""Given what a bundle would be: the commits it was last good at, or None if nothing is new."""


def _nothing_known(_bundle: BundleName, _digests: Mapping[ClusterName, Digest]) -> tuple[()]:
    return ()


class CommitReader:
    """Reads commits of one fleet repository; keeps what was parsed and rendered before."""

    def __init__(self, path: str) -> None:
        self._path = path
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
        head = await read_head(at)
        reading = await read_documents_at(at, self._path)
        files, sources, problems = await self._bundle_files(at, reading.inventory, other)
        if problems:
            raise InvalidFleet(problems)
        placed = _placed(reading.inventory, holding)
        proposal = await asyncio.to_thread(
            self._render, head, reading, files, sources, placed, forced
        )
        if claims := double_claims(proposal):
            raise InvalidFleet(claims)
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
        head: CommitHead,
        reading: InventoryReading,
        files: Mapping[BundleName, SourceFiles],
        sources: Mapping[BundleName, Revision],
        placed: Mapping[BundleName, Sequence[ClusterName]],
        forced: bool,
    ) -> Proposal:
        inventory = reading.inventory
        renderer = self._renderer_for(inventory.settings.name)
        contents: dict[Digest, tuple[Manifest, ...]] = {}
        placements: dict[BundleName, dict[ClusterName, Digest]] = {}
        problems: list[Problem] = []
        warnings: list[Problem] = list(reading.warnings)
        for bundle in inventory.bundles.values():
            digests = placements.setdefault(bundle.name, {})
            for name in placed[bundle.name]:
                try:
                    cluster = inventory.clusters[name]
                    rendered = renderer.render(bundle, cluster, files[bundle.name])
                except InvalidFleet as error:
                    problems += error.problems
                    continue
                contents.setdefault(rendered.digest, rendered.manifests)
                digests[name] = rendered.digest
                warnings += rendered.warnings
        renderer.end_round()
        if problems:
            raise InvalidFleet(problems)
        return Proposal(
            head=head,
            forced=forced,
            inventory=inventory,
            warnings=in_reading_order(warnings),
            contents=contents,
            placements=placements,
            sources=sources,
        )

    def _renderer_for(self, fleet: str) -> Renderer:
        if self._renderer is None or fleet != self._fleet:
            self._renderer, self._fleet = Renderer(fleet=fleet), fleet
        return self._renderer


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
        bases = since(bundle.name, proposal.placements[bundle.name])
        if bases is None or not _asks_for_authors(bundle, proposal.inventory):
            continue
        people = {Person(name=proposal.head.author, email=proposal.head.email)}
        if bundle.source.git:
            source = await other(bundle)
            paths = [bundle.source.path]
            people.update(await source.repository.authors(source.revision, paths, since=bases))
        else:
            paths = [bundle.source.path, *_documents(bundle, proposal)]
            people.update(await at.repository.authors(at.revision, paths, since=bases))
        found[bundle.name] = tuple(sorted(people))
    return found


def _asks_for_authors(bundle: Bundle, inventory: Inventory) -> bool:
    """Whether an approval of its strategy may be given by somebody else only."""
    if bundle.strategy is None:
        return False
    stages = inventory.strategies[bundle.strategy].stages
    names = {
        name
        for stage in stages
        for name in (*stage.gates.before, *stage.gates.during, *stage.gates.after)
    }
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
