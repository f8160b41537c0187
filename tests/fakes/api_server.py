"""A server of the API that says what it is told to: snapshots, changes, refusals, faults.

Real HTTP over a unix socket or TCP, in threads of its own.  What clients send is kept in
`commands` and `requests`; `faults` makes it drop, stall, or answer with a status.
"""

from __future__ import annotations

import http.server
import queue
import socketserver
import threading
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from fleet.deciding.arguments import check_arguments
from fleet.view import (
    Change,
    CommandRequest,
    CommandResult,
    FieldChange,
    FleetView,
    ObjectDetail,
    ObjectView,
)
from tests.fakes import fleets

Frame = bytes | None
"""Bytes for the stream; None ends it."""
HEARTBEAT_S = 2.0
_HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"


class ApiServer:
    """Start it as a context manager; `address` is what a client needs."""

    def __init__(self, view: FleetView, *, socket_path: Path | None = None) -> None:
        self.view = view
        self.token: str | None = None
        self.status_of: dict[str, int] = {}
        """Path to the status it answers with instead."""
        self.answer: Callable[[CommandRequest], CommandResult] = _accept
        self.refusal_status = 409
        self.commands: list[CommandRequest] = []
        self.idempotency_keys: list[str] = []
        self.requests: list[str] = []
        self.why: Sequence[str] = ("Stage prod waits for 1 more approval (1 of 2).",)
        self.details: Mapping[str, ObjectDetail] = {}
        self._streams: list[queue.SimpleQueue[Frame]] = []
        self._lock = threading.Lock()
        self._server = _server(self, socket_path)
        self._thread = threading.Thread(target=self._serve, name="fake api", daemon=True)

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)

    @property
    def address(self) -> str:
        """Where a client finds it."""
        where = self._server.server_address
        return f"unix:{where}" if isinstance(where, str) else f"http://{where[0]}:{where[1]}"

    @property
    def streams(self) -> int:
        """How many clients follow the changes now."""
        return len(self._streams)

    def __enter__(self) -> ApiServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.drop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def send(self, changes: Sequence[Change], *, cursor: str = "boot-2") -> None:
        """Tell every follower."""
        data = msgspec.json.encode(changes)
        self.send_raw(b"id: %s\nevent: change\ndata: %s\n\n" % (cursor.encode(), data))

    def heartbeat(self) -> None:
        """Say that nothing happened."""
        self.send_raw(_HEARTBEAT)

    def reset(self) -> None:
        """Say that a cursor is unknown."""
        self.send_raw(b"event: reset\ndata: {}\n\n")

    def send_raw(self, frame: bytes) -> None:
        """Put bytes on every stream."""
        with self._lock:
            for stream in self._streams:
                stream.put(frame)

    def drop(self) -> None:
        """Break every stream."""
        with self._lock:
            for stream in self._streams:
                stream.put(None)

    def objects_of(self, cluster: str) -> Sequence[ObjectView]:
        """What the apply set of `cluster` holds; nothing for an unknown one."""
        found = [view for view in self.view.clusters if view.name == cluster]
        return fleets.objects(found[0]) if found else ()

    def detail_of(self, cluster: str, query: Mapping[str, str]) -> ObjectDetail:
        """One object in full; prepared ones come from `details` by kind."""
        if prepared := self.details.get(query["kind"]):
            return prepared
        obj = next(
            o
            for o in self.objects_of(cluster)
            if o.bundle == query["bundle"] and o.kind == query["kind"]
        )
        return detail(cluster, obj)

    def follow(self) -> queue.SimpleQueue[Frame]:
        """Register one more stream."""
        stream: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        with self._lock:
            self._streams.append(stream)
        return stream

    def unfollow(self, stream: queue.SimpleQueue[Frame]) -> None:
        """Forget a stream whose client went away."""
        with self._lock:
            self._streams.remove(stream)


def _accept(request: CommandRequest) -> CommandResult:
    return CommandResult(accepted=True, message=f"{request.command} {request.target}", seq=18235)


def detail(cluster: str, obj: ObjectView) -> ObjectDetail:
    """An object whose live replicas are not the desired ones."""
    head = f"kind: {obj.kind}\nmetadata:\n  name: {obj.name}\n  namespace: {obj.namespace}\n"
    return ObjectDetail(
        cluster=cluster,
        object=obj,
        live_yaml=head + "spec:\n  paused: false\n  replicas: 7\n",
        desired_yaml=head + "spec:\n  paused: false\n  replicas: 3\n",
        changes=(FieldChange(path="spec.replicas", desired=3, live=7),),
        managers=("flotilla (Apply)", "kubectl-edit (Update)"),
        last_changed_by="kubectl-edit (Update)",
    )


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ApiServer

    def log_message(self, format: str, *args: object) -> None:
        self.owner.requests.append(f"{self.command} {self.path}")

    def address_string(self) -> str:
        return "client"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if self._refused(path):
            return
        wanted = dict(urllib.parse.parse_qsl(query))
        if path == "/v1/events":
            self._stream()
        else:
            self._json(200, self._content(path, wanted))

    def _content(self, path: str, query: Mapping[str, str]) -> Any:
        owner = self.owner
        match path.split("/")[2:]:
            case ["snapshot"]:
                return owner.view
            case ["clusters", name, "objects"]:
                return owner.objects_of(urllib.parse.unquote(name))
            case ["clusters", name, "object"]:
                return owner.detail_of(urllib.parse.unquote(name), query)
            case ["history"]:
                return fleets.history()
            case ["audit"]:
                after = int(query.get("after", 0))
                return [event for event in owner.view.events if event.seq > after]
            case ["why"]:
                return owner.why
            case _:
                raise AssertionError(f"the client asked for {path}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._refused(self.path):
            return
        request = msgspec.json.decode(body, type=CommandRequest)
        check_arguments(request)  # as the real one does: a client must not send what it refuses
        self.owner.commands.append(request)
        self.owner.idempotency_keys.append(self.headers["Idempotency-Key"])
        result = self.owner.answer(request)
        self._json(200 if result.accepted else self.owner.refusal_status, result)

    def _refused(self, path: str) -> bool:
        owner = self.owner
        if owner.token is not None and self.headers["Authorization"] != f"Bearer {owner.token}":
            self._json(401, {"error": "No such token.", "hint": "Ask for one."})
            return True
        if status := owner.status_of.get(path):
            self._json(status, {"error": f"Told to answer {status}.", "hint": "Nothing to do."})
            return True
        return False

    def _json(self, status: int, content: object) -> None:
        body = msgspec.json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        stream = self.owner.follow()
        try:
            while (frame := _next(stream)) is not None:
                self.wfile.write(frame)
                self.wfile.flush()
        except OSError:
            pass
        finally:
            self.owner.unfollow(stream)


def _next(stream: queue.SimpleQueue[Frame]) -> Frame:
    """What comes next; a heartbeat where nothing does, as the real server sends them."""
    try:
        return stream.get(timeout=HEARTBEAT_S)
    except queue.Empty:
        return _HEARTBEAT


class _Tcp(http.server.ThreadingHTTPServer):
    daemon_threads = True


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    server_name = "localhost"
    server_port = 0


def _server(owner: ApiServer, socket_path: Path | None) -> socketserver.BaseServer:
    handler = type("Handler", (_Handler,), {"owner": owner})
    if socket_path is None:
        return _Tcp(("127.0.0.1", 0), handler)
    return _Unix(str(socket_path), handler)
