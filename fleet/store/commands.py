"""What commands answered, by idempotency key: a command sent twice is carried out once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import CursorResult, delete, select
from sqlmodel import Session

from fleet.store.errors import DuplicateCommand
from fleet.store.part import StorePart
from fleet.store.records import time_text
from fleet.store.sealing import Sealer
from fleet.store.statements import insert_rows
from fleet.store.tables import COMMAND


class Commands(StorePart):
    """Results of commands, which a batch stores together with what the command changed."""

    async def command_result(self, key: str) -> bytes | None:
        """What the command with this idempotency key answered, if it was carried out.

        Raises:
            StoreDamaged: it is not what was stored.
        """
        query = select(COMMAND.c.result).where(COMMAND.c.key == key)
        result = await self._database.read(lambda session: session.scalar(query))
        return None if result is None else self._sealer.open(_name(key), result)

    async def expire_commands(self, before: datetime) -> int:
        """Forget the results of commands stored before `before`; return how many."""
        statement = delete(COMMAND).where(COMMAND.c.stored_at < time_text(before))

        def job(session: Session) -> int:
            result = session.execute(statement)
            return result.rowcount if isinstance(result, CursorResult) else 0

        return await self._database.write(job)


def write_commands(
    session: Session, results: Mapping[str, bytes], *, sealer: Sealer, at: str
) -> None:
    """Remember what commands answered, within a transaction.

    Raises:
        DuplicateCommand: one of them was carried out before.
    """
    if not results:
        return
    query = select(COMMAND.c.key).where(COMMAND.c.key.in_(sorted(results)))
    if session.execute(query).first() is not None:
        raise DuplicateCommand("a command with this idempotency key was already carried out")
    rows = [
        {"key": key, "stored_at": at, "result": sealer.seal(_name(key), result)}
        for key, result in results.items()
    ]
    insert_rows(session, COMMAND, rows)


def _name(key: str) -> str:
    return f"command {key}"
