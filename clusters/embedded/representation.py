"""In which form an answer travels: the object itself, its metadata only, or a table.

Reads the Accept header and makes bytes of stored objects.  The plain form is the stored bytes,
joined and never parsed again; the others are made on demand.  Columns of tables are in `tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

from clusters.embedded import tables, versions
from clusters.embedded.kinds import Resource
from clusters.embedded.listing import Page
from clusters.embedded.status import not_acceptable
from clusters.embedded.storage import Stored

META_VERSION = "meta.k8s.io/v1"
_ACCEPTED = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/cbor",
)


class Form(StrEnum):
    """What a client asked to be given."""

    OBJECT = "object"
    METADATA = "metadata"
    TABLE = "table"


_FORMS = {
    "PartialObjectMetadata": Form.METADATA,
    "PartialObjectMetadataList": Form.METADATA,
    "Table": Form.TABLE,
}
_JSON_TYPES = ("application/json", "application/*", "*/*", "application/yaml", "")


def form_of(accept: str) -> Form:
    """Choose the first form of an Accept header that is served.

    Raises:
        ApiStatus: 406, when none of them is.
    """
    if not accept or accept in ("application/json", "*/*"):
        return Form.OBJECT
    for option in accept.split(","):
        kind, *parameters = (part.strip() for part in option.split(";"))
        if kind not in _JSON_TYPES:
            continue
        wanted = dict(part.partition("=")[::2] for part in parameters)
        if "as" not in wanted:
            return Form.OBJECT
        if wanted.get("g") == "meta.k8s.io" and wanted.get("v") == "v1" and wanted["as"] in _FORMS:
            return _FORMS[wanted["as"]]
    raise not_acceptable(_ACCEPTED)


def in_version(resource: Resource, stored: Stored) -> bytes:
    """Give an object's bytes in the version that was asked for."""
    raw = stored.raw
    if raw.startswith(resource.head):
        return raw
    if resource.custom:
        return resource.head + stored.from_metadata
    return orjson.dumps(versions.convert(resource, stored.load()))


_METADATA_HEAD = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":'


def _metadata_of(stored: Stored) -> bytes:
    return b"".join((_METADATA_HEAD, stored.metadata_raw, b"}"))


def render(resource: Resource, form: Form, stored: Stored, include: str = "") -> bytes:
    """Make the bytes of one object, as a get or a watch event answers it."""
    if form is Form.OBJECT:
        return in_version(resource, stored)
    if form is Form.METADATA:
        return _metadata_of(stored)
    metadata = {"resourceVersion": str(stored.revision)}
    return orjson.dumps(_table(resource, [stored], metadata, include))


def render_list(resource: Resource, form: Form, page: Page, include: str = "") -> bytes:
    """Make the bytes of a list; `include` says what rows of a table carry (includeObject)."""
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.token:
        metadata["continue"] = page.token
    if page.remaining is not None:
        metadata["remainingItemCount"] = page.remaining
    if form is Form.TABLE:
        return orjson.dumps(_table(resource, page.items, metadata, include))
    if form is Form.METADATA:
        kind, api_version = "PartialObjectMetadataList", META_VERSION
        raws = [_metadata_of(stored) for stored in page.items]
    elif resource.custom:
        kind, api_version = resource.list_kind, resource.api_version
        raws = [in_version(resource, stored) for stored in page.items]
    else:  # items of typed lists go without kind and version
        kind, api_version = resource.list_kind, resource.api_version
        cut = len(resource.head)
        raws = [b"{" + in_version(resource, stored)[cut:] for stored in page.items]
    return b'{"kind":"%s","apiVersion":"%s","metadata":%s,"items":[%s]}' % (
        kind.encode(),
        api_version.encode(),
        orjson.dumps(metadata),
        b",".join(raws),
    )


def _table(
    resource: Resource, items: Sequence[Stored], metadata: Mapping[str, Any], include: str
) -> dict[str, Any]:
    columns = tables.columns_of(resource)
    return {
        "kind": "Table",
        "apiVersion": META_VERSION,
        "metadata": metadata,
        "columnDefinitions": [column.definition for column in columns],
        "rows": [tables.row(columns, stored, include) for stored in items],
    }
