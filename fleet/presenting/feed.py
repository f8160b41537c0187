"""The stream of changes of the read model: many readers, a bounded memory, no waiting writer.

A reader names the cursor of the last change it has.  If that is still in memory it gets all that
came after; if not, it is told to take a new snapshot.  A slow reader never slows the fleet.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from fleet.view import Change

KEPT = 20_000


class Feed:
    """A ring of changes, numbered within one run of the server (`epoch`)."""

    def __init__(self, *, epoch: str, kept: int = KEPT) -> None:
        self._epoch = epoch
        self._changes: deque[Change] = deque(maxlen=kept)
        self._count = 0
        self._published = asyncio.Event()

    @property
    def cursor(self) -> str:
        """The place after the newest change."""
        return f"{self._epoch}:{self._count}"

    def publish(self, changes: Sequence[Change]) -> None:
        """Append changes and wake the readers."""
        if not changes:
            return
        self._changes.extend(changes)
        self._count += len(changes)
        self._published.set()
        self._published = asyncio.Event()

    def after(self, cursor: str) -> tuple[Sequence[Change], str] | None:
        """All changes after `cursor` and the cursor after them; None: take a new snapshot."""
        epoch, _, number = cursor.rpartition(":")
        if epoch != self._epoch:
            return None
        try:
            missing = self._count - int(number)
        except ValueError:
            return None
        if missing < 0 or missing > len(self._changes):
            return None
        changes = list(self._changes)[len(self._changes) - missing :] if missing else []
        return changes, self.cursor

    async def wait(self, timeout_s: float) -> bool:
        """Wait for the next publication; False when there was none in time."""
        try:
            await asyncio.wait_for(self._published.wait(), timeout_s)
        except TimeoutError:
            return False
        return True
