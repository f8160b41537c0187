"""The store: everything that must outlive the process, behind one door.

`Store.commit` makes a batch of changes durable, all or none; the smaller methods are the same for
one kind of change.  Methods return when their change survives a crash (see `Durability`), and may
be called from any number of tasks.  Nothing here decides anything.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import delete, select
from sqlmodel import Session

from fleet.store.address import Address, parse_address
from fleet.store.apply_sets import ApplySets, write_applied
from fleet.store.contents import ContentStore, check_digests, write_contents, write_sets
from fleet.store.database import Database
from fleet.store.engine import open_engine, protect_file
from fleet.store.errors import ChainBroken, DuplicateCommand, KeyUnusable
from fleet.store.event_log import EventLog, append_events, log_head
from fleet.store.lock import FileLock
from fleet.store.model import Batch, Durability, StoredEvent
from fleet.store.part import Clock, utc_now
from fleet.store.records import encode_event, time_text
from fleet.store.schema import require_current, upgrade
from fleet.store.sealing import Sealer, create_key, read_key
from fleet.store.statements import insert_rows, upsert_rows
from fleet.store.tables import COMMAND, SETTING, SNAPSHOT

_SNAPSHOTS_KEPT = 3
_KEY_ID = "key_id"
KEY_FILE = "store.key"


class Store(EventLog, ContentStore, ApplySets):
    """An open store.  Use as `async with await Store.open(path) as store:`."""

    def __init__(
        self,
        database: Database,
        *,
        sealer: Sealer | None,
        clock: Clock,
        lock: FileLock | None,
    ) -> None:
        super().__init__(database, sealer=sealer, clock=clock)
        self._lock = lock

    @classmethod
    async def open(
        cls,
        url_or_path: str | Path,
        *,
        key_file: Path | None = None,
        durability: Durability = Durability.POWER_LOSS,
        read_only: bool = False,
        clock: Clock = utc_now,
    ) -> Self:
        """Open a store, creating or upgrading it as needed.

        Args:
            url_or_path: path of an SQLite file, or `postgresql://` URL.
            key_file: key of the sealed columns, created with a new store.  Default: `store.key`
                beside the SQLite file; with PostgreSQL it must be given.
            durability: what a commit survives.
            read_only: neither lock nor change anything: for looking beside a running server.
            clock: gives the current time in UTC.

        Raises:
            StoreLocked: another server uses this database.
            StoreTooNew: a newer version of the program wrote it.
            KeyUnusable: the key file is missing, wrong, or readable by others.
            StoreUnavailable: the database cannot be used.
            ValueError: the address cannot be understood, or lacks its key file.
        """
        address = parse_address(url_or_path)
        if key_file is None and address.file is not None:
            key_file = address.file.with_name(KEY_FILE)
        if key_file is None and not read_only:
            raise ValueError("a store in PostgreSQL needs the path of its key file")
        lock = FileLock(address.file) if address.file is not None and not read_only else None
        database: Database | None = None
        try:
            if not read_only:
                protect_file(address)
            engine = open_engine(address, durability=durability, read_only=read_only)
            database = Database(engine, name=address.name)
            sealer = await database.write(
                lambda session: _prepare(session, address, key_file, read_only=read_only)
            )
        except BaseException:
            if database is not None:
                await database.close()
            if lock is not None:
                lock.release()
            raise
        return cls(database, sealer=sealer, clock=clock, lock=lock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was handed over, disconnect, and let go of the lock."""
        await self._database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def commit(self, batch: Batch) -> tuple[StoredEvent, ...]:
        """Store a batch, all of it or nothing, and return its events with their places.

        Raises:
            ValueError: an event's data is not JSON, or a digest is not that of its body.
            DuplicateCommand: a command's key was used before.
            ContentMissing: a set names contents that are neither stored nor in the batch.
            StoreUnavailable: see there.
        """
        encoded = [encode_event(draft) for draft in batch.events]
        check_digests(batch.contents)
        sealer, at = self._sealer, time_text(self._clock())

        def job(session: Session) -> tuple[StoredEvent, ...]:
            _write_commands(session, batch, sealer=sealer, at=at)
            write_contents(session, batch.contents, sealer=sealer, at=at)
            if batch.sets:
                write_sets(session, batch.sets, at=at)
            write_applied(session, batch.applied)
            events = append_events(session, encoded)
            if batch.snapshot is not None:
                _write_snapshot(session, log_head(session).seq, batch.snapshot, sealer=sealer)
            return events

        return await self._database.write(job)

    async def save_snapshot(self, seq: int, state: bytes) -> None:
        """Keep the state after event `seq`.  The newest three are kept.

        Raises:
            ValueError: there is no such event yet.
        """
        sealer = self._sealer
        await self._database.write(
            lambda session: _write_snapshot(session, seq, state, sealer=sealer)
        )

    async def load_snapshot(self) -> tuple[int, bytes] | None:
        """The newest snapshot and the event it was taken after, if there is one.

        Raises:
            StoreDamaged: it is not what was stored.
            ChainBroken: the log ends before that event.
        """
        query = select(SNAPSHOT).order_by(SNAPSHOT.c.seq.desc()).limit(1)
        head, row = await self._database.read(
            lambda session: (log_head(session), session.execute(query).first())
        )
        if row is None:
            return None
        if row.seq > head.seq:
            raise ChainBroken(head.seq + 1, f"missing: the state was stored as of event {row.seq}")
        return row.seq, self._sealer.open(_snapshot_name(row.seq), row.state)

    async def command_result(self, key: str) -> bytes | None:
        """What the command with this idempotency key answered, if it was carried out."""
        query = select(COMMAND.c.result).where(COMMAND.c.key == key)
        result = await self._database.read(lambda session: session.scalar(query))
        return None if result is None else self._sealer.open(_command_name(key), result)

    async def expire_commands(self, before: datetime) -> int:
        """Forget the results of commands stored before `before`; return how many."""
        statement = delete(COMMAND).where(COMMAND.c.stored_at < time_text(before))
        return await self._database.write(
            lambda session: session.execute(statement).rowcount  # type: ignore[attr-defined]
        )


