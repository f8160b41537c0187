"""Agreeing to what waits for it: what is agreed to is shown first, and its name is what is sent."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fleet.api.client import ApiClient
from fleet.cli.connection import ServerOption, TokenOption, client, person
from fleet.cli.output import EXIT_USAGE, fail, printable, say
from fleet.view import CommandRequest, DeletionsView, RolloutView
from fleet.view_deletions import hash_of_lists
from fleet.view_deletions import summary as summary_of_deletions

HASH_SHOWN = 12
OBJECTS_SHOWN = 20
"""Objects of each list that are named unless all are asked for."""


def approve(
    rollout: Annotated[str, typer.Argument(help="Its id, as `flotilla get rollouts` says.")],
    gate: Annotated[str, typer.Option("--gate", help="If several wait.")] = "",
    stage: Annotated[str, typer.Option("--stage", help="If several wait.")] = "",
    plan_hash: Annotated[
        str, typer.Option("--plan", help="The plan that was read: refused if it is another now.")
    ] = "",
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; agree to the plan as it is now.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Everybody will see it.")] = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Agree that a rollout goes into its next stage.

    Shows the plan and asks.  An approval is for one plan: scripts name the one they read.

    Examples:
        flotilla approve payments-4
        flotilla approve payments-4 --plan 9f3c1ab27d04 --reason "canaries are flat"
    """
    api = client(server, token_file)
    if not plan_hash:
        found = [each for each in api.snapshot().rollouts if each.id == rollout]
        if found:
            for line in summary(found[0]):
                say(printable(line))
            plan_hash = found[0].plan_hash
            short = plan_hash[:HASH_SHOWN]
            _ask(
                f"Approve plan {short}?",
                f"nothing is approved: say which plan was read, `flotilla approve {rollout} "
                f"--plan {short}`, or agree to whatever it is now with --yes",
                yes=yes,
            )
    arguments: dict[str, object] = {"gate": gate, "stage": stage, "planHash": plan_hash}
    _send(api, "approve", f"rollout/{rollout}", reason, arguments)


def confirm_prune(
    bundle: Annotated[str, typer.Argument(help="The bundle whose deletions are confirmed.")],
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", "-c", help="Only on these clusters.")
    ] = None,
    list_hash: Annotated[
        str, typer.Option("--list", help="The list that was read: refused if it is another now.")
    ] = "",
    show_all: Annotated[
        bool, typer.Option("--all", help="Name all objects, not only the first of each list.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask; agree to the list as it is now.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Everybody will see it.")] = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Confirm that objects which left Git may be deleted.

    Shows what would be deleted and asks.  A confirmation is for one list: scripts name the one they
    read, and what left Git after that waits for another.

    Examples:
        flotilla confirm-prune payments
        flotilla confirm-prune payments -c dev-1 -r "moved to its own namespace"
        flotilla confirm-prune payments --list 9f3c1ab27d04 -r "moved to its own namespace"
    """
    api = client(server, token_file)
    chosen = cluster or []
    if not list_hash:
        needs = api.snapshot().needs
        found = [n.deletions for n in needs if n.deletions and n.deletions.bundle == bundle]
        if found:
            list_hash = _read(found[0], chosen, show_all=show_all)
            short = list_hash[:HASH_SHOWN]
            where = "".join(f" -c {name}" for name in chosen)
            _ask(
                "Delete all of it?",
                "nothing is confirmed: say which list was read, `flotilla confirm-prune "
                f"{bundle}{where} --list {short}`, or agree to whatever it is now with --yes",
                yes=yes,
            )
    arguments: dict[str, object] = {"clusters": chosen, "listHash": list_hash}
    _send(api, "confirmPrune", f"bundle/{bundle}", reason, arguments)


def _read(deletions: DeletionsView, clusters: list[str], *, show_all: bool) -> str:
    """Show what would be deleted, and name it."""
    if calm := sorted(set(clusters) - deletions.hashes.keys()):
        fail(f"no deletion of bundle {deletions.bundle} waits on {', '.join(calm)}")
    hashes = {
        name: each for name, each in deletions.hashes.items() if not clusters or name in clusters
    }
    named = hash_of_lists(hashes)
    say(printable(f"Bundle {deletions.bundle}, list {named[:HASH_SHOWN]}: would be deleted"))
    for line in summary_of_deletions(deletions, clusters, most=0 if show_all else OBJECTS_SHOWN):
        say(printable(f"  {line}"))
    if any(
        each.total > (len(each.objects) if show_all else OBJECTS_SHOWN) for each in deletions.lists
    ):
        more = "" if show_all else "--all names more, and "
        say(f"  {more}`flotilla tree CLUSTER --bundle {deletions.bundle}` shows every object")
    return named


def _ask(question: str, otherwise: str, *, yes: bool) -> None:
    """Let a person at a terminal decide; a script has to say what it agrees to."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(otherwise, EXIT_USAGE)
    typer.confirm(question, abort=True, err=True)


def _send(
    api: ApiClient, command: str, target: str, reason: str, arguments: dict[str, object]
) -> None:
    given = {key: value for key, value in arguments.items() if value}
    request = CommandRequest(
        command=command, target=target, reason=reason, arguments=given, actor=person()
    )
    say(api.command(request).message)


def summary(rollout: RolloutView) -> list[str]:
    """Say what an approval of a rollout agrees to, in a few lines."""
    before = rollout.from_revision[:8] or "nothing"
    lines = [
        (
            f"Rollout {rollout.id}: {rollout.bundle} from {before} to {rollout.to_revision[:8]} "
            f"«{rollout.subject}» by {rollout.author}"
        ),
        f"Plan {rollout.plan_hash[:HASH_SHOWN]}",
    ]
    lines += [
        f"  stage {stage.name} ({stage.state}): {stage.total - stage.unchanged} of {stage.total} "
        f"clusters change, {stage.at_once}; {stage.bound}"
        for stage in rollout.stages
    ]
    lines += [f"  {change}" for change in rollout.changes]
    lines += [f"  waits: {sentence}" for sentence in rollout.waiting_on]
    return lines
