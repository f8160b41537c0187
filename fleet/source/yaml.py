"""Reads YAML as kubectl reads it, strictly: bytes to JSON values, each document once.

Scalars follow go-yaml v2 (`sigs.k8s.io/yaml`) and the JSON decoding of apimachinery behind it:
`on` is true, `0644` is 420, `1:30` and dates stay text, unknown tags are ignored.  On purpose
stricter than kubectl: what it decides silently is refused here (a key given twice, a merge that
overrides an earlier key, bytes that are no text), and every size is limited before it is spent.

The C parser delivers events; values are built from them directly.  Positions are not recorded
(manifests are megabytes, errors are rare): `fleet.source.positions` parses once more when asked.
Scalars are read by `fleet.source.scalars`, aliases copied by `fleet.source.aliases`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from fleet.source.aliases import AliasBudget, Anchored
from fleet.source.positions import FilePositions, ParserEvent
from fleet.source.scalars import Json, ScalarError, key_of, value_of
from fleet.source.yaml_problems import YamlProblem, encoding_problem, syntax_problem

__all__ = ["DEFAULT_LIMITS", "Document", "Json", "Limits", "YamlProblem", "read_documents"]

MERGE_TAG = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large one file may be, in every direction."""

    bytes_max: int = 16 * 2**20
    documents_max: int = 5_000
    nodes_max: int = 1_000_000
    scalar_max: int = 4 * 2**20
    """Characters of one scalar; the API server takes no object above 3 MB."""
    depth_max: int = 100
    """Nesting, aliases included: CRD schemas need 40, JSON writers give up near 250."""
    alias_weight_max: int = 1_000_000
    """Nodes and characters that all aliases of a file stand for."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of a file.  `content` is never None: empty documents are left out."""

    content: Json
    file: str
    line: int
    """Where its content starts."""
    _positions: FilePositions = field(repr=False, compare=False)
    _index: int = field(repr=False, compare=False)

    def line_of(self, path: tuple[str | int, ...]) -> int:
        """Find the line of a field (of its key) or list item, or of its nearest parent there is."""
        return self._positions.line_of(self._index, path) or self.line


def read_documents(data: bytes, *, file: str, limits: Limits = DEFAULT_LIMITS) -> list[Document]:
    """Read all documents of a file that hold something.

    Raises:
        YamlProblem: the first thing that is wrong: syntax, what kubectl would refuse, a key given
            twice, or a limit.
    """
    if len(data) > limits.bytes_max:
        raise YamlProblem(
            f"the file has {len(data):,} bytes; at most {limits.bytes_max:,} are read",
            file=file,
            line=1,
            column=1,
        )
    try:
        return _Reader(data, file, limits).documents()
    except _Refused as refused:
        mark = refused.event.start_mark
        raise YamlProblem(
            str(refused), file=file, line=mark.line + 1, column=mark.column + 1
        ) from None
    except yaml.MarkedYAMLError as error:
        raise syntax_problem(error, file, depth_max=limits.depth_max) from None
    except yaml.reader.ReaderError as error:
        raise encoding_problem(error, data, file) from None


class _Refused(Exception):
    """Why reading stops, and at which event."""

    def __init__(self, message: str, event: ParserEvent) -> None:
        super().__init__(message)
        self.event = event


