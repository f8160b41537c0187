"""How many requests may be in flight to one cluster: adaptive, so that it is never pressed.

Additive increase, multiplicative decrease (as TCP does): one more slot for a window of good
answers, half of them at the first sign of distress.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SLOTS_MIN = 1
SLOTS_START = 8
SLOTS_MAX = 32


class InFlightLimit:
    """A counting gate whose width follows the server's mood."""

    def __init__(self, *, start: int = SLOTS_START, most: int = SLOTS_MAX) -> None:
        self._width = start
        self._most = most
        self._used = 0
        self._good = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def width(self) -> int:
        """How many requests may be in flight now."""
        return self._width

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Hold one slot for the length of a request; first come, first served."""
        if self._used >= self._width or self._waiting:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._used -= 1  # the slot was handed over, and nobody takes it
                    self._hand_over()
                raise
        else:
            self._used += 1
        try:
            yield
        finally:
            self._used -= 1
            self._hand_over()

    def faster(self) -> None:
        """Count a good answer; a whole window of them earns one more slot."""
        self._good += 1
        if self._good >= self._width and self._width < self._most:
            self._width += 1
            self._good = 0
            self._hand_over()

    def slower(self) -> None:
        """The server throttles or times out: halve."""
        self._width = max(SLOTS_MIN, self._width // 2)
        self._good = 0

    def _hand_over(self) -> None:
        while self._waiting and self._used < self._width:
            turn = self._waiting.popleft()
            if not turn.done():
                self._used += 1
                turn.set_result(None)
