"""Whether what a release depends on has come as far as the release itself.  Pure."""

from __future__ import annotations

from clusters.model import ClusterName, Revision
from fleet.model import Bundle, Inventory
from fleet.state.fleet import FleetState


def behind(
    declared: Bundle,
    revision: Revision,
    cluster: ClusterName,
    state: FleetState,
    inventory: Inventory,
) -> str | None:
    """Say which dependency is not yet at the release that this one was made with, or None.

    One commit may change both, and each travels at its own pace: what was healthy before says
    nothing of what this release needs (Flux: a dependency of the same source must be at the same
    revision).  An older release that a rollback brought back needs nothing that came after it.
    """
    own = state.releases.get(declared.name)
    if own is None or own.revision != revision:
        return None
    for dependency in declared.depends_on:
        other = inventory.bundles.get(dependency.bundle)
        release = state.releases.get(dependency.bundle)
        if other is None or release is None or release.at > own.at:
            continue
        if (other.source.git, other.source.ref) != (declared.source.git, declared.source.ref):
            continue
        newest = state.newest.get(dependency.bundle, {}).get(cluster)
        held = state.assignment(dependency.bundle, cluster)
        if newest and held is not None and held.digest != newest:
            return (
                f"waits for bundle {dependency.bundle}: its release of commit "
                f"{release.revision[:8]} is not on this cluster yet"
            )
    return None