class _Reader:
    """Builds the values of one file from the events of the parser, by recursive descent."""

    def __init__(self, data: bytes, file: str, limits: Limits) -> None:
        self._positions = FilePositions(data)
        self._file = file
        self._limits = limits
        self._next: Callable[[], ParserEvent] = CParser(data).get_event
        self._nodes = 0
        self._depth = 0
        self._anchors: dict[str, Anchored] = {}
        self._aliases = AliasBudget(limits.alias_weight_max)

    def documents(self) -> list[Document]:
        found: list[Document] = []
        index = -1
        self._next()
        while not isinstance(start := self._next(), StreamEndEvent):
            index += 1
            self._check_document(start, index)
            self._anchors.clear()
            first = self._next()
            content = self._value(first)
            self._next()
            if content is not None:
                found.append(
                    Document(
                        content=content,
                        file=self._file,
                        line=first.start_mark.line + 1,
                        _positions=self._positions,
                        _index=index,
                    )
                )
        return found

    def _check_document(self, start: ParserEvent, index: int) -> None:
        if index >= self._limits.documents_max:
            raise _Refused(f"more than {self._limits.documents_max:,} documents in a file", start)
        if index and not start.explicit:
            raise _Refused("a further document must start with a line '---'", start)

    def _value(self, event: ParserEvent) -> Json:
        """Build the value that `event` starts, and leave the parser behind its end."""
        self._nodes += 1
        if self._nodes > self._limits.nodes_max:
            raise _Refused(f"more than {self._limits.nodes_max:,} values in a file", event)
        kind = type(event)
        if kind is ScalarEvent:
            value = self._scalar(event)
        elif kind is AliasEvent:
            return self._alias(event)
        else:
            if event.anchor is not None:
                self._anchors[event.anchor] = Anchored(complete=False)
            self._depth += 1
            if self._depth > self._limits.depth_max:
                raise _Refused(f"nested more than {self._limits.depth_max} deep", event)
            value = self._mapping() if kind is MappingStartEvent else self._sequence()
            self._depth -= 1
        if event.anchor is not None:
            self._anchors[event.anchor] = Anchored(value=value)
        return value

    def _scalar(self, event: ParserEvent) -> Json:
        self._check_size(event)
        try:
            return value_of(event.value, tag=event.tag, plain=event.implicit[0])
        except ScalarError as error:
            raise _Refused(str(error), event) from None

    def _check_size(self, event: ParserEvent) -> None:
        if len(event.value) > self._limits.scalar_max:
            raise _Refused(
                f"a text of {len(event.value):,} characters; at most "
                f"{self._limits.scalar_max:,} are read",
                event,
            )

    def _sequence(self) -> list[Json]:
        items = []
        while type(event := self._next()) is not SequenceEndEvent:
            items.append(self._value(event))
        return items

    def _mapping(self) -> dict[str, Json]:
        fields: dict[str, Json] = {}
        own: dict[str, int] = {}
        while type(event := self._next()) is not MappingEndEvent:
            line = event.start_mark.line + 1
            if _is_merge(event):
                self._no_repetition("<<", own, event)
                own["<<"] = line
                self._merge(self._value(value := self._next()), fields, own, value)
                continue
            key = self._key(event)
            self._no_repetition(key, own, event)
            own[key] = line
            fields[key] = self._value(self._next())
        return fields

    def _no_repetition(self, key: str, own: dict[str, int], event: ParserEvent) -> None:
        if key in own:
            raise _Refused(
                f"the key {_shown(key)} is given twice (first in line {own[key]}); keep one",
                event,
            )

    def _key(self, event: ParserEvent) -> str:
        self._nodes += 1
        if isinstance(event, AliasEvent):
            key = self._alias(event)
            if not isinstance(key, str):
                raise _Refused("an alias used as a key must stand for a text", event)
            return key
        if not isinstance(event, ScalarEvent):
            raise _Refused("a key must be a text, not a list or mapping", event)
        self._check_size(event)
        try:
            key = key_of(event.value, tag=event.tag, plain=event.implicit[0])
        except ScalarError as error:
            raise _Refused(str(error), event) from None
        if event.anchor is not None:
            self._anchors[event.anchor] = Anchored(key)
        return key

    def _merge(
        self, merged: Json, fields: dict[str, Json], own: dict[str, int], event: ParserEvent
    ) -> None:
        """Take in the mapping, or the list of mappings (the first one wins), behind a `<<`."""
        sources = merged if isinstance(merged, list) else [merged]
        if not all(isinstance(source, dict) for source in sources):
            raise _Refused("'<<' takes a mapping, or a list of mappings", event)
        for source in reversed(sources):
            for key, value in source.items():
                if key in own:
                    # kubectl lets the merge win here and YAML 1.1 the key: both would surprise.
                    raise _Refused(
                        f"'<<' sets the key {_shown(key)} again (first in line {own[key]}); "
                        "write '<<' before the keys that override it",
                        event,
                    )
                fields[key] = value

    def _alias(self, event: ParserEvent) -> Json:
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            raise _Refused(f"no anchor &{event.anchor} before this *{event.anchor}", event)
        if not anchored.complete:
            raise _Refused(f"*{event.anchor} stands inside &{event.anchor} itself", event)
        try:
            return self._aliases.copy(anchored.value, self._limits.depth_max - self._depth)
        except ScalarError as error:
            raise _Refused(f"*{event.anchor}: {error}", event) from None


def _is_merge(event: ParserEvent) -> bool:
    return (
        type(event) is ScalarEvent
        and event.value == "<<"
        and (event.implicit[0] or event.tag == MERGE_TAG)
    )


def _shown(key: str) -> str:
    """A key as it may be put into a message: short, and without control characters."""
    return repr(key if len(key) <= 60 else key[:57] + "...")
