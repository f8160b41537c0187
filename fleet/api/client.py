"""The one client of the server's HTTP API, for the CLI and the TUI.

Synchronous, on `http.client`: a command line must start in 150 ms, and the TUI reads the stream in
a thread of its own.  One connection for each request, so that a client may be shared by threads.
Nothing is retried here: reading again is the caller's choice, and a command must not run twice.
"""

from __future__ import annotations

import http.client
import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from fleet.api.address import Address, parse_address
from fleet.api.errors import NotAuthorised, Refused, ServerError, ServerUnreachable
from fleet.api.stream import HEARTBEAT_TIMEOUT_S, ChangeStream
from fleet.view import (
    CommandRequest,
    CommandResult,
    CommitView,
    EventView,
    FleetView,
    ObjectDetail,
    ObjectView,
    PlanView,
)
from fleet.view_history import HistoryView

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
REQUEST_TIMEOUT_S = 15.0
PLAN_TIMEOUT_S = 600.0
"""A plan asks every cluster that would change about every object."""
_REFUSALS = frozenset({403, 409, 422})


class ApiClient:
    """Speaks to one server.  `token` is sent over TCP only: a local socket needs none."""

    def __init__(
        self, address: str, token: str | None = None, *, timeout_s: float = REQUEST_TIMEOUT_S
    ) -> None:
        self.address = parse_address(address)
        self._token = token
        self._timeout_s = timeout_s

    def snapshot(self) -> FleetView:
        """Read the whole fleet as it is now."""
        return self._get("/v1/snapshot", FleetView)

    def changes(self, cursor: str, *, timeout_s: float = HEARTBEAT_TIMEOUT_S) -> ChangeStream:
        """Follow the fleet from `cursor` on; iterate over the result, close it when done.

        Raises:
            ApiError: the stream could not be opened.  Later failures are raised by the iteration.
        """
        headers = {"Accept": "text/event-stream", "Last-Event-ID": cursor}
        query = urlencode({"cursor": cursor})
        connection = self._connect(timeout_s)
        try:
            with self._explained(timeout_s):
                connection.request("GET", f"/v1/events?{query}", headers=self._headers(headers))
                sock = connection.sock
                response = connection.getresponse()
            if response.status != http.client.OK:
                self._raise(response.status, response.read())
        except BaseException:
            connection.close()
            raise
        return ChangeStream(response, sock, where=str(self.address), cursor=cursor)

    def objects(self, cluster: str) -> list[ObjectView]:
        """List the apply set of one cluster."""
        return self._get(f"/v1/clusters/{quote(cluster, safe='')}/objects", list[ObjectView])

    def object(self, cluster: str, obj: ObjectView) -> ObjectDetail:
        """Read one object, live beside desired."""
        query = urlencode(
            {
                "bundle": obj.bundle,
                "group": obj.group,
                "kind": obj.kind,
                "namespace": obj.namespace,
                "name": obj.name,
            }
        )
        path = f"/v1/clusters/{quote(cluster, safe='')}/object?{query}"
        return self._get(path, ObjectDetail)

    def history(self, *, limit: int = 100) -> list[CommitView]:
        """List the newest commits of the fleet repository, newest first."""
        return self._get(f"/v1/history?{urlencode({'limit': limit})}", list[CommitView])

    def rollout_history(self, *, bundle: str = "", days: int = 30) -> HistoryView:
        """Read what ran where and when; figures are those of the last `days` days."""
        query = urlencode({"bundle": bundle, "days": days})
        return self._get(f"/v1/rollouts?{query}", HistoryView)

    def audit(
        self,
        *,
        after: int | None = None,
        limit: int | None = None,
        cluster: str = "",
        bundle: str = "",
    ) -> list[EventView]:
        """Read rows of the audit log, oldest first, those after row `after`."""
        wanted = {"after": after, "limit": limit, "cluster": cluster, "bundle": bundle}
        query = urlencode({k: v for k, v in wanted.items() if v not in {None, ""}})
        return self._get(f"/v1/audit?{query}", list[EventView])

    def why(self, target: str) -> Sequence[str]:
        """Ask why `target` (cluster/NAME, bundle/NAME or rollout/ID) is as it is."""
        return self._get(f"/v1/why?{urlencode({'target': target})}", list[str])

    def plan(
        self, revision: str, *, bundle: str = "", timeout_s: float = PLAN_TIMEOUT_S
    ) -> PlanView:
        """Ask what a revision of the fleet repository would change; may take a while."""
        query = urlencode({"revision": revision, "bundle": bundle})
        return self._get(f"/v1/plan?{query}", PlanView, timeout_s=timeout_s)

    def command(self, request: CommandRequest, *, key: str | None = None) -> CommandResult:
        """Ask the server to do something.

        Args:
            request: what to do.
            key: the same key is carried out once, however often it arrives; random when left out.

        Raises:
            Refused: the server says no.
            ServerUnreachable: no answer; whether it was carried out is not known.
        """
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key or secrets.token_hex(16),
        }
        status, body = self._send("POST", "/v1/commands", msgspec.json.encode(request), headers)
        result = _result(body)
        if result is None:
            self._raise(status, body)
        if status in _REFUSALS or not result.accepted:
            raise Refused(result, status=status)
        return result

    def _get(self, path: str, kind: type[T], *, timeout_s: float | None = None) -> T:
        status, body = self._send("GET", path, timeout_s=timeout_s)
        if status != http.client.OK:
            self._raise(status, body)
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise ServerError(
                f"{self.address} answered {path.partition('?')[0]} with something this client "
                f"cannot read: {error}",
                hint="Client and server may be of different versions: `flotilla version` says.",
            ) from error

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> tuple[int, bytes]:
        patience_s = self._timeout_s if timeout_s is None else timeout_s
        connection = self._connect(patience_s)
        try:
            with self._explained(patience_s):
                connection.request(method, path, body=body, headers=self._headers(headers or {}))
                response = connection.getresponse()
                return response.status, response.read()
        finally:
            connection.close()

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", **more}
        if self._token and self.address.scheme != "unix":
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        if self.address.scheme == "unix":
            return _UnixConnection(self.address, timeout=timeout_s)
        kind = (
            http.client.HTTPSConnection
            if self.address.scheme == "https"
            else http.client.HTTPConnection
        )
        return kind(self.address.host, self.address.port, timeout=timeout_s)

    @contextmanager
    def _explained(self, waited_s: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise ServerUnreachable(
                f"The server at {self.address} does not answer (waited {waited_s:g} s).",
                hint="It is busy or stuck: its log says more. Nothing here is lost by waiting.",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnreachable(
                f"No server at {self.address}: {error.strerror or error}."
                if isinstance(error, OSError)
                else f"The server at {self.address} broke off its answer.",
                hint="Start one with `flotilla server`, try `flotilla demo`, or name another "
                "address with --server or FLOTILLA_SERVER.",
            ) from error

    def _raise(self, status: int, body: bytes) -> NoReturn:
        message, hint = _error_of(body)
        if status in {401, 403}:
            raise NotAuthorised(
                message or f"The server at {self.address} does not accept this token.",
                hint=hint or "Give a valid one with --token-file or FLOTILLA_TOKEN_FILE.",
            )
        raise ServerError(
            message or f"The server at {self.address} answered with status {status}.",
            hint=hint,
            status=status,
        )


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a local socket."""

    def __init__(self, address: Address, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = address.path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise


def _result(body: bytes) -> CommandResult | None:
    try:
        return msgspec.json.decode(body, type=CommandResult)
    except msgspec.MsgspecError:
        return None


def _error_of(body: bytes) -> tuple[str, str]:
    try:
        content = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    return str(content.get("error") or ""), str(content.get("hint") or "")
