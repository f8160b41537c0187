"""Deletions that wait for a person, as the API says them: what would go, where, and its name.

A confirmation is for one list.  Whoever confirms sends the name of the list that they read, so that
nothing goes which nobody has seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from fleet.view_plans import View

LISTED_MAX = 1000
"""Objects that one list names; beyond that they are counted."""


class DeletionListView(View, frozen=True, kw_only=True):
    """Objects that left a bundle, the same ones on each of some clusters."""

    clusters: Sequence[str]
    objects: Sequence[str]
    """As `Kind.group namespace/name`, in order; the first thousand."""
    total: int
    """How many there are, on each cluster."""
    reason: str
    """Why they are not deleted without a word."""


class DeletionsView(View, frozen=True, kw_only=True):
    """All deletions of one bundle that wait for a person."""

    bundle: str
    list_hash: str
    """Names all of it: what `confirmPrune` is for, sent back as `listHash`."""
    hashes: Mapping[str, str]
    """Cluster to the name of its list: what `confirmPrune` of this cluster alone is for."""
    lists: Sequence[DeletionListView]


def hash_of_lists(hashes: Mapping[str, str]) -> str:
    """Name the lists of several clusters together; that of one keeps its own name."""
    names = sorted(hashes.values())
    if len(names) == 1:
        return names[0]
    return hashlib.blake2b("\n".join(names).encode(), digest_size=16).hexdigest()


def summary(deletions: DeletionsView, clusters: Sequence[str] = (), *, most: int = 0) -> list[str]:
    """Say in lines what would be deleted.

    Args:
        deletions: what waits.
        clusters: only on these; none: on all.
        most: names at most so many objects of each list; 0: all that are known.
    """
    lines = []
    for each in deletions.lists:
        chosen = [name for name in each.clusters if not clusters or name in clusters]
        if not chosen:
            continue
        on = ", ".join(chosen[:3]) + (f" and {len(chosen) - 3} more" if len(chosen) > 3 else "")
        apiece = " each" if len(chosen) > 1 else ""
        lines.append(f"on {on}: {_counted(each)}{apiece}; {each.reason}")
        named = each.objects[:most] if most else each.objects
        lines += [f"  {name}" for name in named]
        if len(named) < each.total:
            lines.append(f"  and {each.total - len(named)} more")
    return lines


def _counted(each: DeletionListView) -> str:
    """How many of which kind, as far as they are named."""
    word = "object" if each.total == 1 else "objects"
    kinds: dict[str, int] = {}
    for name in each.objects:
        kind = name.partition(" ")[0].partition(".")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    rest = each.total - len(each.objects)
    return f"{each.total} {word} ({told}{f', {rest} not named' if rest else ''})"
