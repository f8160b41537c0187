"""Looks at suspects: objects whose field ownership changed, so that their values may have, too.

Costs at most one request an object (two after a restart, when a dry run must say what is ours).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from clusters.client.api import ClusterApi
from clusters.client.wire import decode_head
from clusters.drift import Reference, compare, parse_fields
from clusters.errors import ClusterError, ServerFault, Throttled, Unauthorized, Unreachable
from clusters.model import DesiredState, GroupKind, Health, Manifest, ObjectRef
from clusters.ownership import our_entry
from clusters.projection import projection_hasher, short_hash
from clusters.records import Drift, FieldSets, Record

RETRY_S = 2.0
"""How soon a suspect is looked at again, when the server could not show it."""
_GONE = Drift(paths=(), manager="", changed_at=None)
_JOB = GroupKind("batch", "Job")


class Verifier:
    """Tells drift from noise, on one cluster."""

    def __init__(self, api: ClusterApi, field_sets: FieldSets) -> None:
        self._api = api
        self._field_sets = field_sets
        self.retry_at: float | None = None
        """When suspects that could not be looked at are due (monotonic seconds), or None."""

    async def verify(self, suspects: Sequence[Record], desired: DesiredState) -> list[Record]:
        """Set `drift` or `reclaim` of each suspect; return those whose drift is new.

        Those that cannot be judged now (the server is busy, or other content is wanted just now)
        stay suspect.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        self.retry_at = None
        manifests = manifests_of(desired)
        before = [record.drift for record in suspects]
        await asyncio.gather(
            *(self._verify(record, manifests.get(record.ref)) for record in suspects)
        )
        return [
            record
            for record, drift in zip(suspects, before, strict=True)
            if record.drift is not None and record.drift != drift
        ]

    async def _verify(self, record: Record, manifest: Manifest | None) -> None:
        if not record.applied.confirmed:
            record.suspect = False
            return
        if manifest is None or manifest.digest != record.applied.digest:
            return  # it is written or pruned soon, or else this content is wanted again
        record.suspect = False
        try:
            await self._compare(record, manifest)
        except (Unreachable, Unauthorized):
            raise
        except (Throttled, ServerFault) as error:
            record.suspect = True
            due = monotonic() + max(error.retry_after_s or 0.0, RETRY_S)
            self.retry_at = max(due, self.retry_at or 0.0)
        except ClusterError as error:
            # It cannot be read just now; writing it again says whether it differs.
            record.message = f"cannot be compared: {error.message}"
            record.reclaim = True

    async def _compare(self, record: Record, manifest: Manifest) -> None:
        resource = self._api.discovery.resource(manifest.api_version, manifest.ref.kind)
        live = await self._api.get(resource, record.ref)
        if live is None:
            record.present = False
            if _expires(manifest):
                record.expired = True
                record.health, record.message = Health.HEALTHY, ""
            else:
                record.drift = _GONE
            return
        reference = await self._reference(record, manifest)
        drift = compare(
            reference,
            live.content(),
            live.metadata.entries(),
            replaced=live.metadata.uid != record.applied.uid,
        )
        record.drift, record.reclaim = drift, drift is None

    async def _reference(self, record: Record, manifest: Manifest) -> Reference:
        fields = self._field_sets.get(record.applied.entry_hash)
        if fields is not None:
            return Reference(
                fields=parse_fields(fields),
                live_hash=record.applied.live_hash,
                values=manifest.content,
            )
        resource = self._api.discovery.resource(manifest.api_version, manifest.ref.kind)
        dry = await self._api.apply(resource, manifest, force=True, dry_run=True)
        entry = our_entry(decode_head(dry.body).metadata.entries())
        written = entry.fields if entry else b"{}"
        self._field_sets.add(short_hash(written), written)
        values: Mapping[str, object] = dry.content()
        return Reference(
            fields=parse_fields(written),
            live_hash=projection_hasher(written)(values),
            values=values,
        )


def _expires(manifest: Manifest) -> bool:
    """Whether the object goes away by itself when it is done, and must not be made again."""
    if manifest.ref.group_kind != _JOB:
        return False
    spec = manifest.content.get("spec") or {}
    return spec.get("ttlSecondsAfterFinished") is not None


def manifests_of(desired: DesiredState) -> dict[ObjectRef, Manifest]:
    """All manifests of a desired state, by the object they describe."""
    return {
        manifest.ref: manifest
        for bundle in desired.bundles.values()
        for manifest in bundle.manifests
    }
