"""What to do on one cluster next: desired state and records in, actions and reasons out.

Pure and level-triggered: the same input gives the same plan, and once the actions are done, an
empty one.  What is not done is in the plan as well, with its reason, so that nothing stalls
silently.  An object is only ever pruned when all of this holds: it is in our apply set, its bundle
is present in the desired state without it, the cluster shows it with our label, its UID is the one
we applied, and the guards allow it or a person confirmed it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from clusters.guards import PruneBudget, prune_refusal
from clusters.model import (
    BundleName,
    DesiredBundle,
    DesiredState,
    DriftPolicy,
    GroupKind,
    Health,
    Manifest,
    ObjectRef,
)
from clusters.records import Record
from clusters.waves import apply_order


class Cause(StrEnum):
    """Why an object is written."""

    NEW = "new"
    CHANGED = "changed"
    UNCONFIRMED = "unconfirmed"
    DRIFTED = "drifted"
    MISSING = "missing"
    RECLAIM = "reclaim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Write one object."""

    manifest: Manifest
    bundle: BundleName
    cause: Cause
    force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Delete one object, if it still is the one with `uid`."""

    ref: ObjectRef
    bundle: BundleName
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPrune:
    """Objects that are kept although they left the desired state."""

    bundle: BundleName
    refs: tuple[ObjectRef, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Something of a bundle is not done now; `reason` says what it waits for."""

    bundle: BundleName
    ref: ObjectRef | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that can be done now, in order, and all that cannot, with reasons."""

    applies: tuple[Apply, ...] = ()
    prunes: tuple[Prune, ...] = ()
    forgets: tuple[ObjectRef, ...] = ()
    """Members of the apply set that are already gone, or no longer ours."""
    held: tuple[HeldPrune, ...] = ()
    waits: tuple[Wait, ...] = ()
    retry_at: float | None = None
    """When time alone will change the plan (monotonic seconds), or None."""


@dataclass(slots=True)
class _Draft:
    applies: list[Apply] = field(default_factory=list)
    prunes: list[Prune] = field(default_factory=list)
    forgets: list[ObjectRef] = field(default_factory=list)
    held: list[HeldPrune] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    retry_at: float | None = None

    def due(self, at: float) -> None:
        self.retry_at = at if self.retry_at is None else min(self.retry_at, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the plan depends on beside the desired state."""

    records: Mapping[ObjectRef, Record]
    served: Callable[[str, str], bool]
    """Whether the cluster serves an apiVersion and kind."""
    synced: Collection[GroupKind]
    """Kinds whose live objects are known completely."""
    now: float
    """Monotonic time in seconds."""
    budget: PruneBudget = PruneBudget()


def make_plan(desired: DesiredState, situation: Situation) -> Plan:
    """Decide what to do now."""
    draft = _Draft()
    claims = _claims(desired, situation, draft)
    left = _left_by_bundle(situation.records, claims)
    for name in sorted(desired.bundles):
        bundle = desired.bundles[name]
        blocked = desired.suspended or bundle.suspended or _dependency(bundle, desired, situation)
        if blocked:
            draft.waits.append(Wait(bundle=name, ref=None, reason=blocked))
            continue
        _plan_applies(bundle, claims, situation, draft)
        _plan_prunes(bundle, left.get(name, []), situation, draft)
    return Plan(
        applies=tuple(sorted(draft.applies, key=lambda a: apply_order(a.manifest.ref))),
        prunes=tuple(sorted(draft.prunes, key=lambda p: apply_order(p.ref), reverse=True)),
        forgets=tuple(draft.forgets),
        held=tuple(draft.held),
        waits=tuple(draft.waits),
        retry_at=draft.retry_at,
    )


def _claims(
    desired: DesiredState, situation: Situation, draft: _Draft
) -> dict[ObjectRef, BundleName]:
    """Which bundle each desired object belongs to.  Of two claims the older one holds."""
    claims: dict[ObjectRef, BundleName] = {}
    for name in sorted(desired.bundles):
        for manifest in desired.bundles[name].manifests:
            other = claims.setdefault(manifest.ref, name)
            if other == name:
                continue
            record = situation.records.get(manifest.ref)
            loser = other if record and record.bundle == name else name
            claims[manifest.ref] = name if loser == other else other
            reason = f"bundle {claims[manifest.ref]} has this object as well, and keeps it"
            draft.waits.append(Wait(bundle=loser, ref=manifest.ref, reason=reason))
    return claims


def _left_by_bundle(
    records: Mapping[ObjectRef, Record], claims: Mapping[ObjectRef, BundleName]
) -> dict[BundleName, list[Record]]:
    left: dict[BundleName, list[Record]] = {}
    for ref, record in records.items():
        if ref not in claims:
            left.setdefault(record.bundle, []).append(record)
    return left


def _dependency(bundle: DesiredBundle, desired: DesiredState, situation: Situation) -> str | None:
    for name in bundle.depends_on:
        other = desired.bundles.get(name)
        if other is None:
            return f"depends on bundle {name}, which is not placed on this cluster"
        for manifest in other.manifests:
            record = situation.records.get(manifest.ref)
            if not _is_applied(record, manifest):
                return f"waits for bundle {name}: {manifest.ref} is not applied yet"
            if record and record.health is not Health.HEALTHY:
                return f"waits for bundle {name}: {manifest.ref} is {record.health}"
    return None