def _prepare(
    session: Session, address: Address, key_file: Path | None, *, read_only: bool
) -> Sealer | None:
    """Bring the schema up to date and agree on the key, within one transaction."""
    connection = session.connection()
    if read_only:
        require_current(connection, name=address.name)
    else:
        upgrade(connection, name=address.name)
    if key_file is None or (read_only and not key_file.exists()):
        return None
    query = select(SETTING.c.value).where(SETTING.c.name == _KEY_ID)
    known = session.scalar(query)
    if known is None and not key_file.exists():
        sealer = create_key(key_file)
    elif not key_file.exists():
        raise KeyUnusable(
            f"the key file {key_file} of database {address.name} is missing: restore it from a "
            "backup; without it what is stored there cannot be read"
        )
    else:
        sealer = read_key(key_file)
    if known is None:
        insert_rows(session, SETTING, [{"name": _KEY_ID, "value": sealer.key_id}])
    elif sealer.key_id != known:
        raise KeyUnusable(
            f"database {address.name} was written with key {known}, but {key_file} holds key "
            f"{sealer.key_id}: restore the key file that belongs to this database"
        )
    return sealer


def _write_commands(session: Session, batch: Batch, *, sealer: Sealer, at: str) -> None:
    if not batch.commands:
        return
    query = select(COMMAND.c.key).where(COMMAND.c.key.in_(sorted(batch.commands)))
    if session.execute(query).first() is not None:
        raise DuplicateCommand("a command with this idempotency key was already carried out")
    rows = [
        {"key": key, "stored_at": at, "result": sealer.seal(_command_name(key), result)}
        for key, result in batch.commands.items()
    ]
    insert_rows(session, COMMAND, rows)


def _write_snapshot(session: Session, seq: int, state: bytes, *, sealer: Sealer) -> None:
    if seq > log_head(session).seq:
        raise ValueError(f"a snapshot of event {seq}, which is not in the log")
    sealed = sealer.seal(_snapshot_name(seq), state)
    upsert_rows(session, SNAPSHOT, [{"seq": seq, "state": sealed}])
    newest = select(SNAPSHOT.c.seq).order_by(SNAPSHOT.c.seq.desc()).limit(_SNAPSHOTS_KEPT)
    oldest = min(session.scalars(newest))
    session.execute(delete(SNAPSHOT).where(SNAPSHOT.c.seq < oldest))


def _snapshot_name(seq: int) -> str:
    return f"snapshot {seq}"


def _command_name(key: str) -> str:
    return f"command {key}"
