"""The archive of the audit log: files of old events, each beginning where the one before ended.

The events of a file are deleted from the database only when the file is written, synced and
verified.  The hash chain goes on through all files into the database.  A crash before that deletion
leaves a file whose events are still in the database: it is no part of the archive, and the next run
writes its events anew.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import orjson

from fleet.state.fact import SYSTEM, LogPruned
from fleet.state.facts import FleetFact, from_row
from fleet.store.audit import Anchor, ChainReport, verify_lines
from fleet.store.errors import StoreDamaged, StoreUnavailable
from fleet.store.model import EventDraft
from fleet.store.store import Store

log = logging.getLogger(__name__)

_DAY_S = 86_400.0
_PATTERN = "events-*.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What was moved out of the database."""

    file: Path
    events: int
    through: Anchor


async def archive(
    store: Store, *, before: datetime, folder: Path, actor: str, now: datetime
) -> Archived | None:
    """Move events older than `before` into a file of `folder`; None where there are none.

    Raises:
        StoreDamaged: what was written is not a whole part of the chain; nothing is deleted then.
        StoreUnavailable: the file cannot be written; nothing is deleted then.
    """
    start, through = await store.checkpoint(), await store.last_before(before)
    if through.seq <= start.seq:
        return None
    file = folder / f"events-{start.seq + 1:012}-{through.seq:012}.jsonl"
    try:
        await _write(store, file, start, through)
        await asyncio.to_thread(_drop_unfinished, folder, start, file)
    except OSError as error:
        raise StoreUnavailable(f"cannot archive to {file}: {error.strerror or error}") from error
    fact = LogPruned(at=now, actor=actor, through=through.seq, hash=through.hash, archive=file.name)
    draft = EventDraft(
        kind=type(fact).__name__,
        at=now,
        actor=actor,
        data={"through": fact.through, "hash": fact.hash, "archive": fact.archive},
    )
    return Archived(file=file, events=await store.prune(through, draft), through=through)


async def archive_daily(store: Store, folder: Path, *, keep_s: float) -> None:
    """Archive what is older, now and every day, until cancelled; a failure is logged."""
    while True:
        now = datetime.now(UTC)
        before = now - timedelta(seconds=keep_s)
        try:
            done = await archive(store, before=before, folder=folder, actor=SYSTEM, now=now)
        except (StoreDamaged, StoreUnavailable) as error:
            log.warning("nothing was archived: %s", error)
        else:
            if done is not None:
                log.info("%d events were moved to %s", done.events, done.file)
        await asyncio.sleep(_DAY_S)


async def _write(store: Store, file: Path, start: Anchor, through: Anchor) -> None:
    partial = file.with_suffix(".partial")
    out = await asyncio.to_thread(_open, partial)
    try:
        await store.export(out.write, through=through.seq)
        await asyncio.to_thread(_sync, out)
    finally:
        out.close()
    report = await asyncio.to_thread(_verify, partial, start)
    if not report.ok or report.head != through:
        raise StoreDamaged(f"the archive {partial} is no whole part of the log: {report}")
    await asyncio.to_thread(_keep, partial, file)


def _open(partial: Path) -> BinaryIO:
    partial.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return open(partial, "wb", opener=_private)


def _sync(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


def _verify(file: Path, start: Anchor) -> ChainReport:
    with file.open("rb") as lines:
        return verify_lines(lines, start=start)


def _keep(partial: Path, file: Path) -> None:
    partial.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _drop_unfinished(folder: Path, start: Anchor, written: Path) -> None:
    """Delete what runs before this one wrote and did not delete from the database any more."""
    for file in folder.glob(_PATTERN):
        if file != written and _last_of(file) > start.seq:
            file.unlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def verify_archive(folder: Path, *, through: Anchor) -> ChainReport:
    """Follow the chain through all files of an archive, from the very first event to a checkpoint.

    A file beyond the checkpoint is what a crash left: its events are in the database.
    """
    return verify_lines(_lines(folder, through))


def archived_facts(folder: Path, *, through: Anchor) -> Iterator[FleetFact]:
    """Read back everything up to a checkpoint.

    Raises:
        StoreDamaged: the archive is not whole.
    """
    report = verify_archive(folder, through=through)
    if not report.ok or report.head != through:
        raise StoreDamaged(
            f"the state has to be made anew from all events, and the archive {folder} does not "
            f"have them up to {through}: {report}; put its files back, or start the version of "
            "flotilla that ran last"
        )
    for line in _lines(folder, through):
        row = orjson.loads(line)
        at = datetime.fromisoformat(row["at"]).astimezone(UTC)
        yield from_row(row["kind"], at, row["actor"], row["data"])


def _lines(folder: Path, through: Anchor) -> Iterator[bytes]:
    for file in sorted(folder.glob(_PATTERN)):
        if _last_of(file) > through.seq:
            continue
        with file.open("rb") as lines:
            yield from lines


def _last_of(file: Path) -> int:
    """The last event of a file, by its name; 0 where the name says none."""
    last = file.stem.rpartition("-")[2]
    return int(last) if last.isdigit() else 0
