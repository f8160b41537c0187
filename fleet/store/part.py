"""What the parts of the store share: the database, the key and the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from fleet.store.database import Database
from fleet.store.errors import KeyUnusable
from fleet.store.sealing import Sealer

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class StorePart:
    """One subject of the store.  `Store` inherits all of them."""

    def __init__(self, database: Database, *, sealer: Sealer | None, clock: Clock) -> None:
        self._database = database
        self._maybe_sealer = sealer
        self._clock = clock

    @property
    def secret_key(self) -> bytes:
        """What digests of Secrets are keyed with.

        Raises:
            KeyUnusable: the store was opened without its key.
        """
        return self._sealer.secret_key

    @property
    def _sealer(self) -> Sealer:
        if self._maybe_sealer is None:
            raise KeyUnusable("the store was opened without its key: sealed columns stay closed")
        return self._maybe_sealer
