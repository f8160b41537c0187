"""The audit log in the database: appending, reading, verifying, exporting.

What makes it tamper-evident is `audit`; that rows are only ever added is also enforced by triggers
in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial

from sqlalchemy import RowMapping, func, select
from sqlmodel import Session

from fleet.store.audit import GENESIS, Anchor, ChainCheck, ChainReport, export_line
from fleet.store.errors import StoreDamaged
from fleet.store.model import EventDraft, StoredEvent
from fleet.store.part import StorePart
from fleet.store.records import (
    EncodedEvent,
    chain_events,
    chain_link,
    encode_event,
    stored_event,
)
from fleet.store.statements import insert_rows
from fleet.store.tables import CHECKPOINT, EVENT, SNAPSHOT

_PAGE = 2_000
"""Events in one step of a verification: other callers' writes go between the steps."""
_BEFORE_ALL = -(2**63)
_LAST_EVENT = select(EVENT.c.seq, EVENT.c.hash).order_by(EVENT.c.seq.desc()).limit(1)
_LAST_CHECKPOINT = select(CHECKPOINT).order_by(CHECKPOINT.c.seq.desc()).limit(1)
_HEAD = "log head"
PRUNED = "LogPruned"
"""Kind of the event that says that the log was cut; it names `through` and `hash`."""


class EventLog(StorePart):
    """The append-only log of everything that happened."""

    async def append(self, drafts: Sequence[EventDraft]) -> tuple[StoredEvent, ...]:
        """Append events, all or none, and give them their places in the log.

        Raises:
            ValueError: a draft's data is not JSON.
            StoreUnavailable: see there.
        """
        encoded = [encode_event(draft) for draft in drafts]
        return await self._database.write(lambda session: append_events(session, encoded))

    async def read(
        self,
        *,
        after: int = 0,
        limit: int = 1_000,
        kinds: Collection[str] = (),
        cluster: str | None = None,
        bundle: str | None = None,
        newest: bool = False,
    ) -> tuple[StoredEvent, ...]:
        """Read at most `limit` events with `seq` above `after`, in order of `seq`.

        Args:
            after: the last event already known.
            limit: most events wanted.
            kinds: kinds wanted; empty for all.
            cluster: only events of this cluster.
            bundle: only events of this bundle.
            newest: if more match, give the last ones instead of the first.
        """
        query = select(EVENT).where(EVENT.c.seq > after).limit(limit)
        query = query.order_by(EVENT.c.seq.desc() if newest else EVENT.c.seq)
        if kinds:
            query = query.where(EVENT.c.kind.in_(sorted(kinds)))
        if cluster is not None:
            query = query.where(EVENT.c.cluster == cluster)
        if bundle is not None:
            query = query.where(EVENT.c.bundle == bundle)
        rows = await self._database.read(lambda session: session.execute(query).mappings().all())
        events = tuple(stored_event(row) for row in rows)
        return events[::-1] if newest else events

    async def last_seq(self) -> int:
        """The number of the newest event; 0 for an empty log."""
        return (await self._database.read(log_head)).seq

    async def head(self) -> Anchor:
        """The newest event's place and hash, to be kept as an anchor elsewhere."""
        return await self._database.read(log_head)

    async def verify(self, *, anchor: Anchor | None = None) -> ChainReport:
        """Check the whole log against its hash chain, and against `anchor` if there is one."""
        start = await self._database.read(checkpoint_of)
        check = ChainCheck(anchor, start=start)
        after: int | None = _BEFORE_ALL
        while after is not None and not check.broken:
            after = await self._check_from(check, after)
        if start.seq and not check.broken and not await self._is_attested(start):
            check.fail(f"the log begins after event {start.seq}, and no event says who cut it")
        return check.report(known_seq=await self._database.read(snapshot_seq))

    async def export(self, write: Callable[[bytes], object], *, through: int | None = None) -> int:
        """Write the log as JSON lines, from its checkpoint on, and return how many.

        Args:
            write: takes lines, many at once.
            through: the last event wanted; None: all.

        `audit.verify_lines` checks them without the database.

        Raises:
            StoreDamaged: an event cannot be read (`verify` says which).
        """
        count, after = 0, 0
        page = partial(_page, through=through)
        while rows := await self._database.read(partial(page, after=after)):
            write(b"".join(export_line(chain_link(row)) for row in rows))
            count, after = count + len(rows), rows[-1]["seq"]
        return count

    async def _is_attested(self, checkpoint: Anchor) -> bool:
        """Whether an event of the log names the checkpoint that it begins after."""
        found = await self.read(kinds=[PRUNED], limit=_PAGE, newest=True)
        told = [(event.data.get("through"), event.data.get("hash")) for event in found]
        return (checkpoint.seq, checkpoint.hash) in told

    async def _check_from(self, check: ChainCheck, after: int) -> int | None:
        """Check the page of events after `after`; where it ends, or None at the log's end."""
        for limit in (_PAGE, 1):
            try:
                return await self._database.read(
                    partial(_check_page, check, after=after, limit=limit)
                )
            except StoreDamaged:
                continue  # one event that cannot be read must not hide those before it
        check.fail("cannot be read from the database")
        return None


def append_events(session: Session, encoded: Sequence[EncodedEvent]) -> tuple[StoredEvent, ...]:
    """Append events within a transaction."""
    if not encoded:
        return ()
    head = log_head(session)
    rows = chain_events(encoded, seq=head.seq, prev_hash=head.hash)
    insert_rows(session, EVENT, rows)
    session.info[_HEAD] = Anchor(rows[-1]["seq"], rows[-1]["hash"])
    return tuple(stored_event(row) for row in rows)


def log_head(session: Session) -> Anchor:
    """Where the log ends, as the transaction sees it."""
    # Kept for the session, which is one transaction: of many appends that share it, only the first
    # has to ask.  Without this, 4,200 a second instead of 7,400.
    head: Anchor | None = session.info.get(_HEAD)
    if head is None:
        row = session.execute(_LAST_EVENT).first()
        head = Anchor(row.seq, row.hash) if row else checkpoint_of(session)
        session.info[_HEAD] = head
    return head


def checkpoint_of(session: Session) -> Anchor:
    """The last event that was archived and deleted; event 0 if none was."""
    row = session.execute(_LAST_CHECKPOINT).first()
    return Anchor(row.seq, row.hash) if row else Anchor(0, GENESIS)


def snapshot_seq(session: Session) -> int:
    """The event after which the newest snapshot was taken; 0 if there is none."""
    return session.scalar(select(func.max(SNAPSHOT.c.seq))) or 0


def _page(
    session: Session, *, after: int, limit: int = _PAGE, through: int | None = None
) -> Sequence[RowMapping]:
    query = select(EVENT).where(EVENT.c.seq > after).order_by(EVENT.c.seq).limit(limit)
    if through is not None:
        query = query.where(EVENT.c.seq <= through)
    return session.execute(query).mappings().all()


def _check_page(check: ChainCheck, session: Session, *, after: int, limit: int) -> int | None:
    rows = _page(session, after=after, limit=limit)
    try:
        check.feed(chain_link(row) for row in rows)
    except ValueError:
        check.fail("holds what no event can hold")
    return rows[-1]["seq"] if rows else None
