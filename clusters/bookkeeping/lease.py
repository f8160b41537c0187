"""The right to write to a cluster: one server at a time, proved on the cluster itself.

A Lease object holds who writes, since when, and a generation that grows whenever the right changes
hands (`leaseTransitions`).  Pure: `lease_keeper` reads and writes it.

* Whoever holds it keeps it as long as it is renewed; another server waits.
* A server that was silent for the duration has lost it: the next one takes it, and the old one,
  should it wake up, finds a newer generation and writes no more.
* The same server started anew (same database, later start) takes it from its predecessor at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clusters.errors import Fenced
from clusters.model import ClusterName

LEASE_NAMESPACE = "flotilla-system"
_IDENTITY = re.compile(
    r"(?P<host>[^_]*)_(?P<server>[0-9a-f]+)\.(?P<start>\d+)\.(?P<process>[0-9a-f]+)/(?P<cluster>.+)"
)
_HOST = re.compile(r"[^A-Za-z0-9.-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTerms:
    """How long the right lasts, and how often it is renewed."""

    duration_s: float = 90.0
    """Silence after which another server may take it."""
    renew_s: float = 30.0
    usable_s: float = 60.0
    """Without a renewal for so long, its holder stops writing by itself."""

    @classmethod
    def lasting(cls, duration_s: float) -> LeaseTerms:
        """Terms in the usual proportions."""
        return cls(duration_s=duration_s, renew_s=duration_s / 3, usable_s=duration_s * 2 / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One start of one server."""

    host: str
    """For people."""
    server: str
    """Names its database: the same for every start on it."""
    start: int
    """Grows with each start on the same database."""
    process: str
    """Random: two copies of one database are two servers."""

    def identity(self, cluster: ClusterName) -> str:
        """How it signs on a cluster: two names for one cluster are two writers, too."""
        host = _HOST.sub("-", self.host)
        return f"{host}_{self.server}.{self.start}.{self.process}/{cluster}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRight:
    """What a reconciler needs to ask for the right."""

    fleet: str
    """Several fleets may share a cluster: each has a right of its own."""
    writer: Writer
    terms: LeaseTerms = LeaseTerms()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the Lease object says."""

    identity: str = ""
    """Empty: nobody's."""
    generation: int = 0
    renewed_at: datetime | None = None
    duration_s: float = 0.0

    def left_s(self, now: datetime) -> float:
        """Seconds until it has run out."""
        if not self.identity or self.renewed_at is None:
            return 0.0
        return (self.renewed_at + timedelta(seconds=self.duration_s) - now).total_seconds()


def obstacle(held: Held, writer: Writer, cluster: ClusterName, now: datetime) -> Fenced | None:
    """Say why `writer` may not take the right; None: it may, or has it already."""
    mine = writer.identity(cluster)
    left_s = held.left_s(now)
    if held.identity == mine or left_s <= 0:
        return None
    other = _IDENTITY.fullmatch(held.identity)
    if other is not None and other["server"] == writer.server:
        if int(other["start"]) < writer.start:
            return None  # our predecessor, which is gone: its database is ours
        if other["process"] == writer.process:
            return Fenced(
                f"this is the cluster that is called {other['cluster']} as well: remove one of the "
                "two Cluster documents",
                retry_after_s=min(left_s, _ASK_AGAIN_S),
            )
    who = f"the server on {other['host']}" if other is not None else held.identity
    return Fenced(
        f"{who} writes to this cluster (generation {held.generation}), so this one does not: stop "
        f"one of them; the right is free {held.duration_s:.0f} s after its last sign of life",
        retry_after_s=min(left_s, _ASK_AGAIN_S),
        free_at=now + timedelta(seconds=left_s),
    )


_ASK_AGAIN_S = 15.0


def lost_to(held: Held) -> Fenced:
    """Say that another server has taken over meanwhile."""
    other = _IDENTITY.fullmatch(held.identity)
    who = f"the server on {other['host']}" if other is not None else held.identity or "nobody"
    return Fenced(
        f"{who} has taken over the right to write to this cluster (generation {held.generation}): "
        "this server stopped writing; stop one of the two"
    )


def spec_of(held: Held) -> dict[str, object]:
    """Write the `spec` of the Lease object."""
    at = (held.renewed_at or datetime.now(UTC)).astimezone(UTC)
    text = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "holderIdentity": held.identity,
        "leaseDurationSeconds": max(1, round(held.duration_s)),
        "leaseTransitions": held.generation,
        "renewTime": text,
    }


def read_spec(spec: dict[str, object]) -> Held:
    """Read the `spec` of the Lease object, whoever wrote it; what makes no sense is left out."""
    renewed = spec.get("renewTime")
    generation = spec.get("leaseTransitions")
    duration = spec.get("leaseDurationSeconds")
    try:
        renewed_at = datetime.fromisoformat(str(renewed)) if renewed else None
    except ValueError:
        renewed_at = None
    return Held(
        identity=str(spec.get("holderIdentity") or ""),
        generation=generation if isinstance(generation, int) else 0,
        renewed_at=renewed_at,
        duration_s=float(duration) if isinstance(duration, int) else 0.0,
    )
