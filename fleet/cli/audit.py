"""`flotilla audit`: is the log what it was, and what does it say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet.cli.output import EXIT_USAGE, fail, say

if TYPE_CHECKING:
    from fleet.store.store import Store

app = typer.Typer(help="Check, export and archive the audit log.", no_args_is_help=True)
StateOption = Annotated[Path | None, typer.Option("--state", help="The server's state directory.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", envvar="FLOTILLA_DATABASE", help="PostgreSQL URL.")
]


async def _open(state: Path | None, database: str | None, *, read_only: bool = True) -> Store:
    from fleet.store.store import Store

    directory = _directory(state)
    return await Store.open(
        database or directory / "flotilla.db",
        key_file=directory / "store.key",
        read_only=read_only,
    )


def _directory(state: Path | None) -> Path:
    from fleet.control.settings import default_state_dir

    return state or default_state_dir()


@app.command()
def verify(
    state: StateOption = None,
    database: DatabaseOption = None,
    anchor: Annotated[
        str | None,
        typer.Option("--anchor", help="SEQ:HASH that an earlier verification printed, kept apart."),
    ] = None,
) -> None:
    """Follow the hash chain from the first event to the last, through the archive if there is one.

    Exit code 0: unbroken; 1: the first broken event is named.  Events missing at the end leave a
    whole chain: keep the SEQ:HASH that is printed elsewhere, and give it as --anchor next time.

    Examples:
        flotilla audit verify
        flotilla audit verify --anchor 4711:9f3c…
    """
    import asyncio

    from fleet.control.archive import verify_archive
    from fleet.store.audit import Anchor
    from fleet.store.errors import StoreError

    async def work() -> None:
        async with await _open(state, database) as store:
            report = await store.verify(anchor=Anchor.parse(anchor) if anchor else None)
            if not report.ok:
                fail(str(report))
        if report.start.seq:
            archived = verify_archive(folder := _directory(state) / "archive", through=report.start)
            if not archived.ok or archived.head != report.start:
                fail(f"the archive {folder} does not lead up to {report.start}: {archived}")
            say(f"archive: {archived}")
        say(str(report))

    try:
        asyncio.run(work())
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    except StoreError as error:
        fail(str(error))


@app.command()
def prune(
    before: Annotated[
        str, typer.Option("--before", help="Events older than this, like 90d, or before a day.")
    ],
    state: StateOption = None,
    database: DatabaseOption = None,
) -> None:
    """Move old events into the archive beside the database; the chain stays verifiable.

    The server must not run; started with `--keep-events 90d` it does the same every day.  The files
    of STATE/archive can be read and verified without the database: keep them.

    Examples:
        flotilla audit prune --before 90d
        flotilla audit prune --before 2026-01-31
    """
    import asyncio
    from datetime import UTC, datetime

    from fleet.cli.connection import person
    from fleet.cli.durations import moment_before
    from fleet.control.archive import archive
    from fleet.control.ledger import Ledger
    from fleet.store.errors import StoreError, StoreLocked

    limit = moment_before(before, "--before")
    folder = _directory(state) / "archive"

    async def work() -> None:
        async with await _open(state, database, read_only=False) as store:
            await Ledger(store, archive=folder).keep_snapshot()
            done = await archive(
                store, before=limit, folder=folder, actor=person(), now=datetime.now(UTC)
            )
        if done is None:
            say(f"no event is older than {limit:%Y-%m-%d %H:%M} UTC")
        else:
            say(f"{done.events:,} events, up to {done.through}, were moved to {done.file}")

    try:
        asyncio.run(work())
    except StoreLocked as error:
        fail(f"{error}; stop it, or let it do this itself: flotilla server --keep-events 90d")
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
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
    """Write the log as JSON lines, each with its hash; what was archived before is in the archive.

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
    except ValueError as error:
        fail(str(error), EXIT_USAGE)
    except StoreError as error:
        fail(str(error))
