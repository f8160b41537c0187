"""What may not be deleted without a person's word.

Pure.  Born from incidents: a path that became empty pruned whole clusters (argo-cd#7412, #3473), a
label edit dropped half of an application.  Nothing here deletes; it only holds back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from clusters.model import GroupKind, ObjectRef

PROTECTED_KINDS = frozenset(
    {
        GroupKind("", "Namespace"),
        GroupKind("", "PersistentVolume"),
        GroupKind("", "PersistentVolumeClaim"),
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)
"""Deleting one of these deletes what it holds: always confirmed, never replaced."""

FEW = 5
"""Up to this many deletions the percentage does not count: 1 of 2 objects is a common edit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneBudget:
    """Most that one pass may delete of one bundle on one cluster without confirmation."""

    max_objects: int = 50
    max_percent: float = 30.0
    max_per_kind: dict[GroupKind, int] = field(default_factory=dict)


def prune_refusal(
    candidates: Collection[ObjectRef], *, members: int, remaining: int, budget: PruneBudget
) -> str | None:
    """Say why `candidates` must not be deleted without a person's confirmation, or None.

    Args:
        candidates: objects that left the desired state.
        members: how many objects the bundle has on this cluster now.
        remaining: how many objects the new desired state of the bundle has.
        budget: the limits.
    """
    if not candidates:
        return None
    if remaining == 0:
        count = len(candidates)
        all_of_it = "its only object" if count == 1 else f"all {count} objects"
        return f"nothing of the bundle would be left: {all_of_it} would be deleted"
    protected = sorted(str(ref) for ref in candidates if ref.group_kind in PROTECTED_KINDS)
    if protected:
        return f"{_listed(protected)} would be deleted, and with it all that it holds"
    if len(candidates) > budget.max_objects:
        return f"{len(candidates)} objects would be deleted; at most {budget.max_objects} may be"
    percent = 100.0 * len(candidates) / max(members, 1)
    if len(candidates) > FEW and percent > budget.max_percent:
        return (
            f"{len(candidates)} of {members} objects ({percent:.0f}%) would be deleted; "
            f"at most {budget.max_percent:g}% may be"
        )
    for kind, count in sorted(Counter(ref.group_kind for ref in candidates).items()):
        limit = budget.max_per_kind.get(kind)
        if limit is not None and count > limit:
            return f"{count} of kind {kind} would be deleted; at most {limit} may be"
    return None


def immutable_fields(causes: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """The fields that cannot be changed, if that is the only thing wrong with an object.

    Args:
        causes: (field, reason, message) of a refusal, as the server gave them.

    Returns:
        The fields; empty when anything else is wrong as well, or nothing says immutable.
    """
    for _, reason, message in causes:
        if reason != "FieldValueInvalid" or "immutable" not in message.lower():
            return ()
    return tuple(sorted({field or "the object" for field, _, _ in causes}))


def replace_refusal(
    ref: ObjectRef, *, bundle: str, allowed: bool, keep: bool, ours: bool
) -> str | None:
    """Say why an object must not be deleted to be made anew, or None.

    Args:
        ref: the object.
        bundle: whose policy it is.
        allowed: whether that policy allows it.
        keep: whether the live object asks not to be deleted.
        ours: whether we applied the live object.
    """
    if ref.group_kind in PROTECTED_KINDS:
        return f"a {ref.kind} is never replaced, since all that it holds would go with it"
    if not ours:
        return "the object was there before us and is not replaced"
    if keep:
        return "the object is annotated flotilla.dev/prune: disabled and is not replaced"
    if not allowed:
        return f"policy.replaceImmutable: true in Bundle {bundle} lets it be deleted and made anew"
    return None


def _listed(names: list[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
