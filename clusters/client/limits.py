"""How many requests may be in flight to one cluster: adaptive, so that it is never pressed.

Additive increase, multiplicative decrease (as TCP does): one more slot for a window of good
answers, half of them at the first sign of distress: it throttles, times out, or takes twice as long
as it used to.  When it says how long to stay away, everybody does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic

from clusters.errors import Throttled

SLOTS_MIN = 1
SLOTS_START = 8
SLOTS_MAX = 32
HOLD_MAX_S = 10.0
"""A longer wish to be left alone is an error to tell, and no silence to wait out."""
SLOW_FACTOR = 2.0
SLOW_MIN_S = 0.05
"""Quicker answers are never called slow: it may be our own process that is busy."""
_QUICKLY, _SLOWLY = 0.2, 0.01
"""Weights of one answer in what is usual now, and what is usual at all."""


class InFlightLimit:
    """A counting gate whose width follows the server's mood.

    An async context manager, entered for the length of each request, by many at once.  Made by hand
    like `shared`'s: the generators of `contextlib` cost more than all else that a slot does.
    """

    def __init__(self, *, start: int = SLOTS_START, most: int = SLOTS_MAX) -> None:
        self._width = start
        self._most = most
        self._used = 0
        self._good = 0
        self._latest_s = self._usual_s = 0.0
        self._since_slow = 0
        self._held_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def width(self) -> int:
        """How many requests may be in flight now."""
        return self._width

    async def __aenter__(self) -> None:
        """Take a slot; first come, first served.

        Raises:
            Throttled: the server asked for a longer time than one should wait in silence.
        """
        while self._held_until:
            await self._wait_out()
        if self._used >= self._width or self._waiting:
            await self._turn()
        else:
            self._used += 1

    async def __aexit__(self, *_: object) -> None:
        """Give it back."""
        self._used -= 1
        if self._waiting:
            self._hand_over()

    async def _turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._used -= 1  # the slot was handed over, and nobody takes it
                self._hand_over()
            raise

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

    def hold(self, seconds: float) -> None:
        """The server wants nobody to ask it for a while."""
        if seconds > 0:
            self._held_until = max(self._held_until, monotonic() + seconds)

    def took(self, seconds: float) -> None:
        """Count how long an answer took; twice as long as usual is a sign of distress."""
        if not self._usual_s:
            self._latest_s = self._usual_s = seconds
        self._latest_s += _QUICKLY * (seconds - self._latest_s)
        self._usual_s += _SLOWLY * (seconds - self._usual_s)
        self._since_slow += 1
        slow = self._latest_s > max(SLOW_MIN_S, SLOW_FACTOR * self._usual_s)
        if slow and self._since_slow > self._width > SLOTS_START:
            self._width = max(SLOTS_START, self._width // 2)
            self._good = self._since_slow = 0

    async def _wait_out(self) -> None:
        left_s = self._held_until - monotonic()
        if left_s > HOLD_MAX_S:
            raise Throttled("the server asks to be left alone for a while", retry_after_s=left_s)
        if left_s > 0:
            await asyncio.sleep(left_s)
        else:
            self._held_until = 0.0

    def _hand_over(self) -> None:
        while self._waiting and self._used < self._width:
            turn = self._waiting.popleft()
            if not turn.done():
                self._used += 1
                turn.set_result(None)
