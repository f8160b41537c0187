"""`flotilla demo`: everything at once, on one machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.output import EXIT_USAGE, fail, say


def demo(
    clusters: Annotated[int, typer.Option("--clusters", help="How many embedded clusters.")] = 24,
    headless: Annotated[
        bool, typer.Option("--headless", help="No terminal interface: converge, sum up, stop.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep repository and state in this folder.")
    ] = None,
) -> None:
    """Run a whole fleet here: embedded clusters, a Git repository, a server, and the interface.

    No cluster, no root, no network is needed; nothing outside a temporary folder is touched.

    Examples:
        flotilla demo
        flotilla demo --headless
    """
    from fleet.demo.story import DemoFailed, tell

    if not headless and not sys.stdout.isatty():
        fail("the demo opens a terminal interface; without a terminal use --headless", EXIT_USAGE)
    try:
        raise SystemExit(tell(clusters=clusters, folder=keep, headless=headless, say=say))
    except DemoFailed as error:
        fail(str(error))
