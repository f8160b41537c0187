"""Writes one object: one PATCH, and a look at it first only where something is left to others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from clusters.client.api import ClusterApi, Live
from clusters.client.discovery import Resource
from clusters.client.wire import decode_head, decode_parts
from clusters.errors import Conflict, FieldConflict, NotOurs
from clusters.fields.drift import parse_fields
from clusters.fields.ownership import dotted, leaves
from clusters.fields.sparing import spared
from clusters.model import FLEET_LABEL, Manifest, canonical_json
from clusters.planning.actions import Apply
from clusters.planning.adoption import handover, is_ours, refusal
from clusters.records import FieldSets, Record, contests

_NEVER_LIVE = "1"
"""A version that no object has: an apply at it creates, or is answered with a conflict.

The server compares versions only where there is an object (apiserver `registry.Store.Update`), and
the first revision that etcd gives to anything is 2.
"""
LOOKS = 4
"""How often an object is looked at anew, when it changes between the look and the write."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a write left."""

    live: Live
    adopted: str = ""
    """Who held an object that was there before us; empty: it was not."""


class Writer:
    """Writes objects of one cluster.

    Args:
        api: the cluster.
        field_sets: what earlier applies owned.
    """

    def __init__(self, api: ClusterApi, field_sets: FieldSets) -> None:
        self._api = api
        self._field_sets = field_sets

    async def write(self, action: Apply, record: Record) -> Written:
        """Apply what the action says; the object as it is then.

        Raises:
            NotOurs: it was there before us, and the bundle leaves it alone.
            ClusterError: the object is refused, or the cluster is in trouble.
        """
        manifest = action.manifest
        resource = self._api.discovery.resource(manifest.api_version, manifest.ref.kind)
        if action.adopt is None and not action.spares:
            return Written(await self._apply(resource, action, manifest, record))
        new = manifest if action.adopt is None else _at_version(manifest, _NEVER_LIVE)
        if action.adopt is not None:
            try:
                return Written(await self._apply(resource, action, new, record))
            except (Conflict, FieldConflict):
                pass  # something is there
        for look in range(LOOKS):
            live = await self._api.get(resource, manifest.ref)
            if live is None:
                return Written(await self._apply(resource, action, new, record))
            try:
                return await self._over(live, resource, action, record)
            except Conflict:
                if look == LOOKS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _over(self, live: Live, resource: Resource, action: Apply, record: Record) -> Written:
        """Write over an object as it was seen.

        Raises:
            Conflict: it changed meanwhile.
        """
        manifest, adopted = action.manifest, ""
        fleet = (decode_head(manifest.body).metadata.labels or {}).get(FLEET_LABEL, "")
        content, entries = live.content(), live.metadata.entries()
        if action.adopt is not None and not is_ours(content, entries, fleet):
            if reason := refusal(action.adopt, content, entries, fleet):
                raise NotOurs(reason, ref=manifest.ref)
            adopted = ", ".join(dict.fromkeys(entry.label for entry in entries)) or "nobody"
            if operations := handover(content, manifest.api_version):
                live = await self._api.patch(resource, manifest.ref, operations)
                content, entries = live.content(), live.metadata.entries()
        if action.spares:
            payload = spared(manifest.content, content, entries, action.spares)
            manifest = replace(manifest, body=canonical_json(payload))
        manifest = _at_version(manifest, live.metadata.resource_version)
        return Written(await self._apply(resource, action, manifest, record), adopted=adopted)

    async def _apply(
        self, resource: Resource, action: Apply, manifest: Manifest, record: Record
    ) -> Live:
        try:
            return await self._api.apply(resource, manifest, force=action.force)
        except FieldConflict as conflict:
            if not self._may_take(action, record, conflict):
                raise
        return await self._api.apply(resource, manifest, force=True)

    def _may_take(self, action: Apply, record: Record, conflict: FieldConflict) -> bool:
        """Whether each contested field is corrected drift, or a person said to take it."""
        left = contests(action.manifest.ref, conflict.holders) - action.takes
        if left and not action.retake:
            return False
        return {contest.field for contest in left} <= self._ours(record)

    def _ours(self, record: Record) -> set[str]:
        """The fields that were in the last apply."""
        fields = self._field_sets.get(record.applied.entry_hash)
        return {dotted(path) for path in leaves(parse_fields(fields))} if fields else set()


def _at_version(manifest: Manifest, version: str) -> Manifest:
    """The same manifest, to be applied only to this version of the object."""
    parts = decode_parts(manifest.body)
    metadata = b'{"resourceVersion":' + msgspec.json.encode(version)
    rest = {k: v for k, v in decode_parts(parts["metadata"]).items() if k != "resourceVersion"}
    parts["metadata"] = msgspec.Raw(metadata + b"," + msgspec.json.encode(rest)[1:])
    return replace(manifest, body=msgspec.json.encode(parts))
