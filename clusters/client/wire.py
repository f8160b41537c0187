"""The shapes we read off the wire, and nothing more: the rest of an object stays undecoded bytes.

Decoding two dozen fields of metadata costs a tenth of parsing the whole object, and values that are
not decoded (those of a Secret above all) cannot leak.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from clusters.errors import Unreachable
from clusters.fields.ownership import Entry, our_entry

_Shape = TypeVar("_Shape")
_TYPE, _OBJECT = b'{"type":"', b'","object":'
"""How API servers write a line of a watch."""


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

    def our_fields(self) -> bytes | None:
        """The field set of our last apply as the server wrote it; None: it has none of ours."""
        entry = our_entry(self.managed_fields or ())
        return bytes(entry.fields_v1) if entry else None


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


class StatusCause(_Wire, gc=False):
    """One reason why a request was refused."""

    field: str | None = None
    reason: str | None = None
    message: str | None = None


class StatusDetails(_Wire, gc=False):
    """What a `Status` says beside its message."""

    causes: list[StatusCause] | None = None
    retry_after_seconds: float | None = None


class Status(_Wire, gc=False):
    """Why a request was refused."""

    kind: str
    message: str | None = None
    reason: str | None = None
    details: StatusDetails | None = None


class KindName(_Wire, gc=False):
    """How discovery names a kind."""

    kind: str = ""


class ServedResource(_Wire, gc=False):
    """One resource in aggregated discovery."""

    resource: str = ""
    response_kind: KindName | None = None
    scope: str = ""


class ServedVersion(_Wire, gc=False):
    """One version of a group in aggregated discovery."""

    version: str = ""
    freshness: str = ""
    """`Stale` when the extension server behind it did not answer."""
    resources: list[ServedResource] | None = None


class GroupMetadata(_Wire, gc=False):
    """The name of a group."""

    name: str = ""


class ServedGroup(_Wire, gc=False):
    """One group in aggregated discovery."""

    metadata: GroupMetadata
    versions: list[ServedVersion] | None = None


class GroupVersion(_Wire, gc=False):
    """One version of a group in legacy discovery."""

    group_version: str = ""


class LegacyGroup(_Wire, gc=False):
    """One group in legacy discovery."""

    versions: list[GroupVersion] | None = None


class DiscoveryRoot(_Wire, gc=False):
    """What `/api` or `/apis` answers: aggregated (`items`), or the names of versions."""

    kind: str = ""
    items: list[ServedGroup] | None = None
    versions: list[str] | None = None
    groups: list[LegacyGroup] | None = None


class LegacyResource(_Wire, gc=False):
    """One resource in legacy discovery."""

    name: str = ""
    kind: str = ""
    namespaced: bool = False


class LegacyResources(_Wire, gc=False):
    """What one group version serves, in legacy discovery."""

    group_version: str = ""
    resources: list[LegacyResource] | None = None


def _decoder(shape: type[_Shape]) -> Callable[[bytes | msgspec.Raw], _Shape]:
    """Make a reader of `shape` that raises `Unreachable` for anything else.

    What answers with other JSON is no API server, however broken: it must not pass for a bug.
    """
    decode = msgspec.json.Decoder(shape).decode

    def read(body: bytes | msgspec.Raw) -> _Shape:
        try:
            return decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Unreachable("its answer is not what a Kubernetes API gives") from error

    return read


decode_head = _decoder(ObjectHead)
decode_watch_line = _decoder(WatchLine)


def read_watch_line(line: bytes) -> WatchLine:
    """Take a line of a watch apart.

    API servers write the type first and the object last, so that the object need not be walked to
    find its end; it is when it is decoded.  Whatever is written otherwise is decoded as JSON.

    Raises:
        Unreachable: it is no such line.
    """
    type_end = line.find(_OBJECT, len(_TYPE))
    if type_end < 0 or not line.startswith(_TYPE) or not line.endswith(b"}}"):
        return decode_watch_line(line)
    name = line[len(_TYPE) : type_end]
    if not name.isalpha():
        return decode_watch_line(line)
    return WatchLine(type=name.decode(), object=msgspec.Raw(line[type_end + len(_OBJECT) : -1]))


decode_page = _decoder(ListPage)
decode_fault = _decoder(Fault)
decode_status = _decoder(Status)
decode_root = _decoder(DiscoveryRoot)
decode_resources = _decoder(LegacyResources)
decode_parts = _decoder(dict[str, msgspec.Raw])
decode_object = _decoder(dict[str, Any])
