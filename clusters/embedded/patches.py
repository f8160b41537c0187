"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386), refused as the real server refuses them.

Strategic merge patches need a schema and live in `strategic`.  Results share unchanged parts with
the object that was patched; that object is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonpatch
import jsonpointer

from clusters.embedded import gofmt, status

MAX_OPERATIONS: Final = 10_000


def json_patch(content: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """Apply the operations in order.

    Raises:
        ApiStatus: 400 if `operations` is no list of objects, 413 if there are too many, 422 if
            they do not fit the object (as a failed `test` or a missing path).
    """
    if not isinstance(operations, list):
        raise _undecodable(operations, "[]handlers.jsonPatchOp")
    for operation in operations:
        if not isinstance(operation, dict):
            raise _undecodable(operation, "handlers.jsonPatchOp")
    if len(operations) > MAX_OPERATIONS:
        raise status.request_too_large(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, "
            f"got {len(operations)}"
        )
    try:
        patched = jsonpatch.JsonPatch(operations).apply(content)
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        KeyError,
        TypeError,
        ValueError,
        IndexError,
    ) as error:
        raise status.unprocessable_patch() from error
    if not isinstance(patched, dict):
        raise status.unprocessable_patch()
    return patched


def _undecodable(value: Any, wanted: str) -> status.ApiStatus:
    kind = gofmt.json_kind(value)
    return status.bad_request(
        f"error decoding patch: json: cannot unmarshal {kind} into Go value of type {wanted}"
    )


def merge_patch(content: Mapping[str, Any], patch: Any) -> dict[str, Any]:
    """Lay `patch` over `content`: null removes, objects merge, everything else replaces.

    Raises:
        ApiStatus: 400 if `patch` is no object.
    """
    if not isinstance(patch, dict):
        raise status.bad_request("Invalid JSON Patch")
    return _merged(content, patch)


def _merged(content: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(content)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = _merged(out[key], value)
        else:
            out[key] = without_nulls(value)
    return out


def without_nulls(value: Any) -> Any:
    """Drop members that are null: there is nothing that they could remove."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
