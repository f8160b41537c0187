"""The command `flotilla`: puts the groups of commands together and says errors in one way."""

from __future__ import annotations

import inspect
import os
import sys
from importlib.metadata import entry_points, version

import typer

from fleet.api.errors import ApiError, NotAuthorised, Refused, ServerUnreachable
from fleet.cli import (
    act,
    approving,
    audit,
    cluster,
    demo,
    doctor,
    get,
    look,
    repository,
    server,
    travel,
)
from fleet.cli.helptext import help_text
from fleet.cli.output import (
    EXIT_CONFLICT,
    EXIT_DENIED,
    EXIT_FAILED,
    EXIT_UNREACHABLE,
    say,
)

app = typer.Typer(
    name="flotilla",
    help="GitOps for a fleet of Kubernetes clusters, in your terminal.",
    no_args_is_help=False,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command in (
    demo.demo,
    server.server,
    repository.init,
    repository.validate,
    repository.plan,
    get.get,
    look.tree,
    look.diff,
    look.why,
    look.events,
    act.reconcile,
    act.suspend,
    act.resume,
    act.confirm_prune,
    act.confirm_shrink,
    act.acknowledge,
    approving.approve,
    act.reject,
    act.rollout,
    act.rollback,
    travel.history,
    travel.simulate,
    doctor.doctor,
):
    app.command()(_command)
app.add_typer(cluster.app, name="cluster")
app.add_typer(audit.app, name="audit")
for _group in (app, cluster.app, audit.app):
    for _registered in _group.registered_commands:
        _registered.help = help_text(inspect.getdoc(_registered.callback))


@app.command("tui", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def tui(context: typer.Context) -> None:
    """Open the terminal interface on the running server.

    Examples:
        flotilla tui
        flotilla tui --read-only
    """
    _open_tui(context.args)


@app.command("version")
def show_version() -> None:
    """Print the version."""
    print(version("flotilla-gitops"))


_ROOT_HELP = """GitOps for a fleet of Kubernetes clusters, in your terminal.

Examples:
    flotilla demo                 a whole fleet on this machine, in seconds
    flotilla                      the terminal interface
    flotilla get needs            what waits for somebody
    flotilla why cluster prod-1   why it is as it is
"""


@app.callback(invoke_without_command=True, help=help_text(_ROOT_HELP))
def root(context: typer.Context) -> None:
    """Open the terminal interface when no command is given, or say which there are."""
    if context.invoked_subcommand is not None:
        return
    if sys.stdout.isatty():
        _open_tui([])
    else:
        print(context.get_help())


def _open_tui(arguments: list[str]) -> None:
    # The terminal interface registers itself: nothing here imports it.
    for found in entry_points(group="flotilla.ui", name="tui"):
        raise SystemExit(found.load()(arguments))
    say("Error: this installation has no terminal interface")
    raise SystemExit(EXIT_FAILED)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except ApiError as error:
        say(f"Error: {error}")
        raise SystemExit(_code(error)) from None
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _code(error: ApiError) -> int:
    match error:
        case ServerUnreachable():
            return EXIT_UNREACHABLE
        case NotAuthorised():
            return EXIT_DENIED
        case Refused(status=409):
            return EXIT_CONFLICT
        case Refused(status=403):
            return EXIT_DENIED
        case _:
            return EXIT_FAILED


if __name__ == "__main__":
    main()
