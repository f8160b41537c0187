"""What a plan for one cluster is made of: writes, deletions, and what must wait, with reasons.

Values only; `plan` makes them, `applier` carries them out, `summary` and `reporter` tell of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clusters.fields.rules import Spare
from clusters.model import AdoptPolicy, BundleName, Contest, Manifest, ObjectRef


class Cause(StrEnum):
    """Why an object is written."""

    NEW = "new"
    CHANGED = "changed"
    UNCONFIRMED = "unconfirmed"
    DRIFTED = "drifted"
    MISSING = "missing"
    RECLAIM = "reclaim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """Write one object."""

    manifest: Manifest
    bundle: BundleName
    cause: Cause
    force: bool
    """Take fields from whoever holds them."""
    retake: bool = False
    """Take back fields that others hold now, if all of them were ours before."""
    takes: frozenset[Contest] = frozenset()
    """Fields of it to take, because a person said so."""
    tried: str = ""
    """Names `spares` and `takes`: what failed under others is tried again at once."""
    spares: tuple[Spare, ...] = ()
    """What of it is left to others, if the object exists; needs a look at it first."""
    adopt: AdoptPolicy | None = None
    """Nothing of ours should be there; what to do if something is.  None: it is ours."""
    replace: bool = False
    """Whether it may be deleted and made anew, where a field cannot be changed."""
    leaves_drift: bool = False
    """Some of `spares` is drift that is only reported: it goes on after this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Delete one object, if it still is the one with `uid`, just as it was seen."""

    ref: ObjectRef
    bundle: BundleName
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detach:
    """Let go of one object: it stays on the cluster, without our marks and ownership."""

    ref: ObjectRef
    bundle: BundleName
    uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPrune:
    """Objects that are kept although they left the desired state."""

    bundle: BundleName
    refs: tuple[ObjectRef, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Something of a bundle is not done now; `reason` says what it waits for."""

    bundle: BundleName
    ref: ObjectRef | None
    reason: str
    refused: bool = False
    """Our credentials may not: it stays so until a person changes something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that can be done now, in order, and all that cannot, with reasons."""

    applies: tuple[Apply, ...] = ()
    prunes: tuple[Prune, ...] = ()
    detaches: tuple[Detach, ...] = ()
    forgets: tuple[ObjectRef, ...] = ()
    """Members of the apply set that are already gone, or no longer ours."""
    held: tuple[HeldPrune, ...] = ()
    waits: tuple[Wait, ...] = ()
    retry_at: float | None = None
    """When time alone will change the plan (monotonic seconds), or None."""
    unserved: bool = False
    """Something waits for a kind that the cluster does not serve: somebody may install it."""

    @property
    def acts(self) -> bool:
        """Whether anything is to be done now."""
        return bool(self.applies or self.prunes or self.detaches or self.forgets)
