"""Where one cluster's objects are: bytes under keys, one counter, a bounded history.

Objects at rest are serialised once and never change; whoever wants to look inside loads a copy of
their own (`Stored.load`), so nothing is ever shared by accident.  Every write takes the next
number of one counter, the resourceVersion, and leaves an `Event`.  The history of a resource
serves watches that resume and pages of a list as of the revision of its first page; what fell
out of it is *compacted*, and asking for it is answered 410.

What an object may look like is decided above (`objects`), who listens is in `watching`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from clusters.embedded.kinds import StorageKey

HISTORY_EVENTS_MAX = 512
"""Events kept per resource: the depth of a real server's watch cache for a small resource."""

_HEAD = frozenset({"kind", "apiVersion", "metadata"})
_NO_LABELS: Mapping[str, str] = {}


_METADATA = b'"metadata":'


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of one object.  `key` is `namespace/name`, or the name alone.

    The bytes are kind, apiVersion, metadata and then the rest; the metadata are
    `raw[metadata_start:metadata_end]`, to be given out without parsing.
    """

    key: str
    revision: int
    raw: bytes
    uid: str
    labels: Mapping[str, str]
    owners: Sequence[Mapping[str, Any]]
    """Its owner references."""
    metadata_start: int
    metadata_end: int

    @classmethod
    def of(cls, key: str, revision: int, body: Mapping[str, Any]) -> Stored:
        """Serialise a body that carries its resourceVersion already."""
        metadata = body["metadata"]
        head = orjson.dumps({"kind": body["kind"], "apiVersion": body["apiVersion"]})
        inner = orjson.dumps(metadata)
        rest = orjson.dumps({name: body[name] for name in body if name not in _HEAD})
        ending = b"," + rest[1:] if len(rest) > 2 else b"}"
        raw = b"".join((head[:-1], b",", _METADATA, inner, ending))
        start = len(head) + len(_METADATA)
        labels = metadata.get("labels") or _NO_LABELS
        owners = metadata.get("ownerReferences") or ()
        uid = metadata.get("uid", "")
        return cls(key, revision, raw, uid, labels, owners, start, start + len(inner))

    @property
    def metadata_raw(self) -> bytes:
        """The metadata alone, as bytes."""
        return self.raw[self.metadata_start : self.metadata_end]

    @property
    def from_metadata(self) -> bytes:
        """All that follows kind and apiVersion, with the closing brace."""
        return self.raw[self.metadata_start - len(_METADATA) :]

    def load(self) -> dict[str, Any]:
        """Parse to a copy that the caller may change."""
        body: dict[str, Any] = orjson.loads(self.raw)
        return body

    @property
    def namespace(self) -> str:
        """Empty for objects of the cluster."""
        return self.key.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The object's name."""
        return self.key.rpartition("/")[2]


class Change(StrEnum):
    """What an event tells, in the words of the watch protocol."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """One write.  `previous` is None when the object was added."""

    change: Change
    resource: StorageKey
    current: Stored
    """For a deletion: the last state, with the revision of the deletion."""
    previous: Stored | None

    @property
    def revision(self) -> int:
        """The resourceVersion that this write took."""
        return self.current.revision


Listener = Callable[[Event], None]


class Compacted(Exception):
    """The history that was asked for is gone; `oldest` is the first revision still known."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history before {oldest} is compacted")
        self.oldest = oldest


