"""Who owns which field: tracking what creates, updates and patches change.

The rules are numbered in `apply`, the other half of server-side apply; here are those that every
write follows (4 to 8).  Objects are never changed in place; what did not change is shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from clusters.embedded import fieldset
from clusters.embedded.comparison import Comparison, compare
from clusters.embedded.fieldset import EMPTY, FieldSet
from clusters.embedded.managers import (
    UPDATE,
    BadManagedFields,
    Entry,
    ManagerId,
    Managers,
    canonical,
    capped,
    decode,
    encode,
)
from clusters.embedded.schema import Schema
from clusters.embedded.schema_data import STATUS_RESETS

Object = Mapping[str, Any]
"""A Kubernetes object as parsed JSON.  Read only."""

STRIPPED: Final = fieldset.of_paths(
    ("f:apiVersion",),
    ("f:kind",),
    ("f:metadata",),
    *(
        ("f:metadata", "f:" + field)
        for field in (
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "clusterName",
            "generation",
            "managedFields",
            "resourceVersion",
        )
    ),
)
"""Fields that are never owned (stripMetaManager)."""

STATUS: Final = fieldset.of_paths(("f:status",))


def default_resets(schema: Schema, subresource: str) -> FieldSet:
    """Give the fields that a write of a built-in kind resets, so that they are not owned.

    Through the main resource that is `status`, through `status` it is `spec`, and with some kinds
    part of the metadata.
    """
    if subresource == "status":
        return _status_resets(schema.definition)
    return STATUS if schema.definition and schema.declares("status") else EMPTY


@cache
def _status_resets(definition: str) -> FieldSet:
    paths = STATUS_RESETS.get(definition, (("spec",),))
    return fieldset.of_paths(*(tuple("f:" + name for name in path) for path in paths))


def empty_object(schema: Schema, api_version: str, kind: str) -> dict[str, Any]:
    """Give the object that a typed server starts from: what it writes although nobody set it."""
    return {"apiVersion": api_version, "kind": kind, **_zero(schema)}


def _zero(schema: Schema) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if schema.definition:
        for name in schema.required:
            child = schema.child(name)
            if child is not None and child.scalar is None:
                out[name] = None
        for name in schema.present:
            child = schema.child(name)
            if child is not None:
                out[name] = _zero(child)
    return out


def track_update(  # noqa: PLR0913  what a write is: by whom, through what, when
    old: Object | None,
    new: Object,
    *,
    manager: str,
    schema: Schema,
    subresource: str = "",
    now: str,
    api_version: str,
    resets: FieldSet | None = None,
) -> Object:
    """Record in managedFields what a create, update or patch changed.

    Args:
        old: the stored object; None when `new` is created.
        new: the object as it shall be stored, defaulted and normalised.
        manager: the field manager's name.
        schema: of the kind.
        subresource: "" for the object itself.
        now: RFC 3339 time of the request.
        api_version: in which the request is made.
        resets: fields that this write resets; None for the built-in rule.

    Returns:
        `new` with managedFields.  They are those of `old`, times included, when nothing that is
        tracked changed; there are none on an object that is not tracked (its managedFields were
        cleared by an empty list or entry, and it was not applied since).
    """
    managers, tracked = _starting_managers(old, new, subresource)
    after = without_managed_fields(new)
    if not tracked:
        return after
    managers = reconciled(managers, schema)
    start = empty_object(schema, api_version, new["kind"])
    before = without_managed_fields(old) if old is not None else start
    resets = default_resets(schema, subresource) if resets is None else resets
    writer = ManagerId.of(manager, UPDATE, api_version, subresource)
    entry = Entry(EMPTY, api_version, now)
    return with_managers(
        after, capped(written_by(before, after, managers, writer, entry, schema, resets))
    )


def _starting_managers(old: Object | None, new: Object, subresource: str) -> tuple[Managers, bool]:
    """Find whose entries to start from (FieldManager.decodeLiveOrNew), and whether to track.

    Those sent count, if they can be read; an empty list or one empty entry clears them;
    without any, or through a subresource, those of the live object count.
    """
    stored = (old.get("metadata") or {}).get("managedFields") if old is not None else None
    sent = (new.get("metadata") or {}).get("managedFields")
    managers: Managers = {}
    if not subresource and sent is not None:
        if sent in ([], [{}]):
            return {}, old is None
        try:
            managers = canonical(decode(sent)) if sent is not stored else {}
        except BadManagedFields:
            managers = {}
    if not managers:
        try:
            managers = decode(stored)
        except BadManagedFields:
            managers = {}
    return managers, bool(managers) or old is None


def written_by(
    before: Object,
    after: Object,
    managers: Managers,
    writer: ManagerId,
    entry: Entry,
    schema: Schema,
    resets: FieldSet,
) -> Managers:
    """Give the writer what it changed and added, and take it from the others (rule 4)."""
    comparison = compare(schema, before, after)
    if comparison.is_same:
        return managers
    nobody = ManagerId("", "", "", "")
    out = take_changed(managers, nobody, comparison, resets)
    written, _ = changed_fields(comparison, resets)
    written = fieldset.difference(written, STRIPPED)
    if written:
        mine = out.get(writer)
        fields = fieldset.union(written, mine.fields) if mine is not None else written
        owned = fieldset.ordered(fields)
        out = {**out, writer: Entry(owned, entry.api_version, entry.time)}
    return out


def reconciled(managers: Managers, schema: Schema) -> Managers:
    """Bring entries in line with a schema that changed since they were written.

    Only custom kinds change: who owned parts of what is atomic now owns it as a whole
    (Updater.reconcileManagedFieldsWithSchemaChanges).
    """
    if schema.definition:
        return managers
    out = {
        identity: entry
        if (fields := fieldset.joined_where_atomic(entry.fields, schema)) is entry.fields
        else entry.having(fields)
        for identity, entry in managers.items()
    }
    return out if any(out[one] is not managers[one] for one in out) else managers


def without_managed_fields(content: Object) -> Object:
    """Give the object as it is compared and merged."""
    metadata = content.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return content
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    return {**content, "metadata": kept}


def changed_fields(comparison: Comparison, resets: FieldSet) -> tuple[FieldSet, FieldSet]:
    """Give (set, removed) fields of a comparison, without what the write resets."""
    written = fieldset.union(comparison.modified, comparison.added)
    if not resets:
        return written, comparison.removed
    return (
        fieldset.recursive_difference(written, resets),
        fieldset.recursive_difference(comparison.removed, resets),
    )


def take_changed(
    managers: Managers, writer: ManagerId, comparison: Comparison, resets: FieldSet
) -> Managers:
    """Take changed and removed fields from everybody but the writer (rules 3 to 5)."""
    if comparison.is_same:
        return managers
    written, removed = changed_fields(comparison, resets)
    taken = fieldset.union(written, removed)
    out: Managers = {}
    for identity, entry in managers.items():
        if identity == writer or not fieldset.intersection(entry.fields, taken):
            out[identity] = entry
            continue
        left = fieldset.difference(entry.fields, taken)
        if left:
            out[identity] = entry.having(left)
    return out


def with_managers(content: Object, managers: Managers) -> Object:
    """Put managedFields on an object that has none."""
    metadata = {**(content.get("metadata") or {})}
    if managers:
        metadata["managedFields"] = encode(managers)
    return {**content, "metadata": metadata}


def settle(old: Object, new: Object) -> Object:
    """Give `old` itself if `new` differs from it in nothing but managedFields times.

    This is what makes a no-op write keep its resourceVersion and make no event.
    """
    if old is new or old == new:
        return old
    old_metadata, new_metadata = old.get("metadata") or {}, new.get("metadata") or {}
    was, now = old_metadata.get("managedFields"), new_metadata.get("managedFields")
    if was == now or not was or not now or len(was) != len(now):
        return new
    if _timeless(was) != _timeless(now):
        return new
    timed = {**new, "metadata": {**new_metadata, "managedFields": was}}
    return old if timed == old else new


def _timeless(entries: list[Any]) -> list[Any]:
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
