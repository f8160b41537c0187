"""What to do on one cluster next: desired state and records in, actions and reasons out.

Pure and level-triggered: the same input gives the same plan, and once the actions are done, an
empty one.  What is not done is in the plan as well, with its reason, so that nothing stalls
silently.  An object is only ever pruned when all of this holds: it is in our apply set, its bundle
is present in the desired state without it and all of its other objects are written, the cluster
shows it with our label, its UID is the one we applied and no wanted object's, nothing of ours is in
it, and the guards allow it or a person confirmed it.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusters.fields.ownership import dotted
from clusters.fields.projection import value_hash
from clusters.fields.rules import ObjectRules, Spare, rules_of
from clusters.model import (
    BundleName,
    Contest,
    DesiredBundle,
    DesiredState,
    DriftPolicy,
    Health,
    Manifest,
    ObjectRef,
)
from clusters.planning.actions import Apply, Cause, Plan, Wait
from clusters.planning.pruning import plan_prunes
from clusters.planning.situation import Draft, Situation
from clusters.planning.waves import apply_order
from clusters.records import Leaving, Record


def make_plan(desired: DesiredState, situation: Situation) -> Plan:
    """Decide what to do now."""
    return Plan() if at_rest(desired, situation) else worked_out(desired, situation)


def worked_out(desired: DesiredState, situation: Situation) -> Plan:
    """Decide object by object."""
    draft = Draft()
    claims = _claims(desired, situation, draft)
    left = _left_by_bundle(situation.records, claims)
    known = _all_known(desired, situation)
    for name in sorted(desired.bundles):
        bundle = desired.bundles[name]
        blocked = (
            desired.suspended
            or bundle.suspended
            or bundle.awaits
            or _dependency(bundle, desired, situation)
        )
        if blocked:
            draft.waits.append(Wait(bundle=name, ref=None, reason=blocked))
            continue
        _plan_applies(bundle, claims, situation, draft, known=known)
        plan_prunes(bundle, left.get(name, []), claims, situation, draft)
    return Plan(
        applies=tuple(sorted(draft.applies, key=lambda a: apply_order(a.manifest.ref))),
        detaches=tuple(sorted(draft.detaches, key=lambda d: apply_order(d.ref))),
        prunes=tuple(sorted(draft.prunes, key=lambda p: apply_order(p.ref), reverse=True)),
        forgets=tuple(draft.forgets),
        held=tuple(draft.held),
        waits=tuple(draft.waits),
        retry_at=draft.retry_at,
        unserved=draft.unserved,
    )


def at_rest(desired: DesiredState, situation: Situation) -> bool:
    """Whether the plan is empty for sure: every object stands, and there are no others.

    Nearly all that happens on a cluster changes no plan.  This finds out with one look at each
    record, so that thousands of objects may be busy.
    """
    if desired.suspended or not _all_known(desired, situation):
        return False
    records, standing = situation.records, 0
    for bundle in desired.bundles.values():
        if bundle.suspended or bundle.depends_on:
            return False
        for manifest in bundle.manifests:
            record = records.get(manifest.ref)
            if record is None or record.bundle != bundle.name or not record.rests(manifest.digest):
                return False
        standing += len(bundle.manifests)
    return standing == len(records)


def _all_known(desired: DesiredState, situation: Situation) -> bool:
    """Whether every kind in it is served, and its live objects are known completely."""
    return all(
        kind in situation.synced and situation.served(version, kind.kind)
        for version, kind in desired.versions
    )


def _claims(
    desired: DesiredState, situation: Situation, draft: Draft
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
        and record.stands
        and not record.deleting
    )


def _plan_applies(
    bundle: DesiredBundle,
    claims: Mapping[ObjectRef, BundleName],
    situation: Situation,
    draft: Draft,
    *,
    known: bool,
) -> None:
    for manifest in bundle.manifests:
        ref = manifest.ref
        record = situation.records.get(ref)
        if known and record and record.bundle == bundle.name and record.rests(manifest.digest):
            continue  # nearly all of them, after nearly every commit
        if claims[ref] != bundle.name:
            continue
        served = situation.served(manifest.api_version, ref.kind)
        draft.unserved |= not served
        obstacle: str | None
        if not served:
            obstacle = f"this cluster does not serve {ref.kind} in {manifest.api_version} (yet)"
        elif record and record.deleting:
            replaced = "it is made anew once the old one is gone"
            unfinished = (
                replaced if record.leaving is Leaving.REPLACED else "its deletion is not finished"
            )
            obstacle = f"{unfinished}: {record.message}" if record.message else unfinished
        else:
            obstacle = situation.unseen(ref.group_kind)
        if obstacle:
            refused = ref.group_kind in situation.forbidden
            wait = Wait(bundle=bundle.name, ref=ref, reason=obstacle, refused=refused)
            draft.waits.append(wait)
            continue
        cause = _cause(record, manifest)
        if cause is None:
            continue
        rules = rules_of(bundle.policy, ref)
        takes = frozenset(contest for contest in bundle.takes if contest.ref == ref)
        tried = _tried(rules, takes)
        if _postponed(rules, manifest, record, cause, tried, situation, draft):
            continue
        reported = _reported(rules, manifest, record)
        draft.applies.append(
            Apply(
                manifest=manifest,
                bundle=bundle.name,
                cause=cause,
                force=_may_force(bundle, record, manifest),
                retake=cause is Cause.CHANGED and not (bundle.asks and _by_hand(rules, record)),
                takes=takes,
                tried=tried,
                spares=rules.spares + reported,
                adopt=bundle.policy.adopt if _is_first(record) else None,
                replace=bundle.policy.replace_immutable,
                leaves_drift=bool(reported),
            )
        )


def _cause(record: Record | None, manifest: Manifest) -> Cause | None:
    if record is None:
        return Cause.NEW
    if not record.applied.confirmed:
        return Cause.UNCONFIRMED
    if record.applied.digest != manifest.digest:
        return Cause.CHANGED
    if record.suspect:
        return None  # it is looked at first, so that whoever changed it is named
    if not record.stands:
        return Cause.MISSING
    if record.drift:
        return Cause.DRIFTED
    return Cause.RECLAIM if record.reclaim else None


def _postponed(
    rules: ObjectRules,
    manifest: Manifest,
    record: Record | None,
    cause: Cause,
    tried: str,
    situation: Situation,
    draft: Draft,
) -> bool:
    if record is None:
        return False
    corrects = cause in (Cause.DRIFTED, Cause.MISSING, Cause.RECLAIM)
    drift = record.drift if cause is Cause.DRIFTED else None
    policy = rules.of_drift(drift) if drift else rules.presence
    if corrects and policy is DriftPolicy.REPORT and not record.asked:
        return True
    if corrects and record.paused_until > situation.now:
        draft.due(record.paused_until)
        return True
    failure = record.failure
    same = failure and failure.digest == manifest.digest and failure.tried == tried
    if failure and same and failure.retry_at > situation.now:
        draft.due(failure.retry_at)
        return True
    return False


def _is_first(record: Record | None) -> bool:
    """Whether what is there, if anything is, may be somebody else's."""
    if record is None or not record.present:
        return True
    if not record.applied.confirmed:
        return record.foreign  # the watch showed whether our apply is in its managed fields
    return record.drift is not None and record.drift.replaced