class Shelf:
    """The objects of one resource."""

    __slots__ = ("_order", "compacted", "history", "listeners", "objects")

    def __init__(self, *, history_max: int, compacted: int) -> None:
        self.objects: dict[str, Stored] = {}
        self.history: deque[Event] = deque(maxlen=history_max)
        self.compacted = compacted
        """Events up to this revision are gone."""
        self.listeners: list[Listener] = []
        self._order: list[str] | None = []

    def sorted(self) -> Iterator[Stored]:
        """Give all objects in the order of their keys, which is the order of every list."""
        if self._order is None:
            self._order = sorted(self.objects)
        objects = self.objects
        return (objects[key] for key in self._order)

    def at(self, revision: int) -> Iterator[Stored]:
        """Give all objects as they were right after `revision`.

        Raises:
            Compacted: the way back is no longer known.
        """
        if revision < self.compacted:
            raise Compacted(self.compacted)
        if not self.history or self.history[-1].revision <= revision:
            return self.sorted()
        objects = dict(self.objects)
        for event in reversed(self.history):
            if event.revision <= revision:
                break
            if event.previous is None:
                objects.pop(event.current.key, None)
            else:
                objects[event.current.key] = event.previous
        return (objects[key] for key in sorted(objects))

    def since(self, revision: int) -> list[Event]:
        """Give the events after `revision`, oldest first.

        Raises:
            Compacted: some of them are gone.
        """
        if revision < self.compacted:
            raise Compacted(self.compacted)
        found: list[Event] = []
        for event in reversed(self.history):
            if event.revision <= revision:
                break
            found.append(event)
        found.reverse()
        return found

    def seed(self, stored: Stored) -> None:
        """Put in an object without an event."""
        self.objects[stored.key] = stored
        self._order = None

    def record(self, event: Event) -> None:
        """Take in a write, and tell who listens."""
        key = event.current.key
        if event.change is Change.DELETED:
            del self.objects[key]
            self._order = None
        else:
            if event.previous is None:
                self._order = None
            self.objects[key] = event.current
        if len(self.history) == self.history.maxlen:
            self.compacted = self.history[0].revision
        self.history.append(event)
        for listener in tuple(self.listeners):
            listener(event)


class Storage:
    """All objects of one cluster, and its one counter."""

    def __init__(self, *, history_max: int = HISTORY_EVENTS_MAX) -> None:
        self.revision = 1
        self.listeners: list[Listener] = []
        """Told of every write to any resource, after the watches of that resource."""
        self._history_max = history_max
        self._compacted = 0
        self._shelves: dict[StorageKey, Shelf] = {}

    def shelf(self, resource: StorageKey) -> Shelf:
        """Give the place of a resource; it comes to be when first asked for."""
        shelf = self._shelves.get(resource)
        if shelf is None:
            shelf = self._shelves[resource] = Shelf(
                history_max=self._history_max, compacted=self._compacted
            )
        return shelf

    def shelves(self) -> Iterator[tuple[StorageKey, Shelf]]:
        """Give every resource that was ever asked for."""
        return iter(tuple(self._shelves.items()))

    def get(self, resource: StorageKey, key: str) -> Stored | None:
        """Find one object."""
        shelf = self._shelves.get(resource)
        return shelf.objects.get(key) if shelf is not None else None

    def put(self, resource: StorageKey, key: str, body: dict[str, Any]) -> Stored:
        """Write an object; its resourceVersion is set here.  Creates or replaces."""
        shelf = self.shelf(resource)
        previous = shelf.objects.get(key)
        change = Change.ADDED if previous is None else Change.MODIFIED
        current = self._number(key, body)
        self._tell(shelf, Event(change, resource, current, previous))
        return current

    def remove(self, resource: StorageKey, key: str, body: dict[str, Any]) -> Stored:
        """Delete an object, whose last state was `body`.

        Raises:
            KeyError: there is no such object.
        """
        shelf = self.shelf(resource)
        previous = shelf.objects[key]
        current = self._number(key, body)
        self._tell(shelf, Event(Change.DELETED, resource, current, previous))
        return current

    def seed(self, resource: StorageKey, stored: Stored) -> None:
        """Put in an object that was there from the beginning; nobody is told."""
        self.shelf(resource).seed(stored)

    def compact(self) -> None:
        """Forget all history: every older resourceVersion is answered 410 from now on."""
        self._compacted = self.revision
        for shelf in self._shelves.values():
            shelf.history.clear()
            shelf.compacted = self.revision

    def drop(self, resource: StorageKey) -> None:
        """Forget a resource that is no longer served.  Its objects were deleted before."""
        self._shelves.pop(resource, None)

    def _number(self, key: str, body: dict[str, Any]) -> Stored:
        self.revision += 1
        body["metadata"]["resourceVersion"] = str(self.revision)
        return Stored.of(key, self.revision, body)

    def _tell(self, shelf: Shelf, event: Event) -> None:
        shelf.record(event)
        for listener in self.listeners:
            listener(event)
