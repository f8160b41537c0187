"""The store: everything that must outlive the process, behind one door.

`Store.commit` makes a batch of changes durable, all or none; the smaller methods are the same for
one kind of change.  Methods return when their change survives a crash (see `Durability`), and may
be called from any number of tasks.  Nothing here decides anything.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from sqlmodel import Session

from fleet.store.address import Address, parse_address
from fleet.store.apply_sets import ApplySets, write_applied
from fleet.store.commands import Commands, write_commands
from fleet.store.contents import ContentStore, check_digests, write_contents, write_sets
from fleet.store.database import Database
from fleet.store.engine import open_engine
from fleet.store.event_log import EventLog, append_events, log_head
from fleet.store.keys import agree_on_key, require_key
from fleet.store.lock import lock_file
from fleet.store.model import Batch, Durability, StoredEvent
from fleet.store.owner import Owner, claim, refuse_if_taken_over
from fleet.store.part import Clock, utc_now
from fleet.store.records import encode_event, time_text
from fleet.store.retention import Retention
from fleet.store.schema import require_current, upgrade
from fleet.store.sealing import Sealer
from fleet.store.snapshots import Snapshots, write_snapshot

_KEY_FILE = "store.key"


class Store(EventLog, Retention, ContentStore, ApplySets, Snapshots, Commands):
    """An open store.  Use as `async with await Store.open(path) as store:`."""

    def __init__(
        self,
        database: Database,
        *,
        sealer: Sealer | None,
        clock: Clock,
        resources: AsyncExitStack,
    ) -> None:
        super().__init__(database, sealer=sealer, clock=clock)
        self._resources = resources
        self.owner: Owner | None = None
        """Under which name it was opened; None: only to look."""

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
            key_file = address.file.with_name(_KEY_FILE)
        if key_file is None and not read_only:
            raise ValueError("a store in PostgreSQL needs the path of its key file")
        async with AsyncExitStack() as resources:
            if not read_only:
                resources.callback(lock_file(address))
            engine = open_engine(address, durability=durability, read_only=read_only)
            database = Database(engine, name=address.name)
            resources.push_async_callback(database.close)
            sealer = await database.write(
                lambda session: _prepare(session, address, key_file, read_only=read_only)
            )
            owner = None
            if not read_only:
                owner = await database.write(claim)
                refuse_if_taken_over(engine, owner.name, name=address.name)
            store = cls(database, sealer=sealer, clock=clock, resources=resources.pop_all())
            store.owner = owner
            return store

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what was handed over, disconnect, and let go of the lock."""
        await self._resources.aclose()

    async def commit(self, batch: Batch) -> tuple[StoredEvent, ...]:
        """Store a batch, all of it or nothing, and return its events with their places.

        Raises:
            ValueError: an event's data is not JSON, or a digest is not that of its body.
            DuplicateCommand: a command's key was used before.
            ContentMissing: a set names contents that are neither stored nor in the batch.
            StoreUnavailable: see there.
        """
        encoded = [encode_event(draft) for draft in batch.events]
        check_digests(batch.contents, self.secret_key)
        sealer, at = self._sealer, time_text(self._clock())

        def job(session: Session) -> tuple[StoredEvent, ...]:
            write_commands(session, batch.commands, sealer=sealer, at=at)
            write_contents(session, batch.contents, sealer=sealer, at=at)
            if batch.sets:
                write_sets(session, batch.sets, at=at)
            write_applied(session, batch.applied)
            events = append_events(session, encoded)
            if batch.snapshot is not None:
                write_snapshot(session, log_head(session).seq, batch.snapshot, sealer=sealer)
            return events

        return await self._database.write(job)


def _prepare(
    session: Session, address: Address, key_file: Path | None, *, read_only: bool
) -> Sealer | None:
    """Bring the schema up to date and agree on the key, within one transaction."""
    connection = session.connection()
    if not read_only:
        upgrade(connection, name=address.name)
        return agree_on_key(session, key_file, database=address.name) if key_file else None
    require_current(connection, name=address.name)
    if key_file is None or not key_file.exists():
        return None
    return require_key(session, key_file, database=address.name)