def _tried(rules: ObjectRules, takes: frozenset[Contest]) -> str:
    """Name what decides about contested fields, but for the content itself."""
    if not takes:
        return rules.exemption
    return f"{rules.exemption}+{','.join(map(str, sorted(takes)))}"


def _by_hand(rules: ObjectRules, record: Record | None) -> bool:
    """Whether a field was changed by hand and is not simply put back."""
    drift = record.drift if record is not None else None
    fields = drift.fields if drift is not None else ()
    return any(rules.of(path) is DriftPolicy.REPORT for path in fields)


def _reported(rules: ObjectRules, manifest: Manifest, record: Record | None) -> tuple[Spare, ...]:
    """Drift that this write leaves as it is: reported only, and nothing new is wanted there."""
    if record is None or record.drift is None or record.asked:
        return ()
    drift = record.drift
    return tuple(
        Spare(dotted(path))
        for path, wanted in zip(drift.fields, drift.wanted, strict=True)
        if rules.of(path) is DriftPolicy.REPORT and value_hash(manifest.content, path) == wanted
    )


def _may_force(bundle: DesiredBundle, record: Record | None, manifest: Manifest) -> bool:
    # Writing the very content that we applied before takes back only fields that were ours.
    ours = record is not None and record.applied.confirmed
    same = record is not None and record.applied.digest == manifest.digest
    return bundle.policy.conflicts == "force" or (ours and same)
