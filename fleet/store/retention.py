"""Letting go of old events: only what a checkpoint stands for, and only what a snapshot covers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select
from sqlmodel import Session

from fleet.store.audit import GENESIS, Anchor
from fleet.store.event_log import append_events, checkpoint_of, snapshot_seq
from fleet.store.model import EventDraft
from fleet.store.part import StorePart
from fleet.store.records import encode_event, time_text
from fleet.store.statements import insert_rows
from fleet.store.tables import CHECKPOINT, EVENT


class Retention(StorePart):
    """The lower end of the audit log."""

    async def checkpoint(self) -> Anchor:
        """The last event that was archived and deleted; event 0 if none was."""
        return await self._database.read(checkpoint_of)

    async def last_before(self, before: datetime) -> Anchor:
        """The last event of those that may be let go of: older than `before`, in a snapshot."""
        return await self._database.read(lambda session: _last_before(session, before))

    async def prune(self, through: Anchor, testimony: EventDraft) -> int:
        """Delete the events up to `through`, leave a checkpoint, and append the event that says so.

        Raises:
            ValueError: `through` is no event of the log, or no snapshot covers it.
        """
        encoded = encode_event(testimony)

        def job(session: Session) -> int:
            row = session.execute(select(EVENT.c.hash).where(EVENT.c.seq == through.seq)).first()
            if row is None or row.hash != through.hash:
                raise ValueError(f"event {through.seq} is not in the log, or another one")
            if through.seq > snapshot_seq(session):
                raise ValueError(f"no snapshot of the state covers event {through.seq}")
            before = checkpoint_of(session).seq
            append_events(session, [encoded])
            insert_rows(session, CHECKPOINT, [{"seq": through.seq, "hash": through.hash}])
            session.execute(delete(EVENT).where(EVENT.c.seq <= through.seq))
            return through.seq - before

        return await self._database.write(job)


def _last_before(session: Session, before: datetime) -> Anchor:
    # Times may go back a little where clocks were set: the first event that is too young ends it.
    young = select(func.min(EVENT.c.seq)).where(EVENT.c.at >= time_text(before))
    first_young = session.scalar(young)
    newest = session.scalar(select(func.max(EVENT.c.seq))) or 0
    # The newest event stays: it is what the next one follows.
    last = min(snapshot_seq(session), newest - 1, (first_young or newest + 1) - 1)
    row = session.execute(select(EVENT.c.hash).where(EVENT.c.seq == last)).first()
    return Anchor(last, row.hash) if row else Anchor(0, GENESIS)
