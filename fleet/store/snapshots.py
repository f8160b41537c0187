"""Snapshots of the state, so that a restart folds a few events instead of all of them."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlmodel import Session

from fleet.store.errors import ChainBroken
from fleet.store.event_log import log_head
from fleet.store.part import StorePart
from fleet.store.sealing import Sealer
from fleet.store.statements import upsert_rows
from fleet.store.tables import SNAPSHOT

_KEPT = 3


class Snapshots(StorePart):
    """The newest few snapshots."""

    async def save_snapshot(self, seq: int, state: bytes) -> None:
        """Keep the state after event `seq`.  The newest three are kept.

        Raises:
            ValueError: there is no such event yet.
        """
        sealer = self._sealer
        await self._database.write(
            lambda session: write_snapshot(session, seq, state, sealer=sealer)
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
        return row.seq, self._sealer.open(_name(row.seq), row.state)


def write_snapshot(session: Session, seq: int, state: bytes, *, sealer: Sealer) -> None:
    """Keep the state after event `seq`, within a transaction.

    Raises:
        ValueError: there is no such event yet.
    """
    if seq > log_head(session).seq:
        raise ValueError(f"a snapshot of event {seq}, which is not in the log")
    upsert_rows(session, SNAPSHOT, [{"seq": seq, "state": sealer.seal(_name(seq), state)}])
    newest = select(SNAPSHOT.c.seq).order_by(SNAPSHOT.c.seq.desc()).limit(_KEPT)
    oldest_kept = min(session.scalars(newest))
    session.execute(delete(SNAPSHOT).where(SNAPSHOT.c.seq < oldest_kept))


def _name(seq: int) -> str:
    return f"snapshot {seq}"
