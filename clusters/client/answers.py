"""What an API server answers when it does not do what it was asked: `Status` to `ClusterError`.

Pure.  A server's message can repeat the object it refuses; where the object is a Secret only field
names and reasons are kept (CVE-2025-23216).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from clusters.client.wire import Status, StatusCause, decode_status
from clusters.errors import (
    AlreadyExists,
    ClusterError,
    Conflict,
    FieldConflict,
    Forbidden,
    Gone,
    InvalidObject,
    NotFound,
    ServerFault,
    Throttled,
    Unauthorized,
    UnknownKind,
    Unreachable,
)
from clusters.model import ObjectRef

DEFAULT_RETRY_AFTER_S = 1.0
RETRY_AFTER_MAX_S = 300.0
"""No wish of a server makes us stay away for longer."""
_MEANT_BY_PROXIES_TOO = (401, 403, 429)
_REFUSALS = (400, 405, 406, 413, 415, 422)
_PLAIN: Mapping[int, type[ClusterError]] = {403: Forbidden, 404: NotFound, 410: Gone}
_TERMINATING = "NamespaceTerminating"
"""Said with 403, though it passes: the namespace is being deleted, and can be made anew then."""
_NO_SUCH_PATH = b"404 page not found"
"""What the API server answers, as text, where it serves no such group."""
_MANAGER = re.compile(r'conflict with "(?P<manager>(?:[^"\\]|\\.)*)"')


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, ref: ObjectRef | None
) -> ClusterError:
    """The error that an answer means."""
    answer = _status_of(body)
    if answer is not None or status in _MEANT_BY_PROXIES_TOO:
        return _by_status(status, headers, answer or Status(kind="Status"), ref)
    if status == 404 and body.strip() == _NO_SUCH_PATH:
        # Said by proxies without a route as well: it says nothing of the object.
        return UnknownKind("it serves no such path", ref=ref)
    kind = headers.get("Content-Type", "no content type").partition(";")[0]
    hint = "" if status >= 500 else ": not a Kubernetes API (a proxy or login page in between?)"
    return Unreachable(f"answers {status} with {kind}{hint}", ref=ref)


def _by_status(
    status: int, headers: Mapping[str, str], answer: Status, ref: ObjectRef | None
) -> ClusterError:
    words = _words(answer, ref) or f"HTTP {status}"
    retry_after_s = _retry_after_s(headers, answer)
    if status == 429 or (status == 503 and retry_after_s is not None):
        wished_s = DEFAULT_RETRY_AFTER_S if retry_after_s is None else retry_after_s
        return Throttled(words, retry_after_s=wished_s, ref=ref)
    if status == 401:
        return Unauthorized("it does not accept our credentials (401)", ref=ref)
    if status == 409:
        return _conflict(answer, words, ref)
    if any(cause.reason == _TERMINATING for cause in _all_causes(answer)):
        return Conflict(words, ref=ref)
    if status in _REFUSALS:
        return InvalidObject(words, causes=_causes(answer, ref), ref=ref)
    if status in _PLAIN:
        return _PLAIN[status](words, ref=ref)
    if status >= 500:
        return ServerFault(words, ref=ref)
    return Unreachable(f"answers {status}, which was not expected", ref=ref)


def _conflict(answer: Status, words: str, ref: ObjectRef | None) -> ClusterError:
    holders = [
        (_holder(cause.message or ""), cause.field or "")
        for cause in _all_causes(answer)
        if cause.reason == "FieldManagerConflict"
    ]
    if holders:
        named = ", ".join(f"{field} is held by {manager}" for manager, field in holders[:3])
        more = f" and {len(holders) - 3} more fields" if len(holders) > 3 else ""
        return FieldConflict(f"{named}{more}", holders=holders, ref=ref)
    if answer.reason == "AlreadyExists":
        return AlreadyExists(words, ref=ref)
    return Conflict(words, ref=ref)


def _holder(message: str) -> str:
    found = _MANAGER.search(message)
    return found["manager"] if found else "another manager"


def _status_of(body: bytes) -> Status | None:
    try:
        answer = decode_status(body)
    except Unreachable:
        return None
    return answer if answer.kind == "Status" else None


def _all_causes(answer: Status) -> list[StatusCause]:
    return (answer.details.causes if answer.details else None) or []


def _words(answer: Status, ref: ObjectRef | None) -> str:
    if ref is None or ref.kind != "Secret":
        return answer.message or answer.reason or ""
    fields = ", ".join(cause.field for cause in _all_causes(answer) if cause.field)
    return f"{answer.reason or 'refused'}{f' at {fields}' if fields else ''} (values withheld)"


def _causes(answer: Status, ref: ObjectRef | None) -> list[tuple[str, str, str]]:
    secret = ref is not None and ref.kind == "Secret"
    return [
        (cause.field or "", cause.reason or "", _withheld(cause) if secret else cause.message or "")
        for cause in _all_causes(answer)
    ]


def _withheld(cause: StatusCause) -> str:
    """What may be said of a Secret's field: whether it can be changed at all."""
    return "field is immutable" if "immutable" in (cause.message or "") else ""


def _retry_after_s(headers: Mapping[str, str], answer: Status) -> float | None:
    """How long the server wants us to wait: seconds only, dates are not used by Kubernetes."""
    try:
        wished = float(headers.get("Retry-After", ""))
    except ValueError:
        wished = (answer.details.retry_after_seconds if answer.details else None) or math.nan
    return min(wished, RETRY_AFTER_MAX_S) if wished >= 0 else None
