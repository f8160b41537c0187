"""What leaves one cluster: deleted, let go, or kept, each with its reason.

Pure.  Nothing is deleted on doubt: see `plan` for what must hold of an object before it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from clusters.model import DesiredBundle, Manifest, ObjectRef
from clusters.planning.actions import Detach, HeldPrune, Prune, Wait
from clusters.planning.containment import NAMESPACE, Claims, held_in, is_hidden, same_object
from clusters.planning.guards import prune_refusal
from clusters.planning.situation import Draft, Situation
from clusters.records import Record


def plan_prunes(
    bundle: DesiredBundle, left: list[Record], claims: Claims, situation: Situation, draft: Draft
) -> None:
    """Plan what becomes of objects that the bundle does not name any more."""
    if not left:
        return
    left = list(_separate(bundle, left, claims, situation, draft))
    candidates = list(_prunable(bundle, left, situation, draft))
    if not candidates:
        return
    # Guards look at the whole of it: what is not seen now goes by the same decision later.
    hidden = (record for record in left if is_hidden(record, situation))
    refs = tuple(sorted(record.ref for record in (*candidates, *hidden)))
    if not bundle.policy.prune:
        # No word of a person would delete them, so nobody is asked for one.
        kept = "kept: pruning is switched off for the bundle"
        draft.waits.extend(Wait(bundle=bundle.name, ref=ref, reason=kept) for ref in refs)
        return
    if bundle.prune_later and not _agreed(bundle, refs):
        later = f"{_counted(len(refs))} deleted once the rollout has reached all clusters"
        draft.waits.append(Wait(bundle=bundle.name, ref=None, reason=later))
        return
    if reason := _prune_hold(bundle, refs, situation):
        draft.held.append(HeldPrune(bundle=bundle.name, refs=refs, reason=reason))
        return
    if unwritten := _unwritten(bundle, claims, situation):
        # What replaces an object is in place before the object goes.
        reason = f"is deleted once {unwritten} is applied"
        draft.waits.extend(Wait(bundle=bundle.name, ref=ref, reason=reason) for ref in refs)
        return
    for record in candidates:
        if held := held_in(record, claims, situation):
            reason = f"is deleted once nothing of ours is in it: {held} still is"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))
            continue
        draft.prunes.append(
            Prune(
                ref=record.ref,
                bundle=bundle.name,
                uid=record.uid,
                resource_version=record.resource_version,
            )
        )


def _counted(count: int) -> str:
    return "1 object that left it is" if count == 1 else f"{count} objects that left it are"


def _separate(
    bundle: DesiredBundle, left: list[Record], claims: Claims, situation: Situation, draft: Draft
) -> Iterator[Record]:
    """What left, but for objects that are still wanted by another name."""
    twins = same_object(left, claims, situation)
    for record in left:
        twin = twins.get(record.ref)
        written = situation.records.get(twin) if twin else None
        if twin is None:
            yield record
        elif written and written.applied.confirmed:
            draft.forgets.append(record.ref)
        else:
            reason = f"kept until {twin} is applied, which may be the same object"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))


def _prunable(
    bundle: DesiredBundle, left: list[Record], situation: Situation, draft: Draft
) -> Iterator[Record]:
    for record in left:
        kind = record.ref.group_kind
        if situation.lacks(kind):
            draft.forgets.append(record.ref)
        elif record.deleting:
            reason = f"waits until it is gone: {record.message or 'being deleted'}"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))
        elif unseen := situation.unseen(kind):
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=unseen))
        elif not record.present or not _is_ours(record):
            draft.forgets.append(record.ref)
        elif record.keep:
            reason = "kept: the object is annotated flotilla.dev/prune: disabled"
            draft.waits.append(Wait(bundle=bundle.name, ref=record.ref, reason=reason))
        elif record.failure and record.failure.retry_at > situation.now:
            draft.due(record.failure.retry_at)
        elif record.detach or _holds_detached(record, left):
            draft.detaches.append(Detach(ref=record.ref, bundle=bundle.name, uid=record.uid))
        else:
            yield record


def _holds_detached(record: Record, left: list[Record]) -> bool:
    """Whether a namespace leaves together with an object in it that is to stay."""
    return record.ref.group_kind == NAMESPACE and any(
        other.detach and other.ref.namespace == record.ref.name for other in left
    )


def _is_ours(record: Record) -> bool:
    """Whether the live object is the one that we applied, and not a stranger's of its name."""
    return record.applied.uid in ("", record.uid) and not record.foreign


def _unwritten(bundle: DesiredBundle, claims: Claims, situation: Situation) -> ObjectRef | None:
    """An object of the bundle that is not written as it is wanted now."""
    for manifest in bundle.manifests:
        if claims[manifest.ref] != bundle.name:
            continue
        record = situation.records.get(manifest.ref)
        failing = record and record.failure and record.failure.digest == manifest.digest
        if failing or not _is_written(record, bundle, manifest):
            return manifest.ref
    return None


def _is_written(record: Record | None, bundle: DesiredBundle, manifest: Manifest) -> bool:
    return (
        record is not None
        and record.bundle == bundle.name
        and record.applied.confirmed
        and record.applied.digest == manifest.digest
    )


def _agreed(bundle: DesiredBundle, refs: tuple[ObjectRef, ...]) -> bool:
    """Whether a person agreed to all of it: to more than was read, nobody has."""
    return bundle.uninstall or bundle.prune_confirmed.issuperset(refs)


def _prune_hold(
    bundle: DesiredBundle, refs: tuple[ObjectRef, ...], situation: Situation
) -> str | None:
    if _agreed(bundle, refs):
        return None
    if bundle.prune_hold:
        return bundle.prune_hold
    if recalled := [ref for ref in refs if situation.records[ref].is_recalled]:
        if not all(situation.records[ref].applied.uid for ref in recalled):
            return (
                f"{len(recalled)} of them were applied to another cluster, or to this one before "
                "it lost its data"
            )
        return (
            f"{len(recalled)} of them are known only from the record on the cluster "
            "(our own was lost)"
        )
    members = sum(1 for record in situation.records.values() if record.bundle == bundle.name)
    budget = situation.budget
    if bundle.policy.prune_max is not None:
        budget = replace(budget, max_objects=bundle.policy.prune_max)
    return prune_refusal(refs, members=members, remaining=len(bundle.manifests), budget=budget)
