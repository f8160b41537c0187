"""Reading a patch: from the body of a PATCH to a function that changes an object.

Server-side apply is no such patch: it needs to know managers, and has its own way in `objects`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clusters.embedded.decoding import JSON_PATCH, MERGE_PATCH, read_value
from clusters.embedded.patches import json_patch, merge_patch
from clusters.embedded.schema import Schema
from clusters.embedded.strategic import strategic_merge

Body = dict[str, Any]
Change = Callable[[Body], Body]
"""Makes the changed object; the one it is given stays as it is."""


def read_change(data: bytes, media_type: str, schema: Schema) -> Change:
    """Read a JSON, merge or strategic merge patch.

    Raises:
        ApiStatus: 400 or 413, when the body cannot be read.
    """
    patch = read_value(data, media_type)
    if media_type == JSON_PATCH:
        return lambda body: json_patch(body, patch)
    if media_type == MERGE_PATCH:
        return lambda body: merge_patch(body, patch)
    return lambda body: strategic_merge(body, patch, schema)
