"""Writes one object: one PATCH, and a look at it first only where something is left to others."""

from __future__ import annotations

from dataclasses import replace

from clusters.actions import Apply
from clusters.client.api import ClusterApi, Live
from clusters.client.discovery import Resource
from clusters.drift import parse_fields
from clusters.errors import Conflict, FieldConflict
from clusters.model import Manifest, canonical_json
from clusters.ownership import dotted, leaves
from clusters.records import FieldSets, Record
from clusters.sparing import spared

LOOKS = 4
"""How often an object is looked at anew, when it changes between the look and the write."""


class Writer:
    """Writes objects of one cluster.

    Args:
        api: the cluster.
        field_sets: what earlier applies owned.
    """

    def __init__(self, api: ClusterApi, field_sets: FieldSets) -> None:
        self._api = api
        self._field_sets = field_sets

    async def write(self, action: Apply, record: Record) -> Live:
        """Apply what the action says; the object as it is then.

        Raises:
            ClusterError: the object is refused, or the cluster is in trouble.
        """
        resource = self._api.discovery.resource(
            action.manifest.api_version, action.manifest.ref.kind
        )
        if not action.spares:
            return await self._apply(resource, action, action.manifest, record)
        for look in range(LOOKS):
            manifest = await self._without_spares(resource, action)
            try:
                return await self._apply(resource, action, manifest, record)
            except Conflict:
                if look == LOOKS - 1:
                    raise
        raise AssertionError("unreachable")

    async def _without_spares(self, resource: Resource, action: Apply) -> Manifest:
        live = await self._api.get(resource, action.manifest.ref)
        if live is None:
            return action.manifest
        payload = spared(
            action.manifest.content, live.content(), live.metadata.entries(), action.spares
        )
        return replace(action.manifest, body=canonical_json(payload))

    async def _apply(
        self, resource: Resource, action: Apply, manifest: Manifest, record: Record
    ) -> Live:
        try:
            return await self._api.apply(resource, manifest, force=action.force)
        except FieldConflict as conflict:
            if not action.retake or not self._were_ours(record, conflict):
                raise
        return await self._api.apply(resource, manifest, force=True)

    def _were_ours(self, record: Record, conflict: FieldConflict) -> bool:
        """Whether all contested fields were in the last apply: taking them back corrects drift."""
        fields = self._field_sets.get(record.applied.entry_hash)
        if fields is None:
            return False
        ours = {dotted(path) for path in leaves(parse_fields(fields))}
        contested = {field.removeprefix(".").replace('"', "") for _, field in conflict.holders}
        return contested <= ours
