"""Places one can go to that are no entity of the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.view import (
    BundleOnCluster,
    BundleView,
    ClusterView,
    DriftView,
    EventView,
    NeedView,
    RolloutView,
)
from tui.actions import Action
from tui.content.drift_inbox import DriftGroup
from tui.model.queries import Approval, subject_of_need
from tui.model.store import FleetStore
from tui.orders.plans import RolloutCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """A cluster at one of its tabs, or at one of its objects."""

    name: str
    tab: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlace:
    """The search for a text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPlace:
    """The keys of a view."""

    view: str
    actions: Sequence[Action]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPlace:
    """The settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendsPlace:
    """Numbers over time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPlace:
    """The log of a cluster, of a bundle, of both at once, or of everything."""

    cluster: str = ""
    bundle: str = ""

    @property
    def title(self) -> str:
        """What it is the log of."""
        return " @ ".join(part for part in (self.bundle, self.cluster) if part) or "everything"

    def holds(self, event: EventView) -> bool:
        """Whether an event belongs into it."""
        return (not self.cluster or event.cluster == self.cluster) and (
            not self.bundle or event.bundle == self.bundle
        )


def log_of(store: FleetStore, subjects: Sequence[object]) -> LogPlace:
    """The log that tells most of the first of `subjects`."""
    subject = subjects[0] if subjects else None
    if isinstance(subject, NeedView):
        subject = subject_of_need(store, subject)
    match subject:
        case ClusterView(name=name):
            return LogPlace(cluster=name)
        case BundleView(name=name) | RolloutView(bundle=name):
            return LogPlace(bundle=name)
        case (
            BundleOnCluster(cluster=cluster, bundle=name) | DriftView(cluster=cluster, bundle=name)
        ):
            return LogPlace(cluster=cluster, bundle=name)
        case Approval(rollout=rollout):
            return LogPlace(bundle=rollout.bundle)
        case RolloutCluster(rollout=rollout, name=cluster):
            return LogPlace(cluster=cluster, bundle=rollout.bundle)
        case DriftGroup(first=first):
            return LogPlace(bundle=first.bundle)
        case _:
            return LogPlace()
