"""What a cluster remembers for us of a bundle, beyond its release: brakes, and where to go back to.

Pure.  Clusters keep it in their record (`clusters.bookkeeping.mirror`) without reading it.  It is
read only after the loss of the database, and believed only where it makes us more careful
(ADR 17): a suspension, the reason of a hold, and the commit of the last good release, which counts
only if Git's own history has it.
"""

from __future__ import annotations

import msgspec

from fleet.state.fleet import FleetState
from fleet.state.standing import Assignment

REASON_MAX = 500
"""Characters of a reason that are kept: a record has little room, and people write at length."""


class Brake(msgspec.Struct, frozen=True, kw_only=True):
    """A suspension, as a person gave it."""

    actor: str = ""
    reason: str = ""


class Memo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One bundle on one cluster."""

    good: str = ""
    """Commit of the newest release that was good there, where another one is assigned."""
    held: str = ""
    """Why a release of the bundle is on hold; empty: none is."""
    cluster: Brake | None = None
    """The suspension of the cluster."""
    bundle: Brake | None = None
    """The suspension of the bundle."""


NOTHING = Memo()


def memo_of(state: FleetState, cluster: str, bundle: str, entry: Assignment) -> str:
    """What the cluster should remember, as text; empty: nothing."""
    held = sorted(set(state.travel.held.get(bundle, {}).values()))
    memo = Memo(
        good=entry.good_revision if entry.good_digest not in ("", entry.digest) else "",
        held="; ".join(held)[:REASON_MAX],
        cluster=_brake(state, f"cluster/{cluster}"),
        bundle=_brake(state, f"bundle/{bundle}"),
    )
    return "" if memo == NOTHING else msgspec.json.encode(memo).decode()


def _brake(state: FleetState, target: str) -> Brake | None:
    mark = state.suspended.get(target)
    return Brake(actor=mark.actor, reason=mark.reason[:REASON_MAX]) if mark else None


def read_memo(text: str) -> Memo:
    """Read it back.  Somebody may have changed it: what cannot be understood says nothing."""
    try:
        return msgspec.json.decode(text, type=Memo) if text else NOTHING
    except (msgspec.MsgspecError, RecursionError):
        return NOTHING
