"""How facts about a cluster itself change the state: a part of the fold in `fleet.state.fleet`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fleet.state import facts
from fleet.state.standing import ClusterFacts

if TYPE_CHECKING:
    from fleet.state.fleet import FleetState


def _cluster(state: FleetState, name: str) -> ClusterFacts:
    return state.clusters.setdefault(name, ClusterFacts())


def _connected(state: FleetState, fact: facts.ClusterConnected) -> None:
    entry = _cluster(state, fact.cluster)
    entry.connected, entry.version, entry.reason = True, fact.version, ""
    entry.since, entry.identity = fact.at, fact.identity or entry.identity


def _replaced(state: FleetState, fact: facts.ClusterReplaced) -> None:
    entry = _cluster(state, fact.cluster)
    entry.identity, entry.replaced_at = fact.now, fact.at
    for placed in state.assignments.values():
        if fact.cluster in placed:
            placed[fact.cluster].converged = placed[fact.cluster].degraded = False
    for key in [key for key, drift in state.drift.items() if drift.seen.cluster == fact.cluster]:
        del state.drift[key]


def _rebuilt(state: FleetState, fact: facts.ClusterRebuilt) -> None:
    entry = _cluster(state, fact.cluster)
    entry.replaced_at, entry.rebuilt = None, fact


def _mirror_changed(state: FleetState, fact: facts.MirrorChanged) -> None:
    _cluster(state, fact.cluster).mirror_trouble = fact.reason


def _lost(state: FleetState, fact: facts.ClusterLost) -> None:
    entry = _cluster(state, fact.cluster)
    entry.connected, entry.reason, entry.since = False, fact.reason, fact.at


def _quarantined(state: FleetState, fact: facts.ClusterQuarantined) -> None:
    entry = _cluster(state, fact.cluster)
    entry.connected, entry.quarantined, entry.since = False, fact.error, fact.at


def _freed(state: FleetState, fact: facts.ClusterReleased) -> None:
    _cluster(state, fact.cluster).quarantined = ""


def _audit_disagreed(state: FleetState, fact: facts.AuditDisagreed) -> None:
    _cluster(state, fact.cluster).disagreements[fact.object] = fact


def _audit_passed(state: FleetState, fact: facts.AuditPassed) -> None:
    _cluster(state, fact.cluster).disagreements.clear()


FOLDS: dict[type, Callable[[FleetState, Any], None]] = {
    facts.ClusterConnected: _connected,
    facts.ClusterReplaced: _replaced,
    facts.ClusterRebuilt: _rebuilt,
    facts.MirrorChanged: _mirror_changed,
    facts.ClusterLost: _lost,
    facts.ClusterQuarantined: _quarantined,
    facts.ClusterReleased: _freed,
    facts.AuditDisagreed: _audit_disagreed,
    facts.AuditPassed: _audit_passed,
}
