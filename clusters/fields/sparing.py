"""What we send of an object of which some fields are left to others.

Pure.  A field that we once sent and leave out is removed by the server if nobody else owns it.  So
of what is left to others we send just what we own alone, as it is now (the semantics that Flux came
to in kustomize-controller#1627): what another manager owns is not touched, what is ours stays as
whoever changed it wanted it, and an autoscaler's replicas survive a release.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from clusters.fields.fieldpaths import covers, drop, put, resolve
from clusters.fields.ownership import Entry, dotted, leaves, our_entry
from clusters.fields.projection import FieldSet, Path, look_up
from clusters.fields.rules import Spare
from clusters.model import BUNDLE_LABEL, FLEET_LABEL, Body

_MARKS = tuple(("f:metadata", "f:labels", f"f:{label}") for label in (FLEET_LABEL, BUNDLE_LABEL))


def spared(
    desired: Body, live: Body, entries: Sequence[Entry], spares: Sequence[Spare]
) -> dict[str, Any]:
    """The object to send.

    Args:
        desired: the object as the manifest has it.
        live: the object as it is.
        entries: its managedFields.
        spares: what is left to others, in order: a later one counts more.

    Returns:
        The object with everything but what is left to others, its live version as precondition.
    """
    entry = our_entry(entries)
    ours = list(_owned(entry.field_set())) if entry else []
    theirs = {path for other in entries if other != entry for path in leaves(other.field_set())}
    payload = copy.deepcopy(dict(desired))
    for spare in spares:
        payload = _without(payload, spare.path)
        if spare.left:
            _keep_live(payload, live, spare.path, ours, theirs)
        else:
            _restore(payload, desired, spare.path)
    for mark in _MARKS:
        found, value = look_up(desired, mark)
        if found:
            put(payload, mark, value)
    metadata = dict(payload["metadata"])
    metadata["resourceVersion"] = (live.get("metadata") or {}).get("resourceVersion")
    return {**payload, "metadata": metadata}


def _without(payload: dict[str, Any], text: str) -> dict[str, Any]:
    if not text:
        metadata = payload["metadata"]
        identity = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
        kept = {key: payload[key] for key in ("apiVersion", "kind")}
        return {**kept, "metadata": identity}
    for path in list(resolve(text, payload)):
        drop(payload, path)
    return payload


def _keep_live(
    payload: dict[str, Any],
    live: Body,
    text: str,
    ours: Sequence[tuple[Path, bool]],
    theirs: set[Path],
) -> None:
    """Send what is ours alone below a path, as it is."""
    for path, whole in ours:
        if text and whole and not covers(text, path) and _encloses(path, text, live):
            # Owned as one with more around it: of the inside, take over what is there.
            for inner in resolve(text, live):
                put(payload, inner, look_up(live, inner)[1])
            continue
        if path in theirs or (text and not covers(text, path)):
            continue
        found, value = look_up(live, path)
        if found and whole:
            put(payload, path, value)
        elif found and not look_up(payload, path)[0]:
            put(payload, path, _bare(path))


def _encloses(path: Path, text: str, live: Body) -> bool:
    outer = dotted(path)
    inside = text.startswith((f"{outer}.", f"{outer}["))
    return inside and isinstance(look_up(live, path)[1], Mapping | list)


def _restore(payload: dict[str, Any], desired: Body, text: str) -> None:
    if not text:
        payload.update(copy.deepcopy(dict(desired)))
        return
    for path in resolve(text, desired):
        put(payload, path, copy.deepcopy(look_up(desired, path)[1]))


def _owned(fields: FieldSet, prefix: Path = ()) -> Iterator[tuple[Path, bool]]:
    """Every owned path, and whether all below it is (or only that the item is there)."""
    for key, inner in fields.items():
        if key == ".":
            if prefix:
                yield prefix, False
        elif inner:
            yield from _owned(inner, (*prefix, key))
        else:
            yield (*prefix, key), True


def _bare(path: Path) -> Any:
    """The least that makes an item or a mapping be there."""
    kind, _, rest = path[-1].partition(":")
    return orjson.loads(rest) if kind in ("k", "v") else {}
