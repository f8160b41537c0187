"""Facts about a cluster itself: whether it answers, whether it is the same one, what it remembers.

Part of `fleet.state.facts`, which is where they are imported from.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from fleet.state.fact import Fact


class ClusterConnected(Fact, frozen=True, kw_only=True):
    """A cluster answers, for the first time or again."""

    cluster: str
    version: str
    identity: str = ""
    """What tells it from any other cluster; empty: not known."""


class ClusterReplaced(Fact, frozen=True, kw_only=True):
    """Another cluster answers under the name, or it lost all its data: it is rebuilt from Git."""

    cluster: str
    was: str
    now: str


class ClusterRebuilt(Fact, frozen=True, kw_only=True):
    """All that a replaced cluster should hold is there and healthy."""

    cluster: str
    seconds: float
    """Since it was seen to be another one."""
    bundles: int


class ApplySetRecalled(Fact, frozen=True, kw_only=True):
    """Objects on a cluster were known to its own record only; they are looked after again."""

    cluster: str
    objects: int


class MirrorChanged(Fact, frozen=True, kw_only=True):
    """Whether a cluster keeps the record of its apply set; with a reason, it does not."""

    cluster: str
    reason: str


class ClusterLost(Fact, frozen=True, kw_only=True):
    """A cluster does not answer as it should."""

    cluster: str
    reason: str
    free_at: datetime | None = None
    """When another server's right to write to it runs out, as far as that was known then."""


class ClusterQuarantined(Fact, frozen=True, kw_only=True):
    """The reconciler of a cluster crashed and stays stopped."""

    cluster: str
    error: str


class ClusterReleased(Fact, frozen=True, kw_only=True):
    """A quarantined cluster is reconciled again."""

    cluster: str


class AuditDisagreed(Fact, frozen=True, kw_only=True):
    """A dry-run apply differs from what we believed of an object: the engine may be wrong."""

    cluster: str
    bundle: str
    object: str
    paths: Sequence[str]
    manager: str


class AuditPassed(Fact, frozen=True, kw_only=True):
    """An audit after one that disagreed found nothing any more."""

    cluster: str
    objects: int
