"""What a deletion would take with it: what is inside, and the same object by another name.  Pure.

On doubt an object is inside, and is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from clusters.model import BundleName, GroupKind, ObjectRef
from clusters.planning.situation import Situation
from clusters.records import Record

NAMESPACE = GroupKind("", "Namespace")
DEFINITION = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
Claims = Mapping[ObjectRef, BundleName]
"""Every object that is wanted, and by which bundle."""


def is_hidden(record: Record, situation: Situation) -> bool:
    """Whether nobody knows if the object is there."""
    kind = record.ref.group_kind
    return not (situation.lacks(kind) or record.deleting) and bool(situation.unseen(kind))


def held_in(record: Record, claims: Claims, situation: Situation) -> ObjectRef | None:
    """An object of ours that would go with this one: deleting what holds others deletes them.

    Also one that is only wanted there: it may be made in the same pass.
    """
    holder = record.ref
    if holder.group_kind not in (NAMESPACE, DEFINITION):
        return None
    standing = (
        ref
        for ref, other in situation.records.items()
        if other.present or other.deleting or is_hidden(other, situation)
    )
    inside = (ref for ref in chain(claims, standing) if _is_inside(ref, holder, situation))
    return min(inside, default=None)


def _is_inside(ref: ObjectRef, holder: ObjectRef, situation: Situation) -> bool:
    if holder.group_kind == NAMESPACE:
        return ref.namespace == holder.name
    if not ref.group or situation.lacks(ref.group_kind):
        return False
    if plural := situation.plural_of(ref.group_kind):
        return holder.name == f"{plural}.{ref.group}"
    return holder.name.partition(".")[2] == ref.group


def same_object(
    left: Iterable[Record], claims: Claims, situation: Situation
) -> dict[ObjectRef, ObjectRef]:
    """For objects that left, the wanted ones that are, or may be, the very same on the cluster.

    Some kinds are served under two groups: an Ingress of `extensions` is that of
    `networking.k8s.io`, and deleting one deletes the other (cli-utils: CurrentUIDFilter).
    """
    records = situation.records
    by_uid = {r.applied.uid: ref for ref in claims if (r := records.get(ref)) and r.applied.uid}
    by_name = {(ref.kind, ref.namespace, ref.name): ref for ref in claims}
    found: dict[ObjectRef, ObjectRef] = {}
    for record in left:
        ref = record.ref
        wanted = by_name.get((ref.kind, ref.namespace, ref.name))
        written = records.get(wanted) if wanted else None
        if record.uid and record.uid in by_uid:
            found[ref] = by_uid[record.uid]
        elif wanted and not (written and written.applied.confirmed):
            found[ref] = wanted
    return found
