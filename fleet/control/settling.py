"""Whether there is anything left that happens without a person: what `server --once` waits for.

Pure.  Only what was seen since the start counts: what the last run left says nothing of today.
"""

from __future__ import annotations

from clusters.events import BundleObserved
from clusters.model import BundleName, DriftPolicy, Health
from fleet.presenting.views import Picture
from fleet.rollout.planner import Outcome
from fleet.rollout.state import Rollout
from fleet.rollout.supersede import is_held
from fleet.rollout.waiting import ForApproval, ForPerson, ForWindow
from fleet.state.fleet import FleetState
from fleet.state.standing import EMPTY_DIGEST, Assignment

_FROM_OUTSIDE = (ForApproval, ForPerson, ForWindow)


def is_settled(picture: Picture, *, looked: bool) -> bool:
    """Whether all of the fleet that answers is as the newest commit says, or waits for a person.

    Args:
        picture: the fleet.
        looked: whether the newest commit was judged, or could not be read, since the start.
    """
    state = picture.state
    if not looked:
        return False
    if not all(picture.observed.contact(name).known for name in picture.inventory.clusters):
        return False
    if not all(_stands(state, bundle) for bundle in _travelling(state)):
        return False
    if not all(_stopped(r, picture.outcomes.get(r.id)) for r in state.travel.rollouts.values()):
        return False
    return all(
        _placed(picture, bundle, cluster, entry)
        for bundle, placed in state.assignments.items()
        for cluster, entry in placed.items()
    )


def _travelling(state: FleetState) -> list[str]:
    return [bundle for bundle, waiting in state.travel.waiting.items() if waiting]


def _stands(state: FleetState, bundle: str) -> bool:
    """Whether no release of a bundle starts on its own: one is on hold, or another is stuck."""
    held = frozenset(state.travel.held.get(bundle, ()))
    if all(is_held(release, held) for release in state.travel.waiting[bundle]):
        return True
    return bundle in state.travel.stranded or any(not r.ended for r in state.travel.of(bundle))


def _stopped(rollout: Rollout, outcome: Outcome | None) -> bool:
    if rollout.ended:
        return True
    if outcome is None or any(entry.in_flight for entry in rollout.clusters.values()):
        return False
    return any(isinstance(wait, _FROM_OUTSIDE) for wait in outcome.waiting_on)


def _placed(picture: Picture, bundle: str, cluster: str, entry: Assignment) -> bool:
    state = picture.state
    if not picture.observed.contact(cluster).connected:
        return True
    if {f"cluster/{cluster}", f"bundle/{bundle}"} & state.suspended.keys():
        return True
    seen = picture.observed.bundle(cluster, bundle)
    if seen is None or seen.digest != entry.digest:
        return False
    if entry.withdrawn and entry.digest == EMPTY_DIGEST:
        declared = picture.inventory.bundles.get(BundleName(bundle))
        keeps = declared is not None and not declared.policy.prune
        return keeps or entry.prune_waits is not None
    return bool(seen.refused) or _healthy(seen) or _only_reported(picture, bundle, seen)


def _healthy(seen: BundleObserved) -> bool:
    return seen.applied_digest == seen.digest and seen.health is Health.HEALTHY


def _only_reported(picture: Picture, bundle: str, seen: BundleObserved) -> bool:
    """Whether what is missing is drift that is to be told and no more."""
    declared = picture.inventory.bundles.get(BundleName(bundle))
    reports = declared is not None and declared.policy.drift is DriftPolicy.REPORT
    return reports and bool(seen.drifted) and seen.health is Health.HEALTHY
