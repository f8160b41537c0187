"""What one reconciler keeps from one connection to the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from clusters.engine.reporter import Reporter
from clusters.engine.terms import Terms
from clusters.events import ClusterEvent
from clusters.fields.rules import ObjectRules
from clusters.model import ClusterName, DesiredState, ObjectRef
from clusters.records import FieldSets, Journal, Record


@dataclass(slots=True, kw_only=True)
class Site:
    """One cluster as its reconciler knows it.  Owned by that one; its parts share it."""

    cluster: ClusterName
    terms: Terms
    journal: Journal
    report: Callable[[ClusterEvent], Awaitable[None]]
    field_sets: FieldSets
    reporter: Reporter
    records: dict[ObjectRef, Record] = field(default_factory=dict)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be something to do."""
    desired: DesiredState | None = None
    rules: Mapping[ObjectRef, ObjectRules] | None = None
    """What bundles say of single objects, when they were last looked at."""
    audit_at: float = 0.0
    """When the next audit is due (monotonic seconds); 0: not known yet."""
