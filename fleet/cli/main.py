"""The command `flotilla`: puts the groups of commands together and says errors in one way.

Only the command that was asked for is imported and built: the rest takes longer than it works.
"""

from __future__ import annotations

import gc
import inspect
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer

from fleet.api.errors import ApiError, NotAuthorised, Refused, ServerUnreachable
from fleet.cli.helptext import help_text
from fleet.cli.output import (
    EXIT_CONFLICT,
    EXIT_DENIED,
    EXIT_FAILED,
    EXIT_UNREACHABLE,
    say,
)

_COMMANDS = (
    ("demo", ("demo",)),
    ("server", ("server",)),
    ("repository", ("init", "validate", "plan")),
    ("get", ("get",)),
    ("look", ("tree", "diff", "why", "events")),
    ("act", ("reconcile", "suspend", "resume")),
    ("approving", ("confirm-prune",)),
    ("act", ("confirm-shrink", "acknowledge")),
    ("approving", ("approve",)),
    ("act", ("reject", "rollout", "rollback")),
    ("travel", ("history", "simulate")),
    ("doctor", ("doctor",)),
)
"""Modules and their commands, in the order of the help."""
_GROUPS = ("cluster", "audit")
"""Modules that are a command with commands of its own."""


def build(only: str = "") -> typer.Typer:
    """Put the command line together.

    Args:
        only: the one command that is wanted; what is none means all of them.
    """
    names = {name for _, commands in _COMMANDS for name in commands} | {*_GROUPS, *_OWN}
    wanted = {only} if only in names else names
    app = typer.Typer(
        name="flotilla",
        help="GitOps for a fleet of Kubernetes clusters, in your terminal.",
        no_args_is_help=False,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True, help=help_text(_ROOT_HELP))(root)
    for module, commands in _COMMANDS:
        for name in commands:
            if name in wanted:
                function = getattr(_module(module), name.replace("-", "_"))
                app.command(name, help=help_text(inspect.getdoc(function)))(function)
    for name in _GROUPS:
        if name in wanted:
            group: typer.Typer = _module(name).app
            for each in group.registered_commands:
                each.help = help_text(inspect.getdoc(each.callback))
            app.add_typer(group, name=name)
    for name, (function, settings) in _OWN.items():
        if name in wanted:
            text = help_text(inspect.getdoc(function))
            app.command(name, help=text, context_settings=settings)(function)
    return app


def _module(name: str) -> Any:
    return import_module(f"fleet.cli.{name}")


def tui(context: typer.Context) -> None:
    """Open the terminal interface on the running server.

    Examples:
        flotilla tui
        flotilla tui --read-only
    """
    _open_tui(context.args)


def show_version() -> None:
    """Print the version."""
    from importlib.metadata import version

    print(version("flotilla-gitops"))


_ROOT_HELP = """GitOps for a fleet of Kubernetes clusters, in your terminal.

Examples:
    flotilla demo                 a whole fleet on this machine, in seconds
    flotilla                      the terminal interface
    flotilla get needs            what waits for somebody
    flotilla why cluster prod-1   why it is as it is
"""


def root(context: typer.Context) -> None:
    """Open the terminal interface when no command is given, or say which there are."""
    if context.invoked_subcommand is not None:
        return
    if sys.stdout.isatty():
        _open_tui([])
    else:
        print(context.get_help())


def _open_tui(arguments: list[str]) -> None:
    from importlib.metadata import entry_points

    # The terminal interface registers itself: nothing here imports it.
    for found in entry_points(group="flotilla.ui", name="tui"):
        raise SystemExit(found.load()(arguments))
    say("Error: this installation has no terminal interface")
    raise SystemExit(EXIT_FAILED)


_OWN: dict[str, tuple[Callable[..., None], dict[str, bool]]] = {
    "tui": (tui, {"allow_extra_args": True, "ignore_unknown_options": True}),
    "version": (show_version, {}),
}


def main() -> None:
    """Run the command line."""
    # Imports make many objects and no garbage: a fifth of a short command was the collector's.
    gc.set_threshold(50_000, 20, 50)
    try:
        build(next(iter(sys.argv[1:]), ""))()
    except ApiError as error:
        say(f"Error: {error}")
        raise SystemExit(_code(error)) from None
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        # A file or folder that was named: what is wrong with it is said in the system's words.
        where = f"{error.filename}: " if error.filename else ""
        say(f"Error: {where}{error.strerror or error}")
        raise SystemExit(EXIT_FAILED) from None
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
