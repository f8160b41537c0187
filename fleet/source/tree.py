"""The files of one folder at one revision, with symlinks followed inside the repository only.

Decides which names are files that may be read: nothing outside the repository can be reached, by
`..`, an absolute link, a chain of links or a folder that contains itself (CVE-2022-24904,
CVE-2022-31036).  Pure: `fleet.source.mirror` looks the entries up in Git's objects.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from fleet.model.problems import Problem

LINKS_MAX = 16
"""Links followed for one name; chains of more are loops or attacks."""
FOLDER_MODE = 0o040000
LINK_MODE = 0o120000
SUBMODULE_MODE = 0o160000

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One file.  `path` is the name it was found under, links included."""

    path: str
    blob_id: str
    size: int | None
    """Bytes; None: the file is so large that it was not sent."""
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """One entry as Git lists it: file, folder, link or submodule."""

    path: str
    object_id: str
    size: int | None
    """Bytes; None: the object is not there, because it was left out as too large."""
    mode: int


class Objects(Protocol):
    """What is needed of a repository at one revision.  Paths are from its root, "" is the root."""

    def lookup(self, path: str) -> RawEntry | None:
        """Find one entry without following links."""

    def below(self, path: str) -> Iterable[RawEntry]:
        """List everything below a folder, without following links."""

    def link_target(self, object_id: str) -> str:
        """Read where a link points."""


@dataclass(frozen=True, slots=True)
class Tree(Mapping[str, TreeEntry]):
    """The files that may be read, by path from the root of the repository.

    What `problems` name is not among them: it cannot be read by mistake.
    """

    entries: Mapping[str, TreeEntry]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def __getitem__(self, path: str) -> TreeEntry:
        return self.entries[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class LinkRefused(Exception):
    """A name leads nowhere that may be read."""


class FolderMissing(LookupError):
    """There is no such folder at this revision."""


class TooManyFiles(Exception):
    """The folder holds more than may be read."""


def normal_path(text: str) -> str:
    """Return a path inside a repository in its one form: no `.`, no trailing slash, root is "".

    Raises:
        ValueError: it is absolute, has `..`, a backslash or control characters.
    """
    if text.startswith(("/", "~")) or "\\" in text or _CONTROL.search(text):
        raise ValueError("must be a relative path inside the repository, with / between folders")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise ValueError("must not contain '..': paths do not leave their folder")
    if any(part.lower() == ".git" for part in parts):
        raise ValueError("must not contain '.git'")
    return "/".join(parts)


def read_tree(objects: Objects, path: str, *, files_max: int) -> Tree:
    """List the files below `path` (as `normal_path` returns it).

    Raises:
        FolderMissing: there is no such folder, or its name leads out of the repository.
        TooManyFiles: more than `files_max` names, those behind links counted each time.
    """
    try:
        start = _resolve(objects, path)
    except LinkRefused as refused:
        raise FolderMissing(str(refused)) from refused
    if start is None or start.mode != FOLDER_MODE:
        raise FolderMissing("it is a file" if start else "there is no such folder")
    walk = _Walk(objects, files_max)
    walk.folder(start.path, shown_as=path, inside=(start.path,))
    return Tree(walk.entries, tuple(walk.problems), tuple(walk.warnings))


@dataclass(slots=True)
class _Walk:
    objects: Objects
    names_left: int
    entries: dict[str, TreeEntry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def folder(self, real: str, *, shown_as: str, inside: tuple[str, ...]) -> None:
        """Take in everything below the folder `real`; `inside` are the folders linked through."""
        for raw in self.objects.below(real):
            self.names_left -= 1
            if self.names_left < 0:
                raise TooManyFiles
            shown = posixpath.join(shown_as, raw.path[len(real) :].lstrip("/"))
            if _is_unsafe_name(raw.path):
                self._problem(shown, "no file of a repository may have this name")
            elif raw.mode == LINK_MODE:
                self._link(raw, shown, inside)
            elif raw.mode == SUBMODULE_MODE:
                self.warnings.append(
                    Problem(
                        file=shown,
                        line=1,
                        message="submodules are not read; name their repository as a source",
                    )
                )
            elif raw.mode != FOLDER_MODE:
                self._file(raw, shown)

    def _file(self, raw: RawEntry, shown: str) -> None:
        if shown in self.entries:
            # Bytes that are no text are shown alike: one of two files would be left out silently.
            self._problem(shown, "two files have this name; bytes of a name must be UTF-8")
            return
        self.entries[shown] = TreeEntry(
            path=shown, blob_id=raw.object_id, size=raw.size, mode=raw.mode
        )

    def _link(self, raw: RawEntry, shown: str, inside: tuple[str, ...]) -> None:
        try:
            target = _resolve(self.objects, raw.path)
        except LinkRefused as refused:
            self._problem(shown, str(refused))
            return
        if target is None:
            self._problem(shown, "the link points to nothing")
        elif target.mode == SUBMODULE_MODE:
            self._problem(shown, "the link points into a submodule, which is not read")
        elif target.mode != FOLDER_MODE:
            self._file(target, shown)
        elif any(_contains(target.path, folder) for folder in (*inside, _parent(raw.path))):
            self._problem(shown, "the link points to a folder that contains it")
        elif len(inside) > LINKS_MAX:
            self._problem(shown, f"more than {LINKS_MAX} linked folders inside each other")
        else:
            self.folder(target.path, shown_as=shown, inside=(*inside, target.path))

    def _problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(file=_CONTROL.sub("\ufffd", path), line=1, message=message))


def _resolve(objects: Objects, path: str) -> RawEntry | None:
    """Follow every link on the way to `path`; None where it leads to nothing.

    Raises:
        LinkRefused: a link leaves the repository, or too many links were followed.
    """
    pending = [part for part in path.split("/") if part]
    pending.reverse()
    real: list[str] = []
    links = 0
    entry = objects.lookup("")
    while pending:
        part = pending.pop()
        if part == "..":
            if not real:
                raise LinkRefused("the link leaves the repository")
            real.pop()
            entry = objects.lookup("/".join(real))
            continue
        entry = objects.lookup("/".join([*real, part]))
        if entry is None:
            return None
        if entry.mode != LINK_MODE:
            real.append(part)
            continue
        links += 1
        if links > LINKS_MAX:
            raise LinkRefused(f"more than {LINKS_MAX} links lead from one to the next")
        pending.extend(_parts_of_link(objects.link_target(entry.object_id)))
        entry = objects.lookup("/".join(real))
    return entry


def _parts_of_link(target: str) -> list[str]:
    if target.startswith("/"):
        raise LinkRefused("the link leaves the repository: it points to an absolute path")
    if _CONTROL.search(target) or not target:
        raise LinkRefused("the link has no readable target")
    return [part for part in reversed(target.split("/")) if part not in ("", ".")]


def _is_unsafe_name(path: str) -> bool:
    parts = path.split("/")
    return bool(_CONTROL.search(path)) or any(
        part in ("", ".", "..") or part.lower() == ".git" for part in parts
    )


def _contains(folder: str, path: str) -> bool:
    return not folder or path == folder or path.startswith(folder + "/")


def _parent(path: str) -> str:
    return posixpath.dirname(path)
