"""`flotilla demo`: everything at once, on one machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fleet.cli.output import EXIT_USAGE, fail, say


def demo(
    clusters: Annotated[
        int, typer.Option("--clusters", min=1, help="How many embedded clusters.")
    ] = 24,
    headless: Annotated[
        bool, typer.Option("--headless", help="No terminal interface: converge, sum up, stop.")
    ] = False,
    ready_after: Annotated[
        str, typer.Option("--ready-after", help="How long Pods take to become ready.")
    ] = "1s",
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
    from clusters.embedded.options import read_duration
    from fleet.demo.story import DemoFailed, tell

    if not headless and not sys.stdout.isatty():
        fail("the demo opens a terminal interface; without a terminal use --headless", EXIT_USAGE)
    try:
        ready_after_s = read_duration(ready_after)
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    try:
        code = tell(
            clusters=clusters,
            ready_after_s=ready_after_s,
            folder=keep,
            headless=headless,
            say=say,
        )
        raise SystemExit(code)
    except DemoFailed as error:
        fail(str(error))
