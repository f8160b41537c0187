"""Commands ready to be sent, and what must be confirmed first.

Pure.  The tier says how much a person must do before anything is sent:

    T0 SEND    nothing: it only stops something (pausing a rollout)
    T1 ASK     a question that lists what is meant; Cancel has the focus
    T2 TYPE    the scope's name and a reason: production, many clusters, anything hard to undo
    T3 REFUSE  not here: deleting all of a bundle is for the command line, with its own safeguards

The server checks everything again; this is about the person's eyes, not about permission.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from fleet.view import CommandRequest, RolloutView
from tui.model.queries import is_production
from tui.model.store import FleetStore
from tui.text import format as fmt

MANY_CLUSTERS = 10
"""From more clusters than these on, a question is not enough."""


class Tier(IntEnum):
    """How much must be done before a command is sent."""

    SEND = 0
    ASK = 1
    TYPE = 2
    REFUSE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Commands ready to be sent, and what to show first."""

    title: str
    verb: str
    tier: Tier
    requests: tuple[CommandRequest, ...]
    facts: tuple[str, ...] = ()
    scope: str = ""
    """The word to type at T2."""
    needs_reason: bool = False
    production: bool = False
    clusters: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class NotNow:
    """Why an action does not apply to what is selected."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutCluster:
    """One cluster inside one rollout, as selected in the rollout view."""

    rollout: RolloutView
    name: str
    stage: str
    state: str
    since: datetime | None = None
    note: str = ""


def together(plans: Sequence[Plan]) -> Plan:
    """Make one plan of several: it asks as much as the most demanding of them."""
    clusters = frozenset().union(*(each.clusters for each in plans))
    tier = max(each.tier for each in plans)
    if tier is Tier.ASK and len(clusters) > MANY_CLUSTERS:
        tier = Tier.TYPE
    verb = plans[0].verb
    return Plan(
        title=f"{verb} {len(plans)} selected",
        verb=verb,
        tier=tier,
        requests=tuple(request for each in plans for request in each.requests),
        facts=tuple(each.title for each in plans),
        scope=f"{len(plans)} selected",
        needs_reason=any(each.needs_reason for each in plans),
        production=any(each.production for each in plans),
        clusters=clusters,
    )


def one(  # noqa: PLR0913 - a plan has so many parts
    command: str,
    target: str,
    *,
    store: FleetStore,
    title: str,
    verb: str,
    scope: str,
    clusters: Sequence[str] = (),
    tier: Tier = Tier.ASK,
    reason: bool = False,
    facts: Sequence[str] = (),
    arguments: Mapping[str, Any] | None = None,
) -> Plan:
    """Make the plan of one command; production or many clusters raise the tier to `TYPE`."""
    production = [
        name
        for name in clusters
        if name in store.clusters and is_production(store.clusters[name].labels)
    ]
    told = list(facts)
    if clusters:
        word = fmt.count(len(clusters), "cluster")
        told.insert(0, f"{word}, {len(production)} of them production" if production else word)
    if tier is Tier.ASK and (production or len(clusters) > MANY_CLUSTERS):
        tier = Tier.TYPE
    return Plan(
        title=title,
        verb=verb,
        tier=tier,
        requests=(CommandRequest(command=command, target=target, arguments=arguments or {}),),
        facts=tuple(told),
        scope=scope,
        needs_reason=reason or tier is Tier.TYPE,
        production=bool(production),
        clusters=frozenset(clusters),
    )


def clusters_of_bundle(store: FleetStore, bundle: str) -> list[str]:
    """Names of the clusters a bundle is placed on."""
    return [each.cluster for each in store.placements.values() if each.bundle == bundle]
