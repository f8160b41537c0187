"""Server-side apply: merging what a manager wants into the live object.

Applying, and tracking who owns which field (`ownership`), follow KEP-555 and the code that serves
it: structured-merge-diff's `merge.Updater` and apimachinery's `managedfields`.  The rules:

1.  An applier owns exactly the fields of the configuration it applied last (KEP-555,
    "Apply"; merge.Updater.Apply).
2.  A field that it applied last time and not this time is removed, unless another manager owns
    it too; fields that nobody applied stay, even inside a list item that it owns
    (Updater.prune: addBackOwnedItems, addBackDanglingItems).
3.  Setting a field to another value than the live one, when others own it, is a conflict; with
    `force` they lose it.  The same value is shared (Updater.update).
4.  An updater owns what it changed or added, and what others owned of that they lose, as they
    lose what it removed (Updater.Update).
5.  A manager without a field has no entry.
6.  Identity, version and server-set metadata are owned by nobody (stripMetaManager); neither is
    what the (sub)resource resets before storing, such as `status` through the main resource
    (rest.ResetFieldsStrategy).
7.  What is live before the first apply belongs to `before-first-apply` (skipNonAppliedManager).
8.  Nothing changed: nothing is written, times included; when only ownership changed, times stay
    as they are, and a new applier has none (managedFieldsUpdater, and the
    IgnoreManagedFieldsTimestamps transformer).

Objects are never changed in place; what did not change is shared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from clusters.embedded import fieldset, last_applied, merging, status, typed
from clusters.embedded.comparison import Comparison, compare
from clusters.embedded.fieldset import EMPTY, FieldSet
from clusters.embedded.managers import (
    APPLY,
    UPDATE,
    BadManagedFields,
    Entry,
    ManagerId,
    Managers,
    decode,
)
from clusters.embedded.ownership import (
    STRIPPED,
    Object,
    changed_fields,
    default_resets,
    empty_object,
    reconciled,
    take_changed,
    with_managers,
    without_managed_fields,
    written_by,
)
from clusters.embedded.schema import Schema
from clusters.embedded.status import ApiStatus, Cause

BEFORE_FIRST_APPLY: Final = "before-first-apply"


def server_side_apply(  # noqa: PLR0913  what a write is: by whom, through what, when
    live: Object | None,
    applied: Object,
    *,
    manager: str,
    force: bool,
    schema: Schema,
    subresource: str = "",
    now: str,
    api_version: str,
    resets: FieldSet | None = None,
) -> Object:
    """Apply a configuration to a live object.

    Args:
        live: the stored object, or None to create it.
        applied: the configuration, as sent.
        manager: the field manager's name.
        force: take over fields that others own with other values.
        schema: of the kind.
        subresource: "" for the object itself.
        now: RFC 3339 time of the request.
        api_version: in which the request is made, as `apps/v1`.
        resets: fields that this write resets (see rule 6); None for the built-in rule.

    Returns:
        The merged object, undefaulted, with its managedFields; `live` itself when the apply
        changes nothing.

    Raises:
        ApiStatus: 400 for managedFields in `applied`, 409 for conflicts, 500 (as the real server
            answers) for a configuration that does not fit the schema.
    """
    _check_applied(live, applied, api_version)
    kind = str(applied.get("kind", ""))
    base = empty_object(schema, api_version, kind) if live is None else live
    resets = default_resets(schema, subresource) if resets is None else resets
    managers = reconciled(_live_managers(base), schema)
    before = without_managed_fields(base)
    if not managers and live is not None:
        managers = _owned_before(before, schema, api_version, subresource, now, resets)
    fields = fieldset.recursive_difference(_fields(schema, applied), resets)
    applier = ManagerId.of(manager, APPLY, api_version, subresource)
    last = managers.get(applier)
    merged = _merged(schema, before, applied, fields, last, managers, applier)
    changes = compare(schema, before, merged)
    others = take_changed(managers, applier, changes, resets)
    lost = _conflicts(managers, others, applier, changes, resets)
    if lost and not force:
        lost = last_applied.forgive(lost, live=before, manager=manager, schema=schema)
        if lost:
            raise _conflict(lost)
    owned = fieldset.difference(fields, STRIPPED)
    merged = last_applied.refreshed(merged, applied, manager)
    return _settled(live, merged, managers, others, applier, Entry(owned, api_version, now))


def _check_applied(live: Object | None, applied: Object, api_version: str) -> None:
    other_kind = live is not None and applied.get("kind") != live.get("kind")
    if applied.get("apiVersion") != api_version or other_kind:
        raise status.bad_request(f"invalid object type: {gvk_text(applied)}")
    metadata = applied.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("managedFields") is not None:
        raise status.bad_request("metadata.managedFields must be nil")


def _fields(schema: Schema, applied: Object) -> FieldSet:
    try:
        return typed.fields_of(schema, applied)
    except typed.SchemaMismatch as error:
        raise status.untyped(
            f"failed to create typed patch object ({_name_kind(applied)}): {error}"
        ) from error


def _live_fields(schema: Schema, content: Object) -> FieldSet:
    try:
        return typed.fields_of(schema, content, duplicates=True)
    except typed.SchemaMismatch as error:
        raise status.untyped(
            f"failed to create typed live object ({_name_kind(content)}): {error}"
        ) from error


def gvk_text(content: Object) -> str:
    """Write group, version and kind as Go does: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`."""
    group, _, version = str(content.get("apiVersion", "")).rpartition("/")
    return f"{group}/{version}, Kind={content.get('kind', '')}"


def _name_kind(content: Object) -> str:
    metadata = content.get("metadata")
    named = metadata if isinstance(metadata, Mapping) else {}
    return f"{named.get('namespace') or ''}/{named.get('name') or ''}; {gvk_text(content)}"


def _live_managers(live: Object) -> Managers:
    try:
        return decode((live.get("metadata") or {}).get("managedFields"))
    except BadManagedFields as error:
        raise status.untyped(f"failed to decode managed fields: {error}") from error


def _owned_before(
    live: Object,
    schema: Schema,
    api_version: str,
    subresource: str,
    now: str,
    resets: FieldSet,
) -> Managers:
    """Rule 7: give what is there already to a manager of its own."""
    start = empty_object(schema, api_version, live["kind"])
    owner = ManagerId.of(BEFORE_FIRST_APPLY, UPDATE, api_version, subresource)
    return written_by(start, live, {}, owner, Entry(EMPTY, api_version, now), schema, resets)


def _merged(
    schema: Schema,
    before: Object,
    applied: Object,
    fields: FieldSet,
    last: Entry | None,
    managers: Managers,
    applier: ManagerId,
) -> Object:
    """Merge, then take away what the applier no longer applies (rule 2)."""
    merged: Object = merging.merge(schema, before, applied)
    if last is None or not last.fields or fieldset.includes(fields, last.fields):
        return merged
    owned = fields
    for identity, entry in managers.items():
        if identity != applier:
            owned = fieldset.union(owned, entry.fields)
    return _pruned(schema, merged, last.fields, owned)


def _pruned(schema: Schema, merged: Object, last: FieldSet, owned: FieldSet) -> Object:
    """Remove what was applied last and is owned no more.

    First everything of the last apply goes; then comes back what anybody owns; then what was
    swept along although the last apply did not have it.
    """

    def named(fields: FieldSet) -> FieldSet:
        return fieldset.with_named_fields(fields, schema)

    def held(value: Any) -> FieldSet:
        return named(_live_fields(schema, value)) if value else EMPTY

    last = named(last)
    all_fields = held(merged)
    swept = merging.remove(schema, merged, last)
    kept = fieldset.union(held(swept), named(owned))
    restored = merging.remove(schema, merged, fieldset.difference(all_fields, kept))
    gone = fieldset.difference(all_fields, held(restored))
    result: Object = merging.remove(schema, merged, fieldset.intersection(gone, last))
    return result


def _conflicts(
    managers: Managers,
    others: Managers,
    applier: ManagerId,
    comparison: Comparison,
    resets: FieldSet,
) -> dict[ManagerId, FieldSet]:
    """Find what others would lose by being overwritten (removals are no conflict)."""
    if others is managers:
        return {}
    written, _ = changed_fields(comparison, resets)
    lost = {
        identity: fieldset.intersection(entry.fields, written)
        for identity, entry in managers.items()
        if identity != applier and others.get(identity) is not entry
    }
    return {identity: fields for identity, fields in lost.items() if fields}


def _conflict(lost: Mapping[ManagerId, FieldSet]) -> ApiStatus:
    """Word a conflict as apimachinery's NewConflictError does."""
    found = [
        (identity.text(), fieldset.path_text(path))
        for identity in sorted(lost)
        for path in fieldset.paths(lost[identity])
    ]
    causes = [
        Cause(status.MANAGER_CONFLICT, f"conflict with {holder}", path) for holder, path in found
    ]
    if len(found) == 1:
        holder, path = found[0]
        message = f"Apply failed with 1 conflict: conflict with {holder}: {path}"
    else:
        lines: list[str] = []
        for identity in sorted(lost):
            lines.append(f"conflicts with {identity.text()}:")
            lines += [f"- {fieldset.path_text(path)}" for path in fieldset.paths(lost[identity])]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return status.apply_conflict(message, causes)


def _settled(
    live: Object | None,
    merged: Object,
    managers: Managers,
    others: Managers,
    applier: ManagerId,
    entry: Entry,
) -> Object:
    """Put the new managedFields on; rule 8 when nothing differs."""
    last = managers.get(applier)
    if live is not None and _same_content(live, merged):
        # Ownership alone may have changed: that is written, and gets no new time.
        entry = replace(entry, time=last.time if last is not None else None)
        known = bool((live.get("metadata") or {}).get("managedFields"))
        if others is managers and _same_entry(last, entry) and known is bool(managers):
            return live
    out = {identity: other for identity, other in others.items() if identity != applier}
    if entry.fields:
        out[applier] = entry.having(fieldset.ordered(entry.fields))
    return with_managers(merged, out)


def _same_entry(last: Entry | None, entry: Entry) -> bool:
    if last is None:
        return not entry.fields
    return last.api_version == entry.api_version and fieldset.same(last.fields, entry.fields)


def _same_content(live: Object, merged: Object) -> bool:
    return merged is live or merged == without_managed_fields(live)
