"""Agreeing to a rollout's next stage: what is agreed to is shown first, and is what is sent."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fleet.cli.connection import ServerOption, TokenOption, client, person
from fleet.cli.output import EXIT_USAGE, fail, printable, say
from fleet.view import CommandRequest, RolloutView

HASH_SHOWN = 12


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
            _ask(rollout, plan_hash, yes=yes)
    arguments: dict[str, object] = {"gate": gate, "stage": stage, "planHash": plan_hash}
    result = api.command(
        CommandRequest(
            command="approve",
            target=f"rollout/{rollout}",
            reason=reason,
            arguments={key: value for key, value in arguments.items() if value},
            actor=person(),
        )
    )
    say(result.message)


def _ask(rollout: str, plan_hash: str, *, yes: bool) -> None:
    """Let a person at a terminal decide; a script has to say what it agrees to."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        short = plan_hash[:HASH_SHOWN]
        fail(
            f"nothing is approved: say which plan was read, `flotilla approve {rollout} --plan "
            f"{short}`, or agree to whatever it is now with --yes",
            EXIT_USAGE,
        )
    typer.confirm(f"Approve plan {plan_hash[:HASH_SHOWN]}?", abort=True, err=True)


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
        f"clusters change, {stage.max_concurrency} at once; {stage.bound}"
        for stage in rollout.stages
    ]
    lines += [f"  {change}" for change in rollout.changes]
    lines += [f"  waits: {sentence}" for sentence in rollout.waiting_on]
    return lines
