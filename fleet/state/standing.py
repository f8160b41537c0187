"""What the state is made of: assignments, what is known of clusters, open drift.

Changed by `fleet.state.fleet` only, as facts are folded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from clusters.model import Contest, Digest, digest_of
from fleet.state import facts

EMPTY_DIGEST: Digest = digest_of(b"")
"""The content of a withdrawn bundle: nothing."""


@dataclass(slots=True, kw_only=True)
class Mark:
    """That a person did something, why and when."""

    actor: str
    reason: str
    at: datetime


class Origin(NamedTuple):
    """The commits that a content comes from: of its own repository, and of the fleet's."""

    revision: str
    fleet_revision: str


RECALLED = "recalled from the cluster's own record"
"""Cause of an assignment that was not made but found, after the loss of the database."""


@dataclass(slots=True, kw_only=True)
class Assignment:
    """What one cluster should hold of one bundle."""

    digest: str
    revision: str
    """The commit of the repository that the bundle's files are in."""
    since: datetime
    fleet_revision: str = ""
    """The commit of the fleet repository whose documents made this of it; empty: unknown."""
    cause: str = ""
    withdrawn: bool = False
    converged: bool = False
    degraded: bool = False
    good_digest: str = ""
    """The newest content that was healthy here."""
    good_revision: str = ""
    good_fleet_revision: str = ""
    prune_waits: facts.PruneWaits | None = None
    """Deletions that wait for a person's word."""
    confirmed_prunes: tuple[str, ...] = ()
    """Objects of which a person read that they would be deleted with this content, and agreed."""
    uninstall: bool = False
    """The bundle says that all of it goes where there is nothing to go back to."""
    prune_later: bool = False
    """What this content no longer names stays until the rollout prunes."""
    prune_hold: str = ""
    """Why the rollout had its deletions wait for a person."""
    takes: tuple[Contest, ...] = ()
    """Fields of this content that a person decided to take from who holds them."""
    leaves: tuple[Contest, ...] = ()
    """Fields of this content that a person decided to leave to who holds them."""

    def became_good(self) -> None:
        """What it holds is the newest content that was healthy here."""
        self.good_digest, self.good_revision = self.digest, self.revision
        self.good_fleet_revision = self.fleet_revision


@dataclass(slots=True, kw_only=True)
class ClusterFacts:
    """What is known for good of one cluster."""

    connected: bool = False
    version: str = ""
    reason: str = ""
    since: datetime | None = None
    quarantined: str = ""
    identity: str = ""
    """What tells it from any other cluster, where that was seen."""
    replaced_at: datetime | None = None
    """Since when it is being rebuilt; None: it is not."""
    rebuilt: facts.ClusterRebuilt | None = None
    """Its last rebuilding."""
    mirror_trouble: str = ""
    """Why it does not keep the record of its apply set; empty: it does."""
    disagreements: dict[str, facts.AuditDisagreed] = field(default_factory=dict)
    """Object to what an audit found there that nobody had reported."""


@dataclass(slots=True, kw_only=True)
class OpenDrift:
    """A drift that was not corrected yet, or a short while ago."""

    seen: facts.DriftSeen
    ended: datetime | None = None
    corrected: bool = False
    fighting: bool = False
    note: str = ""


def next_assignment(
    before: Assignment | None, digest: str, came: Origin, at: datetime, cause: str
) -> Assignment:
    """What follows an assignment: what was known of the same content goes on to hold."""
    same = before is not None and before.digest == digest
    return Assignment(
        digest=digest,
        revision=came.revision,
        fleet_revision=came.fleet_revision,
        since=before.since if before and same else at,
        cause=cause,
        converged=bool(before and same and before.converged),
        degraded=bool(before and same and before.degraded),
        good_digest=before.good_digest if before else "",
        good_revision=before.good_revision if before else "",
        good_fleet_revision=before.good_fleet_revision if before else "",
        prune_waits=before.prune_waits if before and same else None,
        confirmed_prunes=before.confirmed_prunes if before and same else (),
        uninstall=bool(before and same and before.uninstall),
        prune_later=bool(before and same and before.prune_later),
        prune_hold=before.prune_hold if before and same else "",
        takes=before.takes if before and same else (),
        leaves=before.leaves if before and same else (),
    )
