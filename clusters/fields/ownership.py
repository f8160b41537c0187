"""Field ownership: what of a live object is ours, and who took what is not any more.

Pure.  Works on `managedFields` entries and their field sets (see `projection`).  Whether anything
of ours was changed is read off our own entry first, which costs no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson

from clusters.fields.projection import FieldSet, Path, child_at, short_hash
from clusters.model import FIELD_MANAGER


def remembered(fields: bytes, exemption: str = "") -> str:
    """Hash of our entry, and of what was left to others when it came to be (see `rules`)."""
    return short_hash(fields + exemption.encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of managedFields."""

    manager: str
    operation: str
    subresource: str
    time: datetime | None
    fields: bytes
    """fieldsV1 as the server wrote it."""

    @property
    def label(self) -> str:
        """`manager/Operation`, with the subresource where there is one."""
        where = f":{self.subresource}" if self.subresource else ""
        return f"{self.manager}/{self.operation}{where}"

    def field_set(self) -> FieldSet:
        """Parse `fields`."""
        parsed: FieldSet = orjson.loads(self.fields)
        return parsed


class Signed(Protocol):
    """What says who wrote."""

    @property
    def manager(self) -> str:
        """The field manager."""
        ...

    @property
    def operation(self) -> str:
        """`Apply` or `Update`."""
        ...

    @property
    def subresource(self) -> str:
        """Empty for the object itself."""
        ...


_Signed = TypeVar("_Signed", bound=Signed)


def our_entry(entries: Iterable[_Signed], manager: str = FIELD_MANAGER) -> _Signed | None:
    """The entry of our last apply, if the object still has one."""
    for entry in entries:
        if entry.manager == manager and entry.operation == "Apply" and not entry.subresource:
            return entry
    return None


def leaves(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Every owned path of a field set, as tuples of its keys."""
    for key, inner in fields.items():
        if key == ".":
            if prefix:
                yield prefix
        elif inner:
            yield from leaves(inner, (*prefix, key))
        else:
            yield (*prefix, key)


def lost_paths(before: FieldSet, after: FieldSet | None) -> list[Path]:
    """Paths that were ours and are no longer: their values were changed by somebody else."""
    now = frozenset(leaves(after)) if after else frozenset()
    return [path for path in leaves(before) if path not in now]


def changed_paths(desired: Any, live: Any, fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Paths of `fields` at which `live` differs from `desired`."""
    for key, inner in fields.items():
        if key == ".":
            continue
        path = (*prefix, key)
        wanted, wanted_child = child_at(desired, key)
        found, live_child = child_at(live, key)
        if wanted and found and inner:
            yield from changed_paths(wanted_child, live_child, inner, path)
        elif wanted != found or (wanted and wanted_child != live_child):
            yield path


def dotted(path: Sequence[str]) -> str:
    """Write a path as people do: `spec.containers[name=web].image`."""
    text = ""
    for key in path:
        kind, _, rest = key.partition(":")
        match kind:
            case "k":
                pairs = orjson.loads(rest).items()
                text += "[" + ",".join(f"{name}={value}" for name, value in pairs) + "]"
            case "v":
                text += f"[={orjson.loads(rest)}]"
            case "i":
                text += f"[{rest}]"
            case _:
                text += ("." if text else "") + rest
    return text


def holder_of(paths: Sequence[Sequence[str]], entries: Sequence[Entry]) -> Entry | None:
    """Who holds any of `paths` now, other than we: of several, the one that wrote last.

    None when nobody does: a removed field leaves no trace of who removed it.
    """
    wanted = frozenset(tuple(path) for path in paths)
    newest: Entry | None = None
    for entry in entries:
        if entry.manager == FIELD_MANAGER and entry.operation == "Apply":
            continue
        held = frozenset(leaves(entry.field_set()))
        if not _touches(wanted, held):
            continue
        if newest is None or (entry.time and (not newest.time or entry.time >= newest.time)):
            newest = entry
    return newest


def _touches(wanted: frozenset[tuple[str, ...]], held: frozenset[tuple[str, ...]]) -> bool:
    # A manager may hold a path above ours (it replaced the whole) or below it (it wrote inside).
    if wanted & held:
        return True
    return any(
        path[: len(other)] == other or other[: len(path)] == path
        for path in wanted
        for other in held
    )
