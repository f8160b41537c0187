"""The stream of changes as a client reads it: server-sent events, made into values.

Parsing is pure (`frames`, `read_frame`); `ChangeStream` owns the connection.  It does not
reconnect: after an error the caller asks for a new snapshot or a new stream from `cursor`.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from fleet.api.errors import ServerError, ServerUnreachable
from fleet.view import (
    BundleOnCluster,
    BundleView,
    Change,
    ClusterView,
    DriftView,
    EventView,
    GitView,
    NeedView,
    RolloutView,
)

HEARTBEAT_TIMEOUT_S = 15.0
"""Three heartbeats: after that the connection is taken for dead."""

ENTITY_TYPES: dict[str, type[Any]] = {
    "git": GitView,
    "cluster": ClusterView,
    "bundle": BundleView,
    "placement": BundleOnCluster,
    "drift": DriftView,
    "rollout": RolloutView,
    "need": NeedView,
    "event": EventView,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Entities that were replaced or are gone; `cursor` is where to go on after them."""

    cursor: str
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The server lives, and has nothing new."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The server does not know our cursor: only a new snapshot is true."""


StreamItem = Changes | Heartbeat | Reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One server-sent event as it was on the wire."""

    event: str = "message"
    id: str = ""
    data: str = ""


def frames(lines: Iterable[bytes]) -> Iterator[Frame]:
    """Cut a byte stream's lines into frames (WHATWG HTML, 9.2.6); comments are skipped."""
    fields: dict[str, list[str]] = {}
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if fields:
                yield Frame(
                    event=fields.get("event", ["message"])[-1],
                    id=fields.get("id", [""])[-1],
                    data="\n".join(fields.get("data", [])),
                )
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))


def read_frame(frame: Frame) -> StreamItem | None:
    """Make a value of a frame; None for an event this version does not know.

    Raises:
        msgspec.MsgspecError: the data is not what the event promises.
    """
    match frame.event:
        case "change":
            raw = msgspec.json.decode(frame.data, type=list[Change])
            return Changes(cursor=frame.id, changes=[_typed(change) for change in raw])
        case "heartbeat":
            return Heartbeat()
        case "reset":
            return Reset()
        case _:
            return None


def _typed(change: Change) -> Change:
    kind = ENTITY_TYPES.get(change.entity)
    if kind is None or change.value is None:
        return change
    value = msgspec.convert(change.value, type=kind)
    return Change(entity=change.entity, key=change.key, value=value)


class ChangeStream:
    """An open stream: iterate, and `close` it from any thread to end the iteration."""

    def __init__(
        self,
        response: http.client.HTTPResponse,
        sock: socket.socket | None,
        *,
        where: str,
        cursor: str,
    ) -> None:
        self.cursor = cursor
        self._response = response
        self._socket = sock
        self._where = where
        self._closed = False

    def __iter__(self) -> Iterator[StreamItem]:
        """Yield what the server says; ends only by `close`.

        Raises:
            ServerUnreachable: the stream broke, or was silent for too long.
            ServerError: what came is no change of this version.
        """
        how = "closed the connection"
        try:
            for frame in frames(self._response):
                item = read_frame(frame)
                if isinstance(item, Changes):
                    self.cursor = item.cursor
                if item is not None:
                    yield item
        except msgspec.MsgspecError as error:
            raise ServerError(
                f"A change from {self._where} cannot be read: {error}",
                hint="Client and server may be of different versions: `flotilla version` says.",
            ) from error
        except TimeoutError:
            how = "has been silent for too long"
        except (OSError, ValueError, http.client.HTTPException):
            how = "broke the connection"
        if not self._closed:
            self.close()
            raise ServerUnreachable(
                f"The server at {self._where} {how}.",
                hint="What is shown is the last state received.",
            )

    def close(self) -> None:
        """End the stream; a read under way in another thread returns at once."""
        self._closed = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
