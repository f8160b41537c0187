"""`flotilla audit`: is the log what it was, and what does it say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.output import fail, say

if TYPE_CHECKING:
    from fleet.store.store import Store

app = typer.Typer(help="Check and export the audit log.", no_args_is_help=True)
StateOption = Annotated[Path | None, typer.Option("--state", help="The server's state directory.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", envvar="FLOTILLA_DATABASE", help="PostgreSQL URL.")
]


async def _open(state: Path | None, database: str | None) -> Store:
    from fleet.settings import default_state_dir
    from fleet.store.store import Store

    directory = state or default_state_dir()
    return await Store.open(
        database or directory / "flotilla.db",
        key_file=directory / "store.key",
        read_only=True,
    )


@app.command()
def verify(state: StateOption = None, database: DatabaseOption = None) -> None:
    """Follow the hash chain from the first row to the last.

    Exit code 0: unbroken; 1: the first broken row is named.

    Examples:
        flotilla audit verify
    """
    import asyncio

    from fleet.store.errors import StoreError

    async def work() -> None:
        async with await _open(state, database) as store:
            report = await store.verify()
            if not report.ok:
                fail(str(report))
            say(str(report))

    try:
        asyncio.run(work())
    except StoreError as error:
        fail(str(error))


@app.command()
def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; else stdout.")
    ] = None,
    state: StateOption = None,
    database: DatabaseOption = None,
) -> None:
    """Write the whole log as JSON lines, each with its hash.

    Examples:
        flotilla audit export -o audit.jsonl
    """
    import asyncio

    from fleet.store.errors import StoreError

    async def work() -> int:
        async with await _open(state, database) as store:
            if output is None:
                return await store.export(sys.stdout.buffer.write)
            with output.open("wb") as file:
                return await store.export(file.write)

    try:
        say(f"{asyncio.run(work())} rows")
    except StoreError as error:
        fail(str(error))
