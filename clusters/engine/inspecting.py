"""Looks at one object for a person: live beside desired, field by field, with who holds what.

Costs a GET and a dry-run apply.  Values of Secrets never leave this module: they are replaced by a
mark that is equal for equal values within one run of the program, so that a change can be seen.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from clusters.client.api import ClusterApi, Live
from clusters.client.wire import decode_object
from clusters.fields.drift import parse_fields
from clusters.fields.ownership import Entry, changed_paths, dotted, holder_of, our_entry
from clusters.fields.projection import Path, value_at
from clusters.fields.rules import ObjectRules
from clusters.model import FLEET_LABEL, AdoptPolicy, Body, DriftPolicy, Manifest
from clusters.planning.adoption import is_ours, refusal

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_BOOKKEEPING = frozenset(
    {"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"}
)
_SECRET_FIELDS = ("data", "stringData")
_REDACTED = "(repeats the whole object, not shown)"
_NO_RULES = ObjectRules(DriftPolicy.CORRECT)
_FIRST = ("apiVersion", "kind", "metadata")
_MASK_KEY = secrets.token_bytes(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDifference:
    """One field that differs.  None stands for a missing value."""

    path: str
    desired: Any
    live: Any
    holder: str
    """Who holds the field now, or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What there is to see of one object."""

    live: Body | None
    desired: Body
    differences: tuple[FieldDifference, ...]
    managers: tuple[str, ...]
    refusal: str = ""
    """Why the object would be left to whoever has it; empty: it would not."""


async def inspect(
    api: ClusterApi,
    manifest: Manifest,
    rules: ObjectRules = _NO_RULES,
    *,
    adopt: AdoptPolicy | None = None,
) -> Inspection:
    """Compare one object with what should be; fields that are left to others are as they should be.

    Args:
        api: the cluster.
        manifest: what should be.
        rules: which fields are left to others.
        adopt: what happens to an object that was there before us; None: it is ours.

    Raises:
        ClusterError: the cluster cannot be asked, or refuses the object.
    """
    resource = api.discovery.resource(manifest.api_version, manifest.ref.kind)
    live = await api.get(resource, manifest.ref)
    dry = await api.apply(resource, manifest, force=True, dry_run=True)
    desired = dry.content()
    entries = live.metadata.entries() if live else []
    return Inspection(
        live=presentable(live.content()) if live else None,
        desired=presentable(manifest.content),
        differences=differences(desired, live, dry, entries, rules),
        managers=tuple(entry.label for entry in entries),
        refusal=_refusal(live, manifest, entries, adopt),
    )


def _refusal(
    live: Live | None, manifest: Manifest, entries: list[Entry], adopt: AdoptPolicy | None
) -> str:
    if live is None or adopt is None:
        return ""
    labels = (manifest.content.get("metadata") or {}).get("labels") or {}
    fleet, content = str(labels.get(FLEET_LABEL, "")), live.content()
    if is_ours(content, entries, fleet):
        return ""
    return refusal(adopt, content, entries, fleet) or ""


def differences(
    desired: Body, live: Live | None, dry: Live, entries: list[Entry], rules: ObjectRules
) -> tuple[FieldDifference, ...]:
    """The fields of ours at which an object would change if it were applied now."""
    entry = our_entry(dry.metadata.entries())
    if live is None or entry is None:
        return ()
    actual = decode_object(live.body)
    found = []
    for path in changed_paths(desired, actual, parse_fields(entry.fields)):
        if rules.of(path) is DriftPolicy.IGNORE:
            continue
        holder = holder_of([path], entries)
        found.append(
            FieldDifference(
                path=dotted(path),
                desired=_shown(desired, path),
                live=_shown(actual, path),
                holder=holder.label if holder else "",
            )
        )
    return tuple(found)


def _shown(body: Body, path: Path) -> object:
    """The value at a path as a person may see it."""
    value = value_at(body, path)
    if body.get("kind") == "Secret" and path[0].removeprefix("f:") in _SECRET_FIELDS:
        return masked(value, _place(body, *(step.partition(":")[2] for step in path)))
    if path[-1] == f"f:{_LAST_APPLIED}":
        return None if value is None else _REDACTED
    if isinstance(value, Mapping) and _LAST_APPLIED in value:
        return {**value, _LAST_APPLIED: _REDACTED}
    return value


def masked(value: object, place: str) -> object:
    """A mark in place of a secret value: equal for equal values in one place, useless otherwise.

    Two places with one value have two marks: else whoever may write a Secret could find out by
    guessing what is in another one.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {key: masked(inner, f"{place}/{key}") for key, inner in value.items()}
    mark = hmac.digest(_MASK_KEY, f"{place}\0{value!r}".encode(), "sha256").hex()[:6]
    return f"(hidden #{mark})"


def _place(body: Body, *fields: str) -> str:
    metadata = body.get("metadata") or {}
    return "/".join((str(metadata.get("namespace")), str(metadata.get("name")), *fields))


def presentable(body: Body) -> Body:
    """An object without bookkeeping and without secret values."""
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in _BOOKKEEPING}
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(_LAST_APPLIED, None)
    if annotations:
        metadata["annotations"] = annotations
    else:
        metadata.pop("annotations", None)
    shown = {**body, "metadata": metadata}
    if body.get("kind") == "Secret":
        for field in _SECRET_FIELDS:
            if field in shown:
                shown[field] = masked(shown[field], _place(body, field))
    return shown


def as_yaml(body: Body | None) -> str:
    """Write an object as people read it; empty for none."""
    if body is None:
        return ""
    return yaml.dump(_plain(body), Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        # One order for both sides, or a line-by-line comparison shows what is none.
        known = [key for key in _FIRST if key in value]
        order = [*known, *sorted(key for key in value if key not in _FIRST)]
        return {key: _plain(value[key]) for key in order}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
