"""On which terms one cluster is reconciled: what its owner decided, beside what it should hold."""

from __future__ import annotations

from dataclasses import dataclass

from clusters.bookkeeping.lease import WriteRight
from clusters.planning.guards import PruneBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for one cluster for as long as its reconciler runs."""

    selector: str
    """Label selector of all objects that are ours."""
    budget: PruneBudget = PruneBudget()
    """How much may be pruned without confirmation."""
    mirror_owner: str = ""
    """Under which name the cluster itself keeps the record of its apply set; empty: it does not."""
    identity: str = ""
    """What told the cluster from any other when it was last seen; empty: not known."""
    right: WriteRight | None = None
    """Who writes, and for which fleet; None: nobody else can be there."""
    audit_every_s: float = 3600.0
    """How often a sample of the objects is compared with a dry-run apply."""