def _is_applied(record: Record | None, manifest: Manifest) -> bool:
    return (
        record is not None
        and record.applied.confirmed
        and record.applied.digest == manifest.digest
        and record.present
        and not record.deleting
    )


def _plan_applies(
    bundle: DesiredBundle,
    claims: Mapping[ObjectRef, BundleName],
    situation: Situation,
    draft: _Draft,
) -> None:
    for manifest in bundle.manifests:
        ref = manifest.ref
        if claims[ref] != bundle.name:
            continue
        if not situation.served(manifest.api_version, ref.kind):
            reason = f"this cluster does not serve {ref.kind} in {manifest.api_version} (yet)"
            draft.waits.append(Wait(bundle=bundle.name, ref=ref, reason=reason))
            continue
        if ref.group_kind not in situation.synced:
            reason = "what the cluster has of this kind is not known yet"
            draft.waits.append(Wait(bundle=bundle.name, ref=ref, reason=reason))
            continue
        record = situation.records.get(ref)
        cause = _cause(record, manifest)
        if cause is None or _postponed(bundle, manifest, record, cause, situation, draft):
            continue
        draft.applies.append(
            Apply(
                manifest=manifest,
                bundle=bundle.name,
                cause=cause,
                force=_may_force(bundle, record, manifest),
            )
        )


def _cause(record: Record | None, manifest: Manifest) -> Cause | None:
    if record is None:
        return Cause.NEW
    if not record.applied.confirmed:
        return Cause.UNCONFIRMED
    if record.applied.digest != manifest.digest:
        return Cause.CHANGED
    if not record.present:
        return Cause.MISSING
    if record.drift:
        return Cause.DRIFTED
    return Cause.RECLAIM if record.reclaim else None


def _postponed(
    bundle: DesiredBundle,
    manifest: Manifest,
    record: Record | None,
    cause: Cause,
    situation: Situation,
    draft: _Draft,
) -> bool:
    if record is None:
        return False
    if record.deleting:
        reason = "its deletion is not finished"
        draft.waits.append(Wait(bundle=bundle.name, ref=manifest.ref, reason=reason))
        return True
    corrects = cause in (Cause.DRIFTED, Cause.MISSING, Cause.RECLAIM)
    if corrects and bundle.policy.drift is DriftPolicy.REPORT:
        return True
    if corrects and record.paused_until > situation.now:
        draft.due(record.paused_until)
        return True
    failure = record.failure
    if failure and failure.digest == manifest.digest and failure.retry_at > situation.now:
        draft.due(failure.retry_at)
        return True
    return False


def _may_force(bundle: DesiredBundle, record: Record | None, manifest: Manifest) -> bool:
    # Writing the very content that we applied before takes back only fields that were ours.
    ours = record is not None and record.applied.confirmed
    same = record is not None and record.applied.digest == manifest.digest
    return bundle.policy.conflicts == "force" or (ours and same)


def _plan_prunes(
    bundle: DesiredBundle, left: list[Record], situation: Situation, draft: _Draft
) -> None:
    candidates = list(_prunable(bundle, left, situation, draft))
    if not candidates:
        return
    refs = tuple(sorted(record.ref for record in candidates))
    reason = _prune_hold(bundle, refs, situation)
    if reason:
        draft.held.append(HeldPrune(bundle=bundle.name, refs=refs, reason=reason))
        return
    draft.prunes.extend(
        Prune(ref=record.ref, bundle=bundle.name, uid=record.uid) for record in candidates
    )


def _prunable(
    bundle: DesiredBundle, left: list[Record], situation: Situation, draft: _Draft
) -> Iterator[Record]:
    for record in left:
        kind = record.ref.group_kind
        if record.deleting:
            reason = f"waits until it is gone: {record.message or 'being deleted'}"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))
        elif not situation.served(record.applied.api_version, kind.kind):
            draft.forgets.append(record.ref)
        elif kind not in situation.synced:
            reason = "what the cluster has of this kind is not known yet"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))
        elif not record.present:
            draft.forgets.append(record.ref)
        elif record.applied.uid and record.applied.uid != record.uid:
            # Somebody made a new object of this name: it was never ours.
            draft.forgets.append(record.ref)
        elif record.keep:
            reason = "kept: the object is annotated flotilla.dev/prune: disabled"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))
        elif record.failure and record.failure.retry_at > situation.now:
            draft.due(record.failure.retry_at)
        else:
            yield record


def _prune_hold(
    bundle: DesiredBundle, refs: tuple[ObjectRef, ...], situation: Situation
) -> str | None:
    if not bundle.policy.prune:
        return "pruning is switched off for the bundle"
    if bundle.prune_confirmed:
        return None
    members = sum(1 for record in situation.records.values() if record.bundle == bundle.name)
    return prune_refusal(
        refs, members=members, remaining=len(bundle.manifests), budget=situation.budget
    )
