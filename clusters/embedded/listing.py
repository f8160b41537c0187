"""Lists: which objects, in which pages, as of which revision.

Page tokens follow apiserver's: they name the revision of the first page and the last key given,
so that all pages of a list show one moment; a token whose moment is compacted is answered 410.
Only reading; the form in which items travel is in `representation`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile

import orjson

from clusters.embedded.selectors import Selection
from clusters.embedded.status import ApiStatus, Cause, Details, bad_request, expired, invalid
from clusters.embedded.storage import Compacted, Shelf, Storage, Stored
from clusters.embedded.watching import parse_revision, too_old


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer to a list.  `remaining` is None where the server would not count."""

    items: Sequence[Stored]
    revision: int
    token: str = ""
    remaining: int | None = None


def _encode_token(revision: int, last_key: str) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": f"{last_key}\0"}
    return base64.urlsafe_b64encode(orjson.dumps(token)).rstrip(b"=").decode()


def _decode_token(text: str) -> tuple[int, str]:
    try:
        padded = text + "=" * (-len(text) % 4)
        token = orjson.loads(base64.urlsafe_b64decode(padded))
        revision, start = int(token["rv"]), str(token["start"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise bad_request("continue key is not valid: " + str(error)) from error
    if token.get("v") != "meta.k8s.io/v1":
        raise bad_request(
            "continue key is not valid: server does not recognize this encoded version"
        )
    return revision, start.removesuffix("\0")


def _expired_token() -> ApiStatus:
    return expired(
        "The provided continue parameter is too old to display a consistent list result. You can "
        "start a new list without the continue parameter."
    )


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit") or "0"
    try:
        limit = int(text)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from error
    return max(limit, 0)


def _forbidden(field: str, why: str) -> ApiStatus:
    cause = Cause("FieldValueForbidden", f"Forbidden: {why}", field)
    return invalid("ListOptions", "", [cause], group="meta.k8s.io")


def _check(query: Mapping[str, str]) -> None:
    """Refuse parameters that do not go together (ValidateListOptions of apimachinery)."""
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if "sendInitialEvents" in query:
        raise _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if not match:
        return
    if query.get("continue"):
        raise _forbidden(
            "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"
        )
    if not version:
        raise _forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden unless resourceVersion is provided",
        )
    if match not in ("Exact", "NotOlderThan"):
        why = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        cause = Cause("FieldValueNotSupported", why, "resourceVersionMatch")
        raise invalid("ListOptions", "", [cause], group="meta.k8s.io")
    if match == "Exact" and version == "0":
        raise _forbidden(
            "resourceVersionMatch",
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        )


def list_page(
    storage: Storage, shelf: Shelf, selection: Selection, query: Mapping[str, str]
) -> Page:
    """Answer one list request.

    Raises:
        ApiStatus: 400 or 422 for parameters, 410 for a moment that is gone, 504 for one to come.
    """
    _check(query)
    limit = _limit(query)
    token = query.get("continue", "")
    version = query.get("resourceVersion", "")
    after = ""
    if token:
        if version not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        revision, after = _decode_token(token)
        moment = _moment(shelf, revision, _expired_token())
    elif query.get("resourceVersionMatch") == "Exact" or (
        limit and version not in ("", "0") and not query.get("resourceVersionMatch")
    ):
        revision = parse_revision(version)
        _check_reached(revision, storage.revision)
        moment = _moment(shelf, revision, too_old(revision, shelf.compacted))
    else:
        _check_reached(parse_revision(version), storage.revision)
        revision, moment = storage.revision, shelf.sorted()
    found: Iterator[Stored] = (stored for stored in moment if selection.matches(stored))
    if after:
        found = dropwhile(lambda stored: stored.key <= after, found)
    items = list(found)
    if not limit or len(items) <= limit:
        return Page(items=items, revision=revision)
    return Page(
        items=items[:limit],
        revision=revision,
        token=_encode_token(revision, items[limit - 1].key),
        remaining=None if selection.narrows else len(items) - limit,
    )


def _moment(shelf: Shelf, revision: int, gone: ApiStatus) -> Iterator[Stored]:
    try:
        return shelf.at(revision)
    except Compacted as error:
        raise gone from error


def _check_reached(wanted: int, current: int) -> None:
    if wanted <= current:
        return
    cause = Cause("ResourceVersionTooLarge", "Too large resource version", "")
    raise ApiStatus(
        504,
        "Timeout",
        f"Timeout: Too large resource version: {wanted}, current: {current}",
        details=Details(causes=[cause], retry_after_seconds=1),
    )
