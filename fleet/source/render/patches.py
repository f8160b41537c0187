"""Changes to single objects for some clusters: JSON merge patch and JSON patch (RFC 6902).

A patch that fails or finds nothing to change is a problem: whoever wrote it meant something.
Messages never quote an object's values: it may be a Secret.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import jsonpatch
import jsonpointer
import orjson

from fleet.model import Bundle, Cluster, Patch
from fleet.source.render.files import Json
from fleet.source.render.merge import merge_patch
from fleet.source.render.substitution import INSERTED_MAX


class PatchFailed(ValueError):
    """A patch cannot be applied to an object; the message quotes nothing of the object."""


def choose_patches(bundle: Bundle, cluster: Cluster) -> tuple[int, ...]:
    """Decide which patches of `bundle` (by position) apply to `cluster`."""
    return tuple(
        index
        for index, patch in enumerate(bundle.patches)
        if (not patch.clusters or cluster.name in patch.clusters)
        and (patch.when is None or patch.when.matches(cluster.labels))
    )


def apply_patch(patch: Patch, content: Mapping[str, Json]) -> dict[str, Json]:
    """Return `content` changed by `patch`, whose placeholders are already replaced.

    Raises:
        PatchFailed: an operation does not fit the object, or nothing of an object would be left.
    """
    if patch.merge is not None:
        patched: Json = merge_patch(content, patch.merge)
    else:
        patched = _operate(patch.json6902 or (), content)
    if not isinstance(patched, dict):
        raise PatchFailed("it leaves no object")
    return patched


def _operate(operations: Sequence[Mapping[str, Json]], content: Mapping[str, Json]) -> Json:
    patched: Json = copy.deepcopy(dict(content))
    copied = 0
    for index, operation in enumerate(operations):
        what = f"operation {index + 1} ({operation.get('op')} {operation.get('path')})"
        try:
            if operation.get("op") == "copy":
                copied = _copied(patched, operation, copied, what)
            patched = jsonpatch.JsonPatch([dict(operation)]).apply(patched, in_place=True)
        except PatchFailed:
            raise
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
            raise PatchFailed(f"{what}: {_reason(error)}") from None
        except (TypeError, KeyError, IndexError, ValueError, RecursionError):
            # jsonpatch meets lists where it expects mappings in its own way.
            raise PatchFailed(f"{what} does not fit the object") from None
    _written(patched, "the result")
    return patched


def _copied(patched: Json, operation: Mapping[str, Json], before: int, what: str) -> int:
    """Count what is copied: a few copies of copies would fill the memory."""
    copied = before + len(_written(jsonpointer.resolve_pointer(patched, operation["from"]), what))
    if copied > INSERTED_MAX:
        raise PatchFailed(f"{what} copies more than {INSERTED_MAX:,} characters")
    return copied


def _written(value: Json, what: str) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise PatchFailed(f"{what} is nested too deep") from None


def _reason(error: Exception) -> str:
    match error:
        case jsonpatch.JsonPatchTestFailed():
            return "the value is another one"
        case jsonpatch.InvalidJsonPatch():
            return "it is no operation of RFC 6902"
        case _:
            return "the object has no such path"
