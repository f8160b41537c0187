"""Watch streams: what a client is told, in which order, and when the stream ends.

A `Watch` listens to one resource and holds the lines that its connection has yet to write.  It
turns each event of the store into what this client must see: an object that begins to match the
selectors is ADDED, one that ceases to match is DELETED in its former shape with the new revision
(apiserver's watch cache does the same).  Writing lines to a socket is in `server`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from clusters.embedded.kinds import Resource
from clusters.embedded.selectors import Selection
from clusters.embedded.status import ApiStatus, Cause, expired, invalid, untyped
from clusters.embedded.storage import Change, Compacted, Event, Shelf, Storage, Stored

BACKLOG_LINES_MAX = 10_000
"""A client that is further behind is cut off, and lists again."""
BOOKMARK_INTERVAL_S = 60.0
"""Idle time after which a client that wants bookmarks gets one, as the real server's minute."""
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}

Render = Callable[[Stored], bytes]
"""Makes the bytes of an object in the form that this client asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOptions:
    """From where and how a client watches."""

    since: int | None
    """Resume after this revision; None: begin with what exists."""
    bookmarks: bool = False
    initial_events: bool = False
    timeout_s: float = 0.0


def parse_revision(text: str) -> int:
    """Read a resourceVersion of a query.

    Raises:
        ApiStatus: 500 without a reason, which is how the real server fails here.
    """
    try:
        value = int(text or "0")
    except ValueError:
        value = -1
    if value < 0:
        raise untyped(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": '
            "invalid syntax"
        )
    return value


def watch_options(query: Mapping[str, str], *, timeout_s: float) -> WatchOptions:
    """Read the watch parameters; `timeout_s` is used where the client sets none.

    Raises:
        ApiStatus: for parameters that do not go together, or cannot be read.
    """
    match = query.get("resourceVersionMatch", "")
    initial = query.get("sendInitialEvents")
    causes = []
    if initial is not None and match != "NotOlderThan":
        why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        causes.append(Cause("FieldValueForbidden", why, "resourceVersionMatch"))
    elif initial is None and match:
        why = (
            "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
            "provided"
        )
        causes.append(Cause("FieldValueForbidden", why, "resourceVersionMatch"))
    if match not in ("", "NotOlderThan"):
        why = f'Unsupported value: "{match}": supported values: "NotOlderThan"'
        causes.append(Cause("FieldValueNotSupported", why, "resourceVersionMatch"))
    if causes:
        raise invalid("ListOptions", "", causes, group="meta.k8s.io")
    text = query.get("resourceVersion", "")
    revision = parse_revision(text)
    wants_initial = initial == "true"
    try:
        seconds = float(query.get("timeoutSeconds") or 0)
    except ValueError:
        seconds = 0.0
    begins = wants_initial or (initial is None and revision == 0)
    return WatchOptions(
        since=None if begins else revision,
        bookmarks=query.get("allowWatchBookmarks") == "true",
        initial_events=wants_initial,
        timeout_s=seconds if seconds > 0 else timeout_s,
    )


def too_old(revision: int, oldest: int) -> ApiStatus:
    """Word the 410 of a watch whose history is compacted."""
    return expired(f"too old resource version: {revision} ({oldest})")


class Watch:
    """One client's view of the changes of one resource."""

    def __init__(
        self,
        storage: Storage,
        resource: Resource,
        selection: Selection,
        options: WatchOptions,
        render: Render,
    ) -> None:
        self.options = options
        self._storage = storage
        self.resource = resource
        self._selection = selection
        self._render = render
        self._shelf: Shelf = storage.shelf(resource.storage_key)
        self._lines: list[bytes] = []
        self._wake: asyncio.Future[None] | None = None
        self.ended = False
        self.cut = False
        """Ended as a connection breaks, not as a stream does."""

    def start(self) -> None:
        """Begin to listen, with the past that was asked for in hand.

        When that past is gone, the stream consists of an ERROR event that says so: once a watch
        was accepted, the real server fails it in no other way.
        """
        since = self.options.since
        if since is None:
            for stored in self._shelf.sorted():
                if self._selection.matches(stored):
                    self._lines.append(self._line(Change.ADDED, self._render(stored)))
            if self.options.initial_events and self.options.bookmarks:
                self._lines.append(self.bookmark(INITIAL_EVENTS_END))
        else:
            try:
                past = self._shelf.since(since)
            except Compacted as error:
                self.fail(too_old(since, error.oldest))
                return
            for event in past:
                self._take(event)
        self._shelf.listeners.append(self._take)

    def stop(self, *, cut: bool = False) -> None:
        """Listen no more, and let the stream end, or break."""
        self.ended = True
        self.cut = self.cut or cut
        if self._take in self._shelf.listeners:
            self._shelf.listeners.remove(self._take)
        self._rouse()

    def fail(self, status: ApiStatus) -> None:
        """End the stream with an ERROR event."""
        self._lines.append(self._line("ERROR", orjson.dumps(status.body())))
        self.stop()

    async def lines(self, wait_s: float) -> bytes:
        """Wait for something to tell, at most `wait_s`; empty when there is nothing."""
        if not self._lines and not self.ended:
            loop = asyncio.get_running_loop()
            self._wake = loop.create_future()
            timer = loop.call_later(wait_s, self._rouse)
            try:
                await self._wake
            finally:
                timer.cancel()
                self._wake = None
        told = b"".join(self._lines)
        self._lines.clear()
        return told

    def bookmark(self, annotations: Mapping[str, str] | None = None) -> bytes:
        """Give the line that says up to which revision the client has seen everything."""
        metadata: dict[str, Any] = {"resourceVersion": str(self._storage.revision)}
        if annotations:
            metadata["annotations"] = annotations
        body = {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version,
            "metadata": metadata,
        }
        return self._line("BOOKMARK", orjson.dumps(body))

    def _take(self, event: Event) -> None:
        for change, stored in self._seen(event):
            self._lines.append(self._line(change, self._render(stored)))
            if len(self._lines) > BACKLOG_LINES_MAX:
                self._lines.clear()
                self.stop()
                return
            self._rouse()

    def _seen(self, event: Event) -> Iterator[tuple[Change, Stored]]:
        matches = self._selection.matches
        now = event.change is not Change.DELETED and matches(event.current)
        before = event.previous is not None and matches(event.previous)
        if now:
            yield (Change.MODIFIED if before else Change.ADDED), event.current
        elif before and event.change is Change.DELETED:
            yield Change.DELETED, event.current
        elif before and event.previous is not None:
            yield Change.DELETED, _as_of(event.previous, event.revision)

    def _line(self, change: str, raw: bytes) -> bytes:
        return b'{"type":"%s","object":%s}\n' % (change.encode(), raw)

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


def _as_of(stored: Stored, revision: int) -> Stored:
    body = stored.load()
    body["metadata"]["resourceVersion"] = str(revision)
    return Stored.of(stored.key, revision, body)
