"""Looks at suspects: objects whose field ownership changed, so that their values may have, too.

Costs at most one request an object (two after a restart, when a dry run must say what is ours).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from clusters.client.api import ClusterApi, Live
from clusters.client.wire import decode_head
from clusters.errors import ClusterError, ServerFault, Throttled, Unauthorized, Unreachable
from clusters.fields.drift import Reference, compare, parse_fields
from clusters.fields.ownership import our_entry, remembered
from clusters.fields.projection import projection_hasher, short_hash
from clusters.fields.rules import ObjectRules, all_rules
from clusters.model import DesiredState, DriftPolicy, GroupKind, Health, Manifest, ObjectRef
from clusters.records import Drift, FieldSets, Record

RETRY_S = 2.0
"""How soon a suspect is looked at again, when the server could not show it."""
_GONE = Drift(paths=(), manager="", changed_at=None)
_JOB = GroupKind("batch", "Job")
_NO_RULES = ObjectRules(DriftPolicy.CORRECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look at suspects found."""

    drifted: list[Record]
    """Those that drift, and did not or did otherwise before."""
    ended: list[Record]
    """Those that drifted before, and do no more."""
    settled: list[Record]
    """Those of which something else is remembered from now on."""


class Verifier:
    """Tells drift from noise, on one cluster."""

    def __init__(self, api: ClusterApi, field_sets: FieldSets) -> None:
        self._api = api
        self._field_sets = field_sets
        self._rules: dict[ObjectRef, ObjectRules] = {}
        self.retry_at: float | None = None
        """When suspects that could not be looked at are due (monotonic seconds), or None."""

    async def verify(self, suspects: Sequence[Record], desired: DesiredState) -> Findings:
        """Set `drift` or `reclaim` of each suspect; say what is new.

        Those that cannot be judged now (the server is busy, or other content is wanted just now)
        stay suspect.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        self.retry_at = None
        self._rules = all_rules(desired)
        manifests = manifests_of(desired)
        before = [(record.drift, record.applied) for record in suspects]
        loop = asyncio.get_running_loop()
        looks = [
            loop.create_task(self._verify(record, manifests.get(record.ref))) for record in suspects
        ]
        try:
            await asyncio.gather(*looks)
        except BaseException:
            # None of them may change a record when somebody else has gone on with it.
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
            for record, (drift, applied) in zip(suspects, before, strict=True):
                # Nobody is told of what was found until now: it is to be found anew.
                record.drift, record.applied = drift, applied
            raise
        pairs = list(zip(suspects, before, strict=True))
        return Findings(
            drifted=[r for r, (drift, _) in pairs if r.drift is not None and r.drift != drift],
            ended=[r for r, (drift, _) in pairs if r.drift is None and drift is not None],
            settled=[r for r, (_, applied) in pairs if r.applied is not applied],
        )

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
        rules = self._rules.get(record.ref, _NO_RULES)
        verdict = compare(
            reference,
            live.content(),
            live.metadata.entries(),
            replaced=live.metadata.uid != record.applied.uid,
            rules=rules,
        )
        record.drift = verdict.drift
        record.reclaim = verdict.drift is None and not verdict.tolerated
        if verdict.drift is None:
            record.asked = False
        if verdict.tolerated:
            self._settle(record, live, rules)

    def _settle(self, record: Record, live: Live, rules: ObjectRules) -> None:
        """From now on, what we own now is what is compared with."""
        entry = our_entry(live.metadata.entries())
        fields = entry.fields if entry else b"{}"
        entry_hash = remembered(fields, rules.exemption)
        self._field_sets.add(entry_hash, fields)
        record.applied = replace(
            record.applied,
            entry_hash=entry_hash,
            live_hash=projection_hasher(fields)(live.content()),
        )

    async def _reference(self, record: Record, manifest: Manifest) -> Reference:
        fields = self._field_sets.get(record.applied.entry_hash)
        if fields is not None and record.applied.live_hash:
            return Reference(
                fields=parse_fields(fields),
                live_hash=record.applied.live_hash,
                values=manifest.content,
                wanted=manifest.content,
            )
        resource = self._api.discovery.resource(manifest.api_version, manifest.ref.kind)
        dry = await self._api.apply(resource, manifest, force=True, dry_run=True)
        entry = our_entry(decode_head(dry.body).metadata.entries())
        written = entry.fields if entry else b"{}"
        values: Mapping[str, object] = dry.content()
        owned = parse_fields(written)
        live_hash = projection_hasher(written)(values)
        # Under rules the last apply may have owned less than a whole one would.
        self._field_sets.add(short_hash(written), written)
        if not (record.applied.entry_hash and record.applied.live_hash):
            record.applied = replace(
                record.applied, entry_hash=short_hash(written), live_hash=live_hash
            )
        return Reference(fields=owned, live_hash=live_hash, values=values, wanted=manifest.content)


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
