"""Checks a fleet repository as it lies on disk: what `flotilla validate` does, in CI or by hand.

The same reading and rendering as the server's, on the files of a work tree.  Bundles of other
repositories are not fetched: they are named in a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from clusters.model import BundleName, digest_of
from fleet.model import Bundle, Inventory, WindowCheck
from fleet.model.placement import Placer
from fleet.model.problems import InvalidFleet, Problem, in_reading_order
from fleet.rollout.windows import check_window
from fleet.source.documents import survey
from fleet.source.render.directory import is_wanted
from fleet.source.render.files import SourceFile, SourceFiles
from fleet.source.render.render import Renderer
from fleet.source.whole import Whole, render_whole

FILE_MAX_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a valid repository holds."""

    clusters: int
    bundles: int
    objects: int
    """Rendered objects, over all clusters."""
    warnings: tuple[Problem, ...]


def read_work_tree(root: Path, folder: str = "") -> Inventory:
    """Read the documents without rendering anything.

    Raises:
        InvalidFleet: everything that is wrong with them.
    """
    tree = _read(root)
    found = survey(_documents(tree, folder))
    if problems := [*tree.problems, *found.problems]:
        raise InvalidFleet(problems)
    return found.inventory


def check_work_tree(root: Path, folder: str = "", *, now: datetime | None = None) -> Checked:
    """Read and render everything.

    Args:
        root: the work tree.
        folder: where the documents are.
        now: warn of windows that never open any more; None: do not look at the clock.

    Raises:
        InvalidFleet: everything that is wrong.
    """
    tree = _read(root)
    found = survey(_documents(tree, folder))
    inventory, notes = found.inventory, list(found.warnings)
    problems = [*tree.problems, *found.problems]
    sources: dict[BundleName, SourceFiles] = {}
    for bundle in inventory.bundles.values():
        if bundle.source.git:
            notes.append(_not_fetched(bundle))
            continue
        if source := _source(bundle, tree):
            sources[bundle.name] = source
        else:
            problems.append(_no_folder(bundle))
        problems += _too_large(bundle, tree)
    placer = Placer(inventory)
    placed = {name: placer.placed(bundle) for name, bundle in inventory.bundles.items()}
    whole = render_whole(inventory, sources, placed, Renderer(fleet=inventory.settings.name))
    if problems := [*problems, *whole.problems]:
        raise InvalidFleet(problems)
    notes += _never_opening(inventory, now) if now is not None else []
    return Checked(
        clusters=len(inventory.clusters),
        bundles=len(inventory.bundles),
        objects=_objects(whole),
        warnings=in_reading_order([*notes, *whole.warnings]),
    )


def _never_opening(inventory: Inventory, now: datetime) -> list[Problem]:
    """Windows that a gate asks for and that lie in the past: a release would be refused.

    No error: a commit that was valid does not become invalid because time goes by.
    """
    asked = {
        name
        for gate in inventory.gates.values()
        if isinstance(gate.check, WindowCheck)
        for name in gate.check.windows
    }
    found = []
    for name in sorted(asked):
        window = inventory.windows[name]
        if said := check_window(window, now):
            message = said.removeprefix(f"{window.place}: ")
            found.append(Problem(file=window.place.file, line=window.place.line, message=message))
    return found


def _objects(whole: Whole) -> int:
    return sum(
        len(whole.contents[digest])
        for placed in whole.placements.values()
        for digest in placed.values()
    )


@dataclass(slots=True, kw_only=True)
class _WorkTree:
    files: dict[str, SourceFile] = field(default_factory=dict)
    large: dict[str, int] = field(default_factory=dict)
    """Files that are too large to be read, with their sizes in bytes."""
    problems: list[Problem] = field(default_factory=list)


def _documents(tree: _WorkTree, folder: str) -> dict[str, bytes]:
    inside = folder.strip("/")
    return {path: file.data for path, file in tree.files.items() if _is_below(path, inside)}


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _source(bundle: Bundle, tree: _WorkTree) -> SourceFiles | None:
    base = _base(bundle)
    below = {path: file for path, file in tree.files.items() if _is_below(path, base)}
    return SourceFiles(root=base, files=below) if below else None


def _too_large(bundle: Bundle, tree: _WorkTree) -> list[Problem]:
    base = _base(bundle)
    return [
        Problem(
            file=path,
            line=1,
            message=f"has {size:,} bytes; a file may have {FILE_MAX_BYTES:,}",
        )
        for path, size in tree.large.items()
        if _is_below(path, base) and is_wanted(bundle, path[len(base) :].lstrip("/"))
    ]


def _base(bundle: Bundle) -> str:
    base = bundle.source.path.strip("/")
    return "" if base == "." else base


def _no_folder(bundle: Bundle) -> Problem:
    return Problem(
        file=bundle.place.file,
        line=bundle.place.line,
        field="spec.source.path",
        message=f"there is no folder {_base(bundle)!r} in this repository",
    )


def _read(root: Path) -> _WorkTree:
    base = root.resolve()
    if not base.is_dir():
        raise InvalidFleet([Problem(file=str(root), line=1, message="there is no such folder")])
    tree = _WorkTree()
    for path in sorted(base.rglob("*")):
        name = path.relative_to(base).as_posix()
        if name == ".git" or name.startswith(".git/") or not path.is_file():
            continue
        size = path.stat().st_size
        if not path.resolve().is_relative_to(base):
            message = "is a link that leaves the repository"
            tree.problems.append(Problem(file=name, line=1, message=message))
        elif size > FILE_MAX_BYTES:
            tree.large[name] = size
        else:
            data = path.read_bytes()
            tree.files[name] = SourceFile(path=name, blob_id=digest_of(data), data=data)
    return tree


def _not_fetched(bundle: Bundle) -> Problem:
    return Problem(
        file=bundle.place.file,
        line=bundle.place.line,
        field="spec.source.git",
        message="lives in another repository, which is not checked here",
    )
