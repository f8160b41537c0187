"""JSON merge patch (RFC 7386): how layers of values and merge patches combine.

Mappings merge key by key, null removes a key, everything else (lists too) replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from fleet.source.render.files import Json


def merge_patch(target: Json, patch: Json) -> Json:
    """Return `target` changed by `patch`; neither is touched, parts of both are shared."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def merge_layers(layers: list[Mapping[str, Json]]) -> dict[str, Json]:
    """Merge layers in order; the later wins."""
    empty: dict[str, Json] = {}
    return reduce(merge_patch, layers, empty)
