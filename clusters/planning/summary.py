"""How a bundle stands on a cluster, in counts and one sentence.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from clusters.fields.rules import rules_of
from clusters.model import (
    BundleName,
    DesiredBundle,
    DesiredState,
    Digest,
    DriftPolicy,
    Health,
    ObjectRef,
    worst,
)
from clusters.planning.actions import Plan
from clusters.records import Drift, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One bundle on one cluster."""

    applied_digest: Digest | None
    health: Health
    objects: int
    applied: int
    drifted: int
    leftover: int
    message: str


def leftovers(desired: DesiredState, records: Mapping[ObjectRef, Record]) -> Counter[BundleName]:
    """How many objects of each bundle are in the apply set though no bundle names them."""
    named = {manifest.ref for bundle in desired.bundles.values() for manifest in bundle.manifests}
    return Counter(record.bundle for ref, record in records.items() if ref not in named)


def summarise(
    bundle: DesiredBundle,
    records: Mapping[ObjectRef, Record],
    plan: Plan,
    *,
    suspended: str | None,
    leftover: int,
) -> Summary:
    """Sum up a bundle.  What needs a person most is what the message says."""
    applied = drifted = 0
    health = Health.HEALTHY
    refused = failed = ill = ""
    for manifest in bundle.manifests:
        record = records.get(manifest.ref)
        if record is None or record.bundle != bundle.name:
            health = worst((health, Health.MISSING))
            continue
        if record.health is Health.HEALTHY and not record.failure and record.rests(manifest.digest):
            applied += 1  # as nearly all of them
            continue
        health = worst((health, record.health if record.applied.confirmed else Health.MISSING))
        drifted += record.drift is not None
        applied += _stands(bundle, record, manifest.digest)
        if record.failure:
            words = f"{manifest.ref.short}: {record.failure.reason}"
            failed = failed or words
            if record.refused(manifest.digest):
                refused = refused or words
        if record.health is not Health.HEALTHY and record.health is health:
            ill = (
                f"{manifest.ref.short}: {record.message}" if record.message else manifest.ref.short
            )
    complete = applied == len(bundle.manifests)
    held = next((held.reason for held in plan.held if held.bundle == bundle.name), "")
    waits = next((_words(w.ref, w.reason) for w in plan.waits if w.bundle == bundle.name), "")
    return Summary(
        applied_digest=bundle.digest if complete else None,
        health=Health.PROGRESSING if health is Health.MISSING and not failed else health,
        objects=len(bundle.manifests),
        applied=applied,
        drifted=drifted,
        leftover=leftover,
        message=refused
        or failed
        or (suspended or "")
        or (f"pruning is held: {held}" if held else "")
        or waits
        or (ill if health is not Health.HEALTHY else ""),
    )


def _stands(bundle: DesiredBundle, record: Record, digest: Digest) -> bool:
    return (
        record.applied.confirmed
        and record.applied.digest == digest
        and record.stands
        and not record.deleting
        and (record.drift is None or _only_reported(bundle, record, record.drift))
    )


def _only_reported(bundle: DesiredBundle, record: Record, drift: Drift) -> bool:
    """Whether a drift may stay: a release is not held up by what a bundle only reports."""
    policy = rules_of(bundle.policy, record.ref).of_drift(drift)
    return bool(drift.fields) and not drift.replaced and policy is DriftPolicy.REPORT


def _words(ref: ObjectRef | None, reason: str) -> str:
    return f"{ref}: {reason}" if ref else reason
