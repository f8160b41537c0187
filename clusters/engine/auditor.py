"""The hourly audit: looks at a few objects as if nothing were known of them (level L3 of `drift`).

What watches show and hashes say is cheap, and right as long as our reasoning is.  So about one
object of a hundred, and at least one an hour, is compared with a dry-run apply; where that finds
what nobody reported, it is said aloud, and the object is looked at anew.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from clusters.client.api import ClusterApi, Live
from clusters.client.wire import decode_head
from clusters.engine.observer import Observer
from clusters.engine.site import Site
from clusters.engine.verifier import manifests_of
from clusters.errors import OF_THE_CLUSTER, ClusterError
from clusters.events import AuditDisagreed, Audited
from clusters.fields.drift import Reference, compare, parse_fields
from clusters.fields.ownership import our_entry
from clusters.fields.projection import projection_hasher
from clusters.fields.rules import ObjectRules, all_rules
from clusters.model import DesiredState, DriftPolicy, Manifest
from clusters.records import Drift, Record

SHARE = 0.01
LAG_S = 2.0
"""How long a watch may take to tell what a request showed."""
_NO_RULES = ObjectRules(DriftPolicy.CORRECT)


class Auditor:
    """Audits one cluster while connected; when is kept over connections, in `site`."""

    def __init__(self, site: Site, *, api: ClusterApi, observer: Observer) -> None:
        self._site = site
        self._api = api
        self._observer = observer
        if not site.audit_at:
            # Spread: clusters that start together are not audited together.
            site.audit_at = monotonic() + site.terms.audit_every_s * random.random()

    @property
    def due_at(self) -> float:
        """When the next audit is due (monotonic seconds)."""
        return self._site.audit_at

    async def audit(self, desired: DesiredState) -> None:
        """Audit a sample, if it is time for it.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        site = self._site
        if monotonic() < site.audit_at:
            return
        site.audit_at = monotonic() + site.terms.audit_every_s * random.uniform(0.8, 1.2)
        if desired.suspended:
            return
        manifests = manifests_of(desired)
        known = [
            (record, manifest)
            for record in site.records.values()
            if (manifest := manifests.get(record.ref)) and _is_quiet(record, manifest)
        ]
        sample = random.sample(known, min(len(known), max(1, round(len(known) * SHARE))))
        rules = all_rules(desired)
        found = await asyncio.gather(
            *(self._look(r, m, rules.get(r.ref, _NO_RULES)) for r, m in sample)
        )
        wrong = [(record, drift) for record, drift in found if drift is not None]
        if wrong:
            await self._observer.until(
                lambda: all(_is_noticed(record) for record, _ in wrong), timeout_s=LAG_S
            )
            wrong = [(record, drift) for record, drift in wrong if not _is_noticed(record)]
        await self._tell(wrong, len(sample))

    async def _look(
        self, record: Record, manifest: Manifest, rules: ObjectRules
    ) -> tuple[Record, Drift | None]:
        """Compare one object with what a dry-run apply would make of it."""
        try:
            resource = self._api.discovery.resource(manifest.api_version, manifest.ref.kind)
            live = await self._api.get(resource, record.ref)
            if live is None:
                return record, Drift(paths=(), manager="", changed_at=None)
            dry = await self._api.apply(resource, manifest, force=True, dry_run=True)
        except OF_THE_CLUSTER:
            raise
        except ClusterError:
            return record, None  # it cannot be said now; the next audit takes others
        return record, _difference(live, dry, manifest, rules, uid=record.applied.uid)

    async def _tell(self, wrong: Iterable[tuple[Record, Drift]], audited: int) -> None:
        site, count = self._site, 0
        for record, drift in wrong:
            count += 1
            record.applied = replace(record.applied, entry_hash="", live_hash="")
            record.suspect = True
            self._observer.suspects[record.ref] = record
            await site.report(
                AuditDisagreed(
                    cluster=site.cluster,
                    at=datetime.now(UTC),
                    bundle=record.bundle,
                    ref=record.ref,
                    paths=drift.paths,
                    manager=drift.manager,
                )
            )
        if count:
            site.woken.set()
        await site.report(
            Audited(
                cluster=site.cluster, at=datetime.now(UTC), objects=audited, disagreements=count
            )
        )


def _difference(
    live: Live, dry: Live, manifest: Manifest, rules: ObjectRules, *, uid: str
) -> Drift | None:
    entry = our_entry(decode_head(dry.body).metadata.entries())
    fields = entry.fields if entry else b"{}"
    would_be = dry.content()
    reference = Reference(
        fields=parse_fields(fields),
        live_hash=projection_hasher(fields)(would_be),
        values=would_be,
        wanted=manifest.content,
    )
    return compare(
        reference,
        live.content(),
        live.metadata.entries(),
        replaced=live.metadata.uid != uid,
        rules=rules,
    ).drift


def _is_quiet(record: Record, manifest: Manifest) -> bool:
    """Whether we believe that the object is just as it was applied."""
    return (
        record.applied.confirmed
        and record.applied.digest == manifest.digest
        and record.present
        and not (record.deleting or record.in_flight or _is_noticed(record))
    )


def _is_noticed(record: Record) -> bool:
    """Whether we know that something may be different."""
    return record.suspect or record.reclaim or record.drift is not None or record.in_flight
