"""What all clusters of the process share: how many requests, and how many lists, are in flight.

A request that has waited long for its answer costs a socket and nothing else, so it gives its place
to others: clusters that hang cannot use up the places of those that work.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

REQUESTS_MAX = 512
LISTS_MAX = 64
STALE_S = 2.0
"""After so long a request does not count any more."""


class SharedLimit:
    """A counting gate for many clusters; first come, first served."""

    def __init__(
        self, most: int, *, stale_s: float = STALE_S, now: Callable[[], float] = monotonic
    ) -> None:
        self._most = most
        self._stale_s = stale_s
        self._now = now
        self._inside: dict[object, float] = {}
        """Who is inside, since when: oldest first."""
        self._waiting: deque[tuple[asyncio.Future[None], object]] = deque()

    @property
    def used(self) -> int:
        """How many places are taken."""
        return len(self._inside)

    def place(self) -> Place:
        """A place to hold, for the length of an `async with`."""
        return Place(self)

    async def take(self, ticket: object) -> None:
        """Wait for a place."""
        if self._waiting or len(self._inside) >= self._most:
            await self._turn(ticket)
        else:
            self._inside[ticket] = self._now()

    def give_back(self, ticket: object) -> None:
        """Leave a place, if it was not given away meanwhile."""
        self._inside.pop(ticket, None)
        if self._waiting:
            self._hand_over()

    async def _turn(self, ticket: object) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, ticket))
        self._reclaim()
        try:
            while not turn.done():
                await asyncio.wait([turn], timeout=self._stale_s)
                self._reclaim()
        except asyncio.CancelledError:
            turn.cancel()
            self._inside.pop(ticket, None)
            self._hand_over()
            raise

    def _reclaim(self) -> None:
        """Give away the places of requests that have waited for long."""
        before = self._now() - self._stale_s
        for ticket, since in list(self._inside.items()):
            if since > before:
                break
            del self._inside[ticket]
        self._hand_over()

    def _hand_over(self) -> None:
        while self._waiting and len(self._inside) < self._most:
            turn, ticket = self._waiting.popleft()
            if not turn.done():
                self._inside[ticket] = self._now()
                turn.set_result(None)


class Place:
    """One place in a gate."""

    __slots__ = ("_gate",)

    def __init__(self, gate: SharedLimit) -> None:
        self._gate = gate

    async def __aenter__(self) -> None:
        await self._gate.take(self)

    async def __aexit__(self, *_: object) -> None:
        self._gate.give_back(self)


class SharedLimits:
    """The gates of one process."""

    def __init__(self, *, requests: int = REQUESTS_MAX, lists: int = LISTS_MAX) -> None:
        self.requests = SharedLimit(requests)
        self.lists = SharedLimit(lists)
