"""Where the fields of a YAML file are, found by parsing it once more: only errors ask.

The file was read before by `fleet.source.yaml`, so it is valid and within all limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

from yaml._yaml import CParser
from yaml.events import (
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

ParserEvent = Any
"""An event of `yaml.events`; its stubs make every attribute optional, which none is here."""

Step = tuple[int, "Inside"]
"""The line of a key or list item, and what is inside of it."""
Inside = Mapping[str, Step] | Sequence[Step] | None


class FilePositions:
    """Lines (from 1) of everything in one file, shared by its documents."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def line_of(self, index: int, path: Sequence[str | int]) -> int | None:
        """Find the line of a field (of its key) or list item, or of the nearest parent there is.

        Args:
            index: which document of the file, empty ones counted, from 0.
            path: keys and positions in lists.

        Returns:
            The line, or None where not even the first part of the path is there.
        """
        line, inside = None, self._documents[index]
        for part in path:
            match inside:
                case Mapping() if isinstance(part, str) and part in inside:
                    line, inside = inside[part]
                case Sequence() if isinstance(part, int) and part < len(inside):
                    line, inside = inside[part]
                case _:
                    break
        return line

    @cached_property
    def _documents(self) -> list[Inside]:
        next_event = CParser(self._data).get_event
        documents = []
        while not isinstance(event := next_event(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                documents.append(_inside(next_event(), next_event))
        return documents


def _inside(event: ParserEvent, next_event: Callable[[], ParserEvent]) -> Inside:
    if isinstance(event, SequenceStartEvent):
        items = []
        while not isinstance(item := next_event(), SequenceEndEvent):
            items.append((item.start_mark.line + 1, _inside(item, next_event)))
        return items
    if not isinstance(event, MappingStartEvent):
        return None
    fields = {}
    while not isinstance(key := next_event(), MappingEndEvent):
        text = key.value if isinstance(key, ScalarEvent) else ""
        fields[text] = (key.start_mark.line + 1, _inside(next_event(), next_event))
    return fields
