"""What went wrong first, in words: the cause that is still told when all of it is rolled back."""

from __future__ import annotations

from fleet.model import StageName
from fleet.rollout.state import BREACHES, Rollout, StopCause

_WENT_WRONG = BREACHES | {StopCause.REJECTED, StopCause.UNREACHABLE}


def first_failure(rollout: Rollout, stage: StageName | None = None) -> str:
    """Name the cluster that failed first, in one stage or in all, and its trouble; empty: none."""
    failed = [
        entry
        for entry in rollout.clusters.values()
        if entry.counted and entry.trouble and (stage is None or entry.seat.stage == stage)
    ]
    if not failed:
        return ""
    first = min(failed, key=lambda entry: (entry.since, entry.seat.index))
    return f"{first.name}: {first.trouble}"


def with_cause(reason: str, rollout: Rollout) -> str:
    """Add to a person's reason for going back what had gone wrong before, if anything had."""
    stop = rollout.stop
    if stop is not None and stop.cause in _WENT_WRONG:
        return f"{reason} (it had stopped: {stop.reason})"
    failed = first_failure(rollout)
    return f"{reason} (failed there: {failed})" if failed else reason
