"""When to look at repositories: every half minute or so, at once when asked, less often in trouble.

Each repository has its own task, so one that hangs delays no other.  What a look found, good or
bad, goes to one callback; what it means is decided there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NewType, Protocol

from fleet.source.errors import SourceError
from fleet.source.repository import FetchResult

SourceName = NewType("SourceName", str)

Report = Callable[[SourceName, FetchResult | SourceError], Awaitable[None]]


class Fetchable(Protocol):
    """What is polled; `fleet.source.repository.Repository` is one."""

    async def fetch(self) -> FetchResult:
        """Look once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often is looked."""

    interval_s: float = 30.0
    jitter: float = 0.1
    """Share of the interval by which looks are moved at random, so that not all come at once."""
    backoff_max_s: float = 300.0

    def pause_s(self, failures: int, random_share: float) -> float:
        """Time until the next look after so many failures in a row; `random_share` is in [0, 1)."""
        # 2^10 intervals are beyond any sensible maximum, and larger powers overflow floats.
        grown = self.interval_s * 2.0 ** min(failures, 10)
        pause = grown if not failures else max(self.interval_s, min(grown, self.backoff_max_s))
        return pause * (1 + self.jitter * (2 * random_share - 1))


DEFAULT_RHYTHM = Rhythm()


@dataclass(slots=True)
class _Polled:
    source: Fetchable
    look_now: asyncio.Event
    task: asyncio.Task[None] | None = None


class Poller:
    """Polls repositories that come and go, while `run` runs."""

    def __init__(
        self,
        report: Report,
        *,
        rhythm: Rhythm = DEFAULT_RHYTHM,
        chance: random.Random | None = None,
    ) -> None:
        self._report = report
        self._rhythm = rhythm
        self._chance = chance or random.Random()
        self._polled: dict[SourceName, _Polled] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Poll until cancelled.  An error of the callback is a bug and ends it."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for name, polled in self._polled.items():
                self._start(name, polled)
            try:
                # The group ends with its last task; sources may come later.
                await asyncio.Event().wait()
            finally:
                self._group = None

    def watch(self, name: SourceName, source: Fetchable) -> None:
        """Look at `source` from now on; another one of this name is forgotten."""
        self.forget(name)
        polled = self._polled[name] = _Polled(source, asyncio.Event())
        if self._group is not None:
            self._start(name, polled)

    def forget(self, name: SourceName) -> None:
        """Look at it no more; a look under way is cancelled and not reported."""
        polled = self._polled.pop(name, None)
        if polled and polled.task:
            polled.task.cancel()

    def look_now(self, name: SourceName | None = None) -> None:
        """Look at one source, or at all, without waiting for its time.

        Raises:
            KeyError: there is no source of this name.
        """
        for polled in [self._polled[name]] if name is not None else self._polled.values():
            polled.look_now.set()

    @property
    def names(self) -> frozenset[SourceName]:
        """The sources that are looked at."""
        return frozenset(self._polled)

    def _start(self, name: SourceName, polled: _Polled) -> None:
        assert self._group is not None
        polled.task = self._group.create_task(self._poll(name, polled), name=f"poll {name}")

    async def _poll(self, name: SourceName, polled: _Polled) -> None:
        failures = 0
        while True:
            # Cleared before the look: who asks during it may have pushed after it began.
            polled.look_now.clear()
            result: FetchResult | SourceError
            try:
                result = await polled.source.fetch()
                failures = 0
            except SourceError as error:
                result = error
                failures += 1
            await self._report(name, result)
            try:
                async with asyncio.timeout(self._rhythm.pause_s(failures, self._chance.random())):
                    await polled.look_now.wait()
            except TimeoutError:
                continue
