"""The shapes we read off the wire, and nothing more: the rest of an object stays undecoded bytes.

Decoding two dozen fields of metadata costs a tenth of parsing the whole object, and values that are
not decoded (those of a Secret above all) cannot leak.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from clusters.ownership import Entry


class _Wire(msgspec.Struct, rename="camel", gc=False):
    pass


class ManagedFieldsEntry(_Wire, gc=False):
    """One entry of `metadata.managedFields`."""

    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: datetime | None = None
    fields_v1: msgspec.Raw = msgspec.field(name="fieldsV1", default=msgspec.Raw(b"{}"))

    def entry(self) -> Entry:
        """As the domain's value."""
        return Entry(
            manager=self.manager,
            operation=self.operation,
            subresource=self.subresource,
            time=self.time,
            fields=bytes(self.fields_v1),
        )


class Metadata(_Wire, gc=False):
    """What we need of `metadata`."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    deletion_timestamp: str | None = None
    finalizers: list[str] | None = None
    managed_fields: list[ManagedFieldsEntry] | None = None

    def entries(self) -> list[Entry]:
        """The managed fields as domain values."""
        return [entry.entry() for entry in self.managed_fields or ()]


class ObjectHead(_Wire, gc=False):
    """Any object: its metadata."""

    metadata: Metadata


class WatchLine(_Wire, gc=False):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class ListMetadata(_Wire, gc=False):
    """Metadata of a list."""

    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class ListPage(_Wire, gc=False):
    """One page of a list; the items are left as bytes."""

    metadata: ListMetadata
    items: list[msgspec.Raw] | None = None


class Fault(_Wire, gc=False):
    """The `Status` inside an ERROR line of a watch."""

    code: int = 0
    reason: str = ""
    message: str = ""


decode_head = msgspec.json.Decoder(ObjectHead).decode
decode_watch_line = msgspec.json.Decoder(WatchLine).decode
decode_page = msgspec.json.Decoder(ListPage).decode
decode_fault = msgspec.json.Decoder(Fault).decode


def decode_object(body: bytes | msgspec.Raw) -> dict[str, Any]:
    """Parse the whole object."""
    parsed: dict[str, Any] = msgspec.json.decode(body)
    return parsed
