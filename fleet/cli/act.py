"""Commands that change something: each is one request, made once, recorded with who and why."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fleet.cli.connection import ServerOption, TokenOption, client, person
from fleet.cli.output import say
from fleet.view import CommandRequest


class Target(StrEnum):
    """What can be suspended."""

    CLUSTER = "cluster"
    BUNDLE = "bundle"


Name = Annotated[str, typer.Argument(help="Its name.")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; everybody will see it.")]


def _send(
    command: str,
    target: str,
    server: str | None,
    token_file: object,
    *,
    reason: str = "",
    arguments: dict[str, object] | None = None,
) -> None:
    result = client(server, token_file).command(  # type: ignore[arg-type]
        CommandRequest(
            command=command,
            target=target,
            reason=reason,
            arguments=arguments or {},
            actor=person(),
        )
    )
    say(result.message)


def suspend(
    kind: Annotated[Target, typer.Argument(help="cluster or bundle.")],
    name: Name,
    reason: Reason,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Stop all changes to a cluster or of a bundle; drift is still watched.

    Examples:
        flotilla suspend cluster prod-eu-3 --reason "kernel update until 14:00"
        flotilla suspend bundle payments -r "incident 4711"
    """
    _send("suspend", f"{kind}/{name}", server, token_file, reason=reason)


def resume(
    kind: Annotated[Target, typer.Argument(help="cluster or bundle.")],
    name: Name,
    reason: Reason = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Allow changes again; also takes a cluster out of quarantine.

    Examples:
        flotilla resume cluster prod-eu-3
    """
    _send("resume", f"{kind}/{name}", server, token_file, reason=reason)


def reconcile(
    target: Annotated[
        str, typer.Argument(help="fleet, git, cluster/NAME, bundle/NAME or drift/ID.")
    ] = "fleet",
    reason: Reason = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Look now: at Git, and at the clusters, retrying what failed.

    Examples:
        flotilla reconcile
        flotilla reconcile git
        flotilla reconcile cluster/prod-eu-3
    """
    command = "correctDrift" if target.startswith("drift/") else "reconcile"
    _send(command, target, server, token_file, reason=reason)


def confirm_shrink(
    commit: Annotated[str, typer.Argument(help="The commit that waits, as `get needs` says.")],
    reason: Reason,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Confirm that a commit may take away more clusters than `inventoryShrink` allows.

    Examples:
        flotilla confirm-shrink 9f3c1ab -r "the region us-west is being closed"
    """
    _send("confirmShrink", f"commit/{commit}", server, token_file, reason=reason)


def acknowledge(
    drift: Annotated[str, typer.Argument(help="Its id, as `flotilla get drift -o name` says.")],
    reason: Reason,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Note that a drift is known, so that it needs nobody any more.

    Examples:
        flotilla acknowledge prod-eu-1/web/Deployment.apps/shop/web -r "load test until Friday"
    """
    _send("acknowledgeDrift", f"drift/{drift}", server, token_file, reason=reason)


Rollout = Annotated[str, typer.Argument(help="Its id, as `flotilla get rollouts` says.")]


def reject(
    rollout: Rollout,
    reason: Reason,
    gate: Annotated[str, typer.Option("--gate", help="If several wait.")] = "",
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Say no to a rollout's next stage: it halts.

    Examples:
        flotilla reject payments-4 --reason "errors on prod-eu-1"
    """
    arguments: dict[str, object] = {"gate": gate} if gate else {}
    _send("reject", f"rollout/{rollout}", server, token_file, reason=reason, arguments=arguments)


class Verb(StrEnum):
    """What can be done with a rollout."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    RETRY = "retry"
    SKIP = "skip"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RELEASE_HOLD = "release-hold"
    PASS_GATE = "pass-gate"  # noqa: S105 - a verb
    BYPASS_WINDOW = "bypass-window"
    TAKE_OVER = "take-over"
    LEAVE_FIELD = "leave-field"


_COMMANDS = {
    Verb.RESUME: "resumeRollout",
    Verb.RELEASE_HOLD: "releaseHold",
    Verb.PASS_GATE: "passGate",
    Verb.BYPASS_WINDOW: "bypassWindow",
    Verb.TAKE_OVER: "takeOver",
    Verb.LEAVE_FIELD: "leaveField",
}


def rollout(
    verb: Annotated[Verb, typer.Argument(help="What to do.")],
    name: Rollout,
    reason: Reason = "",
    cluster: Annotated[
        list[str] | None,
        typer.Option("--cluster", "-c", help="For retry, skip, rollback and takeovers."),
    ] = None,
    stage: Annotated[
        str, typer.Option("--stage", help="For promote, pass-gate and rollback.")
    ] = "",
    gate: Annotated[str, typer.Option("--gate", help="For pass-gate, if several wait.")] = "",
    window: Annotated[str, typer.Option("--window", help="For bypass-window.")] = "",
    minutes: Annotated[
        float, typer.Option("--minutes", help="For bypass-window: for how long.")
    ] = 60.0,
    excuse: Annotated[
        bool, typer.Option("--excuse", help="For skip: do not count it as a failure.")
    ] = False,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Steer a rollout: pause, resume, abort, retry, skip, promote, rollback and more.

    Examples:
        flotilla rollout pause payments-4 -r "incident 4711"
        flotilla rollout skip payments-4 -c prod-us-3 -r "hardware is being replaced" --excuse
        flotilla rollout rollback payments-4 -r "error rate"
        flotilla rollout release-hold payments-3 -r "fixed in the database"
        flotilla rollout take-over payments-4 -c prod-1 -r "the load test is over"
        flotilla rollout leave-field payments-4 -c prod-1 -r "the autoscaler's from now on"
        flotilla rollout bypass-window payments-4 --window year-end --minutes 30 -r "CVE"
    """
    arguments: dict[str, object] = {}
    if cluster:
        arguments["clusters"] = cluster
    if stage:
        arguments["stage"] = stage
    if gate:
        arguments["gate"] = gate
    if excuse:
        arguments["excuse"] = True
    if window:
        arguments |= {"window": window, "forS": minutes * 60.0}
    command = _COMMANDS.get(verb, verb.value)
    _send(command, f"rollout/{name}", server, token_file, reason=reason, arguments=arguments)


def rollback(
    bundle: Annotated[str, typer.Argument(help="The bundle.")],
    reason: Reason,
    to: Annotated[
        str,
        typer.Option("--to", help="A commit, or last-good: what was good on each cluster before."),
    ] = "last-good",
    cluster: Annotated[
        list[str] | None, typer.Option("--cluster", "-c", help="Only these clusters.")
    ] = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Bring an earlier release of a bundle back, from its stored contents, and hold the newer one.

    Undoes the newest rollout: newest change first, as many clusters at once as the bundle's
    rollback.maxConcurrency and the fleet's guards allow.  Soaks, approvals and windows are not
    waited for: what comes back was good there before.

    Examples:
        flotilla rollback payments -r "error rate"
        flotilla rollback payments --to 9f3c1ab -r "the schema of 2.8 is wrong"
    """
    arguments: dict[str, object] = {"to": to}
    if cluster:
        arguments["clusters"] = cluster
    _send("rollback", f"bundle/{bundle}", server, token_file, reason=reason, arguments=arguments)
