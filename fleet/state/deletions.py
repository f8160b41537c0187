"""Deletions that wait for a person: which, and the names of their lists.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from clusters.model import canonical_json, digest_of
from fleet.state.facts import PruneWaits
from fleet.state.standing import Assignment
from fleet.view_deletions import LISTED_MAX, DeletionListView, DeletionsView, hash_of_lists


def waiting(
    placed: Mapping[str, Assignment], clusters: Collection[str] = ()
) -> dict[str, PruneWaits]:
    """Collect what waits, by cluster; on all clusters, or on those named."""
    return {
        name: entry.prune_waits
        for name, entry in sorted(placed.items())
        if entry.prune_waits and (not clusters or name in clusters)
    }


def list_hashes(waits: Mapping[str, PruneWaits]) -> dict[str, str]:
    """Name each cluster's list: by cluster, content and every object, shown or not."""
    return {
        name: _hash(name, wait.bundle, wait.digest, tuple(wait.objects))
        for name, wait in waits.items()
    }


@lru_cache(maxsize=4096)
def _hash(cluster: str, bundle: str, digest: str, objects: tuple[str, ...]) -> str:
    return digest_of(canonical_json([cluster, bundle, digest, objects]))


def deletions_view(bundle: str, waits: Mapping[str, PruneWaits]) -> DeletionsView:
    """Show what waits; clusters that would lose the same objects share a list."""
    same: dict[tuple[Sequence[str], str], list[str]] = {}
    for name, wait in waits.items():
        same.setdefault((tuple(wait.objects), wait.reason), []).append(name)
    hashes = list_hashes(waits)
    return DeletionsView(
        bundle=bundle,
        list_hash=hash_of_lists(hashes),
        hashes=hashes,
        lists=[
            DeletionListView(
                clusters=names, objects=objects[:LISTED_MAX], total=len(objects), reason=reason
            )
            for (objects, reason), names in same.items()
        ],
    )
