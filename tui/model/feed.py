"""Follows the server in a thread of its own and keeps what came until the app takes it.

Snapshot first, then the stream from its cursor; after a break the stream is resumed, and only a
`reset`, or more changes than the app could take, leads to a new snapshot.  Never touches a widget:
`take` hands everything over, `notify` is told once that there is something.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from fleet.api.client import ApiClient
from fleet.api.errors import ApiError
from fleet.api.stream import Changes, ChangeStream, Heartbeat, Reset
from fleet.view import Change, FleetView
from tui.model.link import Link

BACKLOG_MAX = 50_000
"""Changes kept for an app that is busy; beyond that a new snapshot is cheaper."""
RETRY_S = (0.5, 1.0, 2.0, 5.0)
"""Waits before tries to reconnect; the last one repeats."""


@dataclass(slots=True)
class Batch:
    """What came since the last time: a snapshot, if any, goes before the changes."""

    link: Link
    snapshot: FleetView | None = None
    changes: list[Change] = field(default_factory=list)


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


class Feed:
    """One follower of one server."""

    def __init__(
        self,
        client: ApiClient,
        *,
        notify: Callable[[], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._client = client
        self._notify = notify
        self._now = now
        self._lock = threading.Lock()
        self._batch = Batch(link=Link())
        self._announced = False
        self._cursor: str | None = None
        self._stream: ChangeStream | None = None
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._anew = threading.Event()

    def run(self) -> None:
        """Follow until `stop`; meant for a worker thread."""
        attempts = 0
        while not self._stopped.is_set():
            try:
                self._follow()
                attempts = 0
            except ApiError as error:
                if self._heard_since_connect():
                    attempts = 0
                wait_s = RETRY_S[min(attempts, len(RETRY_S) - 1)]
                attempts += 1
                self._lost(error, attempts, wait_s)
                self._wake.wait(wait_s)
                self._wake.clear()

    def stop(self) -> None:
        """End `run` soon, from any thread."""
        self._stopped.set()
        self._wake.set()
        if self._stream is not None:
            self._stream.close()

    def retry_now(self) -> None:
        """Do not wait for the next try."""
        self._wake.set()

    def begin_anew(self) -> None:
        """Ask for a new snapshot now, whatever is known; from any thread."""
        self._anew.set()
        self._wake.set()
        if self._stream is not None:
            self._stream.close()

    def take(self) -> Batch:
        """Hand over what came, and start anew."""
        with self._lock:
            batch = self._batch
            self._batch = Batch(link=batch.link)
            self._announced = False
            return batch

    def _follow(self) -> None:
        if self._anew.is_set():
            self._anew.clear()
            self._cursor = None
        if self._cursor is None:
            view = self._client.snapshot()
            self._cursor = view.cursor
            self._put(snapshot=view)
        self._stream = self._client.changes(self._cursor)
        try:
            if self._stopped.is_set() or self._anew.is_set():
                return
            self._put()
            for item in self._stream:
                match item:
                    case Changes(cursor=cursor, changes=changes):
                        self._cursor = cursor
                        self._put(changes=list(changes))
                    case Heartbeat():
                        self._put()
                    case Reset():
                        self._cursor = None
                        return
                if self._stopped.is_set() or self._anew.is_set() or self._cursor is None:
                    return
        finally:
            self._stream.close()

    def _put(
        self, *, snapshot: FleetView | None = None, changes: list[Change] | None = None
    ) -> None:
        with self._lock:
            batch = self._batch
            if snapshot is not None:
                batch.snapshot, batch.changes = snapshot, []
            batch.changes += changes or []
            if len(batch.changes) > BACKLOG_MAX:
                batch.changes.clear()
                self._cursor = None
            batch.link = Link(heard_at=self._now(), connected=True)
        self._announce()

    def _lost(self, error: ApiError, attempts: int, wait_s: float) -> None:
        with self._lock:
            self._batch.link = replace(
                self._batch.link,
                connected=False,
                attempts=attempts,
                error=error.message,
                hint=error.hint,
                retry_at=self._now() + timedelta(seconds=wait_s),
            )
        self._announce()

    def _heard_since_connect(self) -> bool:
        return self._batch.link.connected

    def _announce(self) -> None:
        with self._lock:
            first, self._announced = not self._announced, True
        if first:
            self._notify()
