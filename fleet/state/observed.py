"""What the clusters say of themselves at this moment.  Not stored: after a restart it is unknown.

Owned by the coordinator, changed only by `take`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from clusters.events import (
    BundleObserved,
    ClusterEvent,
    Connected,
    Disconnected,
    MirrorRead,
    ReconcilerCrashed,
)


@dataclass(slots=True, kw_only=True)
class Contact:
    """Whether a cluster answers.  Before the first word of it, `known` is False."""

    known: bool = False
    connected: bool = False
    version: str = ""
    latency_ms: float | None = None
    last_seen: datetime | None = None
    reason: str = ""
    silence: str = ""
    """Why nothing is heard, in two words; empty while something is."""
    retry_at: datetime | None = None
    free_at: datetime | None = None
    """When another server's right to write runs out, should nothing more be heard of it."""


@dataclass(slots=True, kw_only=True)
class Observed:
    """The newest word of every cluster."""

    contacts: dict[str, Contact] = field(default_factory=dict)
    bundles: dict[str, dict[str, BundleObserved]] = field(default_factory=dict)
    """Cluster to bundle to how it stands there."""

    def contact(self, cluster: str) -> Contact:
        """The contact of a cluster; an unknown one if nothing was heard yet."""
        return self.contacts.get(cluster) or Contact()

    def bundle(self, cluster: str, bundle: str) -> BundleObserved | None:
        """How a bundle stands on a cluster that answers; None while that is unknown."""
        if not self.contact(cluster).connected:
            return None
        return self.bundles.get(cluster, {}).get(bundle)

    def take(self, event: ClusterEvent) -> None:
        """Take in what a reconciler reports."""
        if isinstance(event, MirrorRead):
            return  # it can be read where we may not write yet: no contact, as people mean it
        contact = self.contacts.setdefault(event.cluster, Contact())
        contact.known = True
        match event:
            case Connected():
                contact.connected, contact.reason, contact.retry_at = True, "", None
                contact.silence, contact.free_at = "", None
                contact.version, contact.latency_ms = event.version, event.latency_ms
                contact.last_seen = event.at
            case Disconnected():
                contact.connected, contact.reason = False, event.reason
                contact.silence, contact.free_at = event.silence.value, event.free_at
                contact.retry_at = event.at + timedelta(seconds=event.retry_in_s)
                self.bundles.pop(event.cluster, None)
            case ReconcilerCrashed():
                contact.connected, contact.reason, contact.silence = False, event.error, ""
                contact.free_at = None
                self.bundles.pop(event.cluster, None)
            case BundleObserved():
                contact.last_seen = event.at
                self.bundles.setdefault(event.cluster, {})[event.bundle] = event
            case _:
                contact.last_seen = event.at

    def forget(self, cluster: str) -> None:
        """A cluster left the inventory."""
        self.contacts.pop(cluster, None)
        self.bundles.pop(cluster, None)
