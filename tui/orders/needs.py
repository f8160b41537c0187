"""What actions mean for needs that are about no thing of their own.

Contested fields, holds, gates that could not be judged, commits that take clusters away.  Pure;
`tui.orders.choosing` chooses among them.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet.view import BundleView, NeedView, RolloutView
from tui.model.store import FleetStore
from tui.orders.plans import NotNow, Plan, RolloutCluster, Tier, clusters_of_bundle, one

TAKEOVER = "takeover/"
"""How ids of needs begin that ask whose a field is: `takeover/ROLLOUT/CLUSTER`."""


def contest_of(subject: object, store: FleetStore) -> NeedView | None:
    """The need that asks whose a field is, for a rollout or one of its clusters."""
    match subject:
        case RolloutCluster(rollout=rollout, name=name):
            head = f"{TAKEOVER}{rollout.id}/{name}"
        case RolloutView(id=name):
            head = f"{TAKEOVER}{name}/"
        case _:
            return None
    return next((need for need in store.needs.values() if need.id.startswith(head)), None)


def take_over(need: NeedView, store: FleetStore) -> Plan:
    """Let the release take a field that somebody else holds."""
    return _decide(
        need, store, command="takeOver", verb="Take over", fact="the release's value is written"
    )


def leave_field(need: NeedView, store: FleetStore) -> Plan:
    """Leave a field to whoever holds it, from now on."""
    return _decide(
        need, store, command="leaveField", verb="Leave it", fact="the field stays as others set it"
    )


def _decide(need: NeedView, store: FleetStore, *, command: str, verb: str, fact: str) -> Plan:
    rollout, _, cluster = need.id.removeprefix(TAKEOVER).rpartition("/")
    return one(
        command, f"rollout/{rollout}", store=store, verb=verb, scope=cluster, tier=Tier.TYPE,
        title=f"{verb}: {need.subject}", reason=True, clusters=[cluster],
        arguments={"clusters": [cluster]}, facts=[need.sentence, fact],
    )  # fmt: skip


def release_hold(subject: object, store: FleetStore) -> Plan | NotNow:
    """Let a release that was rolled back travel again."""
    match subject:
        case RolloutView(id=name) | RolloutCluster(rollout=RolloutView(id=name)):
            needs = [store.needs.get(f"hold/{name}")]
        case BundleView(name=name):
            found = [each.id for each in store.rollouts.values() if each.bundle == name]
            needs = [store.needs.get(f"hold/{each}") for each in found]
        case _:
            return NotNow("holds are released for rollouts and bundles")
    need = next((each for each in needs if each is not None), None)
    if need is None:
        return NotNow("nothing is on hold here")
    rollout = need.id.removeprefix("hold/")
    bundle = store.rollouts[rollout].bundle if rollout in store.rollouts else rollout
    return one(
        "releaseHold", f"rollout/{rollout}", store=store, verb="Release", scope=bundle,
        title=f"Release the hold on {need.subject.removesuffix(' on hold')}", tier=Tier.TYPE,
        reason=True, clusters=clusters_of_bundle(store, bundle),
        facts=[need.sentence, "the same content may be rolled out again"],
    )  # fmt: skip


def pass_gate(need: NeedView, store: FleetStore) -> Plan | NotNow:
    """Let a release through a gate that could not be judged."""
    rollout, stage, gate = need.id.removeprefix("approval/").rsplit("/", 2)
    return one(
        "passGate", f"rollout/{rollout}", store=store, verb="Pass", scope=stage, tier=Tier.TYPE,
        title=f"Pass gate {gate} of {need.subject}", reason=True,
        arguments={"stage": stage, "gate": gate}, facts=[need.sentence],
    )  # fmt: skip


def confirm_shrink(need: NeedView, store: FleetStore) -> Plan:
    """Let a commit that takes clusters away come into force."""
    return one(
        "confirmShrink", f"commit/{need.subject}", store=store, verb="Confirm", tier=Tier.TYPE,
        title=f"Let commit {need.subject} take away what it takes", scope=need.subject,
        reason=True, facts=[need.sentence],
    )  # fmt: skip


def of_need(action: str, need: NeedView) -> Callable[[NeedView, FleetStore], Plan | NotNow] | None:
    """What an action means for a need that is about no thing of its own, or None."""
    kind = need.id.partition("/")[0]
    match action, kind:
        case "approve", "takeover":
            return take_over
        case "reject", "takeover":
            return leave_field
        case "approve" | "confirm_prune", "shrink":
            return confirm_shrink
        case "approve", "approval" if " pass-gate " in need.command:
            return pass_gate
        case _:
            return None
