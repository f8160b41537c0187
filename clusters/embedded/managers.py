"""The managers of an object: its `metadata.managedFields`, decoded and encoded.

A manager is told apart by name, operation, subresource and, for updates only, by the version it
wrote in (apimachinery managedfields, BuildManagerIdentifier): an applier has one entry whatever
version it uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from clusters.embedded import fieldset
from clusters.embedded.fieldset import FieldSet

APPLY: Final = "Apply"
UPDATE: Final = "Update"
MAX_UPDATE_MANAGERS: Final = 10
"""More entries of updates than this are merged, oldest first (DefaultMaxUpdateManagers)."""
_ANCIENT: Final = "ancient-changes"


class BadManagedFields(ValueError):
    """A `managedFields` list that cannot be understood."""


class ManagerId(NamedTuple):
    """What tells managers apart."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    @classmethod
    def of(cls, manager: str, operation: str, api_version: str, subresource: str = "") -> ManagerId:
        """Build an identity; appliers have no version in theirs."""
        return cls(
            manager or "unknown",
            operation,
            "" if operation == APPLY else api_version,
            subresource,
        )

    def text(self) -> str:
        """Name the manager in a conflict, as the server does."""
        text = fieldset.element_text(f'v:"{self.manager}"')[2:-1]
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Entry:
    """What one manager owns; `time` is RFC 3339, or None."""

    fields: FieldSet
    api_version: str
    time: str | None = None

    def having(self, fields: FieldSet) -> Entry:
        """Copy with other fields."""
        return replace(self, fields=fields)


Managers = dict[ManagerId, Entry]


def decode(entries: Sequence[Mapping[str, Any]] | None) -> Managers:
    """Read `managedFields`.

    Raises:
        BadManagedFields: an entry lacks what it must have, or its fields are malformed.
    """
    out: Managers = {}
    for position, entry in enumerate(entries or ()):
        if not isinstance(entry, Mapping):
            raise BadManagedFields(f"entry {position} is no object")
        operation, version = entry.get("operation"), entry.get("apiVersion")
        if operation not in (APPLY, UPDATE):
            raise BadManagedFields("operation must be `Apply` or `Update`")
        if not version:
            raise BadManagedFields("apiVersion must not be empty")
        if entry.get("fieldsType") != "FieldsV1":
            raise BadManagedFields(
                f'invalid fieldsType "{entry.get("fieldsType")}" in managed fields entry {position}'
                if entry.get("fieldsType")
                else f"missing fieldsType in managed fields entry {position}"
            )
        # Not through ManagerId.of: an entry without a manager is the manager without a name.
        identity = ManagerId(
            entry.get("manager") or "",
            operation,
            "" if operation == APPLY else version,
            entry.get("subresource") or "",
        )
        out[identity] = Entry(entry.get("fieldsV1") or {}, version, entry.get("time"))
    return out


def canonical(managers: Managers) -> Managers:
    """Bring fields that came from outside to canonical form.

    Raises:
        BadManagedFields: fields are malformed.
    """
    try:
        return {
            identity: entry.having(fieldset.parse(entry.fields))
            for identity, entry in managers.items()
        }
    except fieldset.BadFieldSet as error:
        raise BadManagedFields(str(error)) from error


def encode(managers: Managers) -> list[dict[str, Any]]:
    """Write `managedFields`: appliers first, then by time, manager, version and subresource."""
    return [
        _encode_one(identity, managers[identity])
        for identity in sorted(
            managers,
            key=lambda identity: (
                identity.operation,
                managers[identity].time or "",
                identity.manager,
                managers[identity].api_version,
                identity.subresource,
            ),
        )
    ]


def _encode_one(identity: ManagerId, entry: Entry) -> dict[str, Any]:
    out: dict[str, Any] = {
        "manager": identity.manager,
        "operation": identity.operation,
        "apiVersion": entry.api_version,
    }
    if entry.time is not None:
        out["time"] = entry.time
    out["fieldsType"] = "FieldsV1"
    out["fieldsV1"] = entry.fields
    if identity.subresource:
        out["subresource"] = identity.subresource
    return out


def capped(managers: Managers) -> Managers:
    """Merge the oldest updates into one entry per version until few enough are left.

    After apimachinery's capManagersManager.
    """
    updaters = [identity for identity in managers if identity.operation == UPDATE]
    if len(updaters) <= MAX_UPDATE_MANAGERS:
        return managers
    updaters.sort(key=lambda identity: (managers[identity].time or "", identity))
    out = dict(managers)
    first: dict[str, ManagerId] = {}
    surplus = len(updaters) - MAX_UPDATE_MANAGERS
    for identity in updaters:
        if surplus == 0:
            break
        entry = out[identity]
        bucket = ManagerId.of(_ANCIENT, UPDATE, entry.api_version)
        if entry.api_version not in first:
            first[entry.api_version] = identity
            continue
        if bucket not in out:
            out[bucket] = out.pop(first[entry.api_version])
        merged = fieldset.union(entry.fields, out[bucket].fields)
        out[bucket] = Entry(merged, entry.api_version, entry.time)
        if identity != bucket:
            del out[identity]
        surplus -= 1
    return out
