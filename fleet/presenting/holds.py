"""Releases on hold: what was rolled back, why, and what ends the hold.  Pure."""

from __future__ import annotations

from fleet.rollout.state import HoldState, Phase, Rollout
from fleet.state.travel import Travel


def on_hold(travel: Travel, bundle: str) -> Rollout | None:
    """The newest rollout of the bundle, if its release was rolled back and is on hold."""
    rollouts = travel.of(bundle)
    newest = rollouts[-1] if rollouts else None
    if newest is None or newest.hold is not HoldState.PLACED:
        return None
    return newest if newest.phase is Phase.ROLLED_BACK else None


def hold_reason(rollout: Rollout) -> str:
    """Why it is on hold, and what ends that."""
    reason = rollout.undo.reason if rollout.undo else "it was rolled back"
    return f"{reason}; {_way_out(rollout)}, or release the hold"


def hold_sentence(rollout: Rollout) -> str:
    """Which release is on hold, why, and the command that lets it travel again."""
    release = rollout.plan.release.revision[:8]
    command = f'flotilla rollout release-hold {rollout.id} -r "…"'
    return f"{release} is on hold: {hold_reason(rollout)} (`{command}`)"


def _way_out(rollout: Rollout) -> str:
    """What ends a hold for good: a fix, or the revert that was proposed to Git."""
    revert = rollout.revert
    if revert is None or not (revert.branch or revert.problem):
        return "commit a fix"
    if revert.url:
        return f"merge the revert ({revert.url}) or commit a fix"
    if revert.branch:
        return f"merge the revert (branch {revert.branch}; {revert.problem}) or commit a fix"
    return f"commit a fix ({revert.problem})"
