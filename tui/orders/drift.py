"""What actions mean for drift: one object, or all of a group at once.

Pure.  What is settled in a group is left out of what is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fleet.view import CommandRequest, DriftView
from tui.content.drift_inbox import DriftGroup, fields_of, object_name
from tui.model.store import FleetStore
from tui.orders.plans import NotNow, Plan, one
from tui.text import format as fmt


def put_back(subject: DriftView | DriftGroup, store: FleetStore) -> Plan | NotNow:
    """Overwrite what was changed with what is assigned."""
    drifts = [each for each in _drifts(subject) if each.state != "corrected"]
    if not drifts:
        return NotNow("this drift is already put back")
    return _of_all(
        subject, drifts, store, command="correctDrift", verb="Put back", reason=False,
        facts=[f"overwrites {_changes(drifts)}", f"held now by {_people(drifts)}"],
    )  # fmt: skip


def acknowledge(subject: object, store: FleetStore) -> Plan | NotNow:
    """Acknowledge drift: it stays, and a note says why."""
    if not isinstance(subject, DriftView | DriftGroup):
        return NotNow("only drift is acknowledged")
    settled = {"acknowledged", "corrected"}
    drifts = [each for each in _drifts(subject) if each.state not in settled]
    if not drifts:
        states = sorted({each.state for each in _drifts(subject)})
        return NotNow(f"this drift is {' or '.join(states)}")
    return _of_all(
        subject, drifts, store, command="acknowledgeDrift", verb="Acknowledge", reason=True,
        facts=["it stays as it is, and no longer asks for attention"],
    )  # fmt: skip


def _drifts(subject: DriftView | DriftGroup) -> Sequence[DriftView]:
    return subject.drifts if isinstance(subject, DriftGroup) else (subject,)


def _of_all(
    subject: DriftView | DriftGroup,
    drifts: Sequence[DriftView],
    store: FleetStore,
    *,
    command: str,
    verb: str,
    reason: bool,
    facts: Sequence[str],
) -> Plan:
    first = drifts[0]
    clusters = sorted({each.cluster for each in drifts})
    many = len(drifts) > 1
    name = f"{first.kind} {first.name}"
    scope = first.cluster
    if many and isinstance(subject, DriftGroup):
        same = {object_name(each) for each in drifts}
        name = name if len(same) == 1 else fmt.count(len(drifts), "object")
        scope = subject.title
    where = clusters[0] if len(clusters) == 1 else fmt.count(len(clusters), "cluster")
    told = [*facts, *([f"on {', '.join(clusters)}"] if len(clusters) > 1 else [])]
    made = one(
        command, f"drift/{first.id}", store=store, verb=verb, scope=scope, reason=reason,
        title=f"{verb} {name} on {where}", clusters=clusters, facts=told,
    )  # fmt: skip
    requests = tuple(
        CommandRequest(command=command, target=f"drift/{each.id}", arguments={}) for each in drifts
    )
    return replace(made, requests=requests)


def _changes(drifts: Sequence[DriftView]) -> str:
    fields = {fields_of(each) if each.paths else "the whole object" for each in drifts}
    return next(iter(fields)) if len(fields) == 1 else fmt.count(len(drifts), "object")


def _people(drifts: Sequence[DriftView]) -> str:
    return ", ".join(sorted({each.who for each in drifts}))
