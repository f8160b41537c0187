"""Commands on a fleet repository: lay one out, check it, see what it would change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.connection import ServerOption, TokenOption, client
from fleet.cli.output import EXIT_USAGE, count, fail, printable, say


def init(
    path: Annotated[Path, typer.Argument(help="Folder to lay it out in.")] = Path("fleet"),
) -> None:
    """Lay out a fleet repository: documents with comments, one bundle, one strategy.

    Examples:
        flotilla init my-fleet
    """
    from fleet.starter import lay_out

    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        fail(f"{path} is no empty folder; name a new one", EXIT_USAGE)
    for file in lay_out(path):
        print(file)
    say(f"next: flotilla cluster add --context CONTEXT --label env=dev --repo {path}")
    say(f"then: flotilla validate {path}")


def validate(
    path: Annotated[Path, typer.Argument(help="The repository's work tree.")] = Path(),
    folder: Annotated[str, typer.Option("--path", help="Folder with the documents.")] = "",
) -> None:
    """Check a fleet repository as it is on disk: documents, references, every rendering.

    Exit code 0: valid; 1: every problem is printed with file, line and field.

    Examples:
        flotilla validate
        flotilla validate my-fleet
    """
    from datetime import UTC, datetime

    from fleet.model.problems import InvalidFleet
    from fleet.source.validation import check_work_tree

    if not path.is_dir():
        fail(f"there is no folder {path}", EXIT_USAGE)
    if folder and not (path / folder).is_dir():
        fail(f"there is no folder {folder} in {path}", EXIT_USAGE)
    try:
        checked = check_work_tree(path, folder, now=datetime.now(UTC))
    except InvalidFleet as error:
        for problem in error.problems:
            print(printable(str(problem)))
        fail(count(len(error.problems), "problem"))
    for warning in checked.warnings:
        say(f"warning: {warning}")
    say(
        f"valid: {count(checked.clusters, 'cluster')}, {count(checked.bundles, 'bundle')}, "
        f"{count(checked.objects, 'object')} rendered"
    )


def plan(
    revision: Annotated[str, typer.Argument(help="Branch, tag or commit of the fleet repository.")],
    bundle: Annotated[str, typer.Option("--bundle", "-b", help="Only this bundle.")] = "",
    brief: Annotated[bool, typer.Option("--brief", help="Counts only, no fields.")] = False,
    server: ServerOption = None,
    token_file: TokenOption = None,
) -> None:
    """Show what a revision would change, on which clusters, before it is merged.

    The clusters are asked by a dry run; nothing is changed.  Exit code 0: nothing would change;
    1: something would; 2: an error.

    Examples:
        flotilla plan feature/new-quota
        flotilla plan 9f3c1ab --bundle payments
    """
    from fleet.api.errors import ApiError
    from fleet.cli.planning import print_plan

    say("asking the clusters, by dry runs …")
    try:
        found = client(server, token_file).plan(revision, bundle=bundle)
    except ApiError as error:
        fail(str(error), EXIT_USAGE)
    raise SystemExit(print_plan(found, brief=brief))
