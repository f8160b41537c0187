"""What an API server answers when it does not do what it was asked: `Status` to `ClusterError`.

Pure.  A server's message can repeat the object it refuses; where the object is a Secret only field
names and reasons are kept (CVE-2025-23216).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from clusters.errors import (
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
    Unreachable,
)
from clusters.model import ObjectRef

DEFAULT_RETRY_AFTER_S = 1.0
_MEANT_BY_PROXIES_TOO = (401, 403, 429)
_REFUSALS = (400, 405, 406, 413, 415, 422)
_PLAIN: Mapping[int, type[ClusterError]] = {403: Forbidden, 404: NotFound, 410: Gone}
_MANAGER = re.compile(r'conflict with "(?P<manager>(?:[^"\\]|\\.)*)"')


def error_of(
    status: int, headers: Mapping[str, str], body: bytes, ref: ObjectRef | None
) -> ClusterError:
    """The error that an answer means."""
    answer = _status_body(body)
    if answer is not None or status in _MEANT_BY_PROXIES_TOO:
        return _by_status(status, headers, answer or {}, ref)
    kind = headers.get("Content-Type", "no content type").partition(";")[0]
    hint = "" if status >= 500 else ": not a Kubernetes API (a proxy or login page in between?)"
    return Unreachable(f"answers {status} with {kind}{hint}", ref=ref)


def _by_status(
    status: int, headers: Mapping[str, str], answer: Mapping[str, Any], ref: ObjectRef | None
) -> ClusterError:
    words = _words(answer, ref) or f"HTTP {status}"
    retry_after_s = _retry_after_s(headers, answer)
    if status == 429 or (status == 503 and retry_after_s is not None):
        return Throttled(words, retry_after_s=retry_after_s or DEFAULT_RETRY_AFTER_S, ref=ref)
    if status == 401:
        return Unauthorized("it does not accept our credentials (401)", ref=ref)
    if status == 409:
        return _conflict(answer, words, ref)
    if status in _REFUSALS:
        return InvalidObject(words, causes=_causes(answer, ref), ref=ref)
    if status in _PLAIN:
        return _PLAIN[status](words, ref=ref)
    if status >= 500:
        return ServerFault(words, ref=ref)
    return Unreachable(f"answers {status}, which was not expected", ref=ref)


def _conflict(answer: Mapping[str, Any], words: str, ref: ObjectRef | None) -> ClusterError:
    causes = (answer.get("details") or {}).get("causes") or []
    holders = [
        (_holder(str(cause.get("message", ""))), str(cause.get("field", "")))
        for cause in causes
        if cause.get("reason") == "FieldManagerConflict"
    ]
    if holders:
        named = ", ".join(f"{field} is held by {manager}" for manager, field in holders[:3])
        more = f" and {len(holders) - 3} more fields" if len(holders) > 3 else ""
        return FieldConflict(f"{named}{more}", holders=holders, ref=ref)
    return Conflict(words, ref=ref)


def _holder(message: str) -> str:
    found = _MANAGER.search(message)
    return found["manager"] if found else "another manager"


def _status_body(body: bytes) -> Mapping[str, Any] | None:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _words(answer: Mapping[str, Any], ref: ObjectRef | None) -> str:
    message, reason = str(answer.get("message") or ""), str(answer.get("reason") or "")
    if ref is None or ref.kind != "Secret":
        return message or reason
    fields = ", ".join(
        str(cause.get("field"))
        for cause in (answer.get("details") or {}).get("causes") or []
        if cause.get("field")
    )
    return f"{reason or 'refused'}{f' at {fields}' if fields else ''} (values withheld)"


def _causes(answer: Mapping[str, Any], ref: ObjectRef | None) -> list[tuple[str, str, str]]:
    secret = ref is not None and ref.kind == "Secret"
    return [
        (
            str(cause.get("field", "")),
            str(cause.get("reason", "")),
            "" if secret else str(cause.get("message", "")),
        )
        for cause in (answer.get("details") or {}).get("causes") or []
    ]


def _retry_after_s(headers: Mapping[str, str], answer: Mapping[str, Any]) -> float | None:
    for value in (
        headers.get("Retry-After"),
        (answer.get("details") or {}).get("retryAfterSeconds"),
    ):
        try:
            return float(value) if value is not None else None
        except ValueError:
            continue
    return None
