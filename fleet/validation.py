"""Checks a fleet repository as it lies on disk: what `flotilla validate` does, in CI or by hand.

The same reading and rendering as the server's, on the files of a work tree.  Bundles of other
repositories are not fetched: they are named in a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clusters.model import digest_of
from fleet.model import Bundle, Inventory
from fleet.placement import placed_clusters
from fleet.source.documents import read_inventory
from fleet.source.problems import InvalidFleet, Problem, in_reading_order
from fleet.source.render.files import SourceFile, SourceFiles
from fleet.source.render.render import Renderer

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
    inventory, _ = read_inventory(_documents(_files(root), folder))
    return inventory


def check_work_tree(root: Path, folder: str = "") -> Checked:
    """Read and render everything.

    Raises:
        InvalidFleet: everything that is wrong.
    """
    files = _files(root)
    inventory, warnings = read_inventory(_documents(files, folder))
    problems: list[Problem] = []
    notes = list(warnings)
    objects = 0
    renderer = Renderer(fleet=inventory.settings.name)
    for bundle in inventory.bundles.values():
        if bundle.source.git:
            notes.append(_not_fetched(bundle))
            continue
        objects += _render(bundle, inventory, renderer, files, problems, notes)
    if problems:
        raise InvalidFleet(problems)
    return Checked(
        clusters=len(inventory.clusters),
        bundles=len(inventory.bundles),
        objects=objects,
        warnings=in_reading_order(notes),
    )


def _documents(files: dict[str, SourceFile], folder: str) -> dict[str, bytes]:
    inside = folder.strip("/")
    return {
        path: file.data
        for path, file in files.items()
        if not inside or path.startswith(f"{inside}/")
    }


def _render(
    bundle: Bundle,
    inventory: Inventory,
    renderer: Renderer,
    files: dict[str, SourceFile],
    problems: list[Problem],
    notes: list[Problem],
) -> int:
    base = bundle.source.path.strip("/")
    base = "" if base == "." else base
    below = {path: file for path, file in files.items() if not base or path.startswith(f"{base}/")}
    if not below:
        place = bundle.place
        message = f"there is no folder {base!r} in this repository"
        problems.append(
            Problem(file=place.file, line=place.line, field="spec.source.path", message=message)
        )
        return 0
    source = SourceFiles(root=base, files=below)
    count = 0
    for name in placed_clusters(bundle, inventory):
        try:
            rendered = renderer.render(bundle, inventory.clusters[name], source)
        except InvalidFleet as error:
            problems += error.problems
            continue
        count += len(rendered.manifests)
        notes += rendered.warnings
    return count


def _files(root: Path) -> dict[str, SourceFile]:
    base = root.resolve()
    if not base.is_dir():
        raise InvalidFleet([Problem(file=str(root), line=1, message="there is no such folder")])
    found: dict[str, SourceFile] = {}
    for path in sorted(base.rglob("*")):
        name = path.relative_to(base).as_posix()
        if name == ".git" or name.startswith(".git/") or not path.is_file():
            continue
        if not path.resolve().is_relative_to(base):
            message = "is a link that leaves the repository"
            raise InvalidFleet([Problem(file=name, line=1, message=message)])
        if path.stat().st_size > FILE_MAX_BYTES:
            continue
        data = path.read_bytes()
        found[name] = SourceFile(path=name, blob_id=digest_of(data), data=data)
    return found


def _not_fetched(bundle: Bundle) -> Problem:
    return Problem(
        file=bundle.place.file,
        line=bundle.place.line,
        field="spec.source.git",
        message="lives in another repository, which is not checked here",
    )
