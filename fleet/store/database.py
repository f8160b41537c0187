"""The one thread that talks to the database, and group commit.

The event loop never waits for a disk.  Callers hand over jobs (functions of a session) and await
their results.  Writes that arrive while a transaction is under way are carried out together in the
next one: with a hundred reconcilers writing, a commit's wait for the disk is shared by all of
them.  Nobody gets his answer before the commit that holds his write.

The queue holds at most one job for each waiting caller; callers that stop waiting do not take
their job back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from fleet.store.errors import StoreUnavailable
from fleet.store.failures import translated

T = TypeVar("T")
Job = Callable[[Session], T]
"""Reads or writes within the transaction it is given; may be run again after a rollback."""

_GROUP_MAX = 256
"""Most writes in one transaction: bounds what a failing one makes us do again."""


@dataclass(frozen=True, slots=True)
class _Write:
    job: Job[Any]
    future: asyncio.Future[Any]


@dataclass(frozen=True, slots=True)
class _Outcome:
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None


class Database:
    """Runs jobs on one thread, over an engine of one connection."""

    def __init__(self, engine: Engine, *, name: str) -> None:
        self._engine = engine
        self._name = name
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._writes: deque[_Write] = deque()
        self._closed = False

    async def read(self, job: Job[T]) -> T:
        """Run `job` in a transaction of its own that writes nothing."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor(), self._run, job)

    async def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction that it may share with other callers' jobs.

        A job that raises is rolled back alone: the others of its transaction are run again.
        """
        executor = self._executor()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writes.append(_Write(job, future))
        executor.submit(self._write_group)
        return await future

    async def close(self) -> None:
        """Finish what was handed over, then disconnect."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)

    def _executor(self) -> ThreadPoolExecutor:
        if self._closed:
            raise StoreUnavailable(f"database {self._name} is closed")
        return self._thread

    # From here on: on the store's thread.

    def _run(self, job: Job[T]) -> T:
        with translated(self._name), Session(self._engine) as session, session.begin():
            return job(session)

    def _write_group(self) -> None:
        group: list[_Write] = []
        while self._writes and len(group) < _GROUP_MAX:
            group.append(self._writes.popleft())
        if not group:
            return  # an earlier call took these writes along
        outcomes = self._commit(group)
        group[0].future.get_loop().call_soon_threadsafe(_settle, outcomes)

    def _commit(self, group: Sequence[_Write]) -> list[_Outcome]:
        try:
            results = self._run(lambda session: [write.job(session) for write in group])
        except StoreUnavailable as error:
            return [_Outcome(write.future, error=error) for write in group]
        except Exception as error:
            if len(group) == 1:
                return [_Outcome(group[0].future, error=error)]
            return [outcome for write in group for outcome in self._commit([write])]
        return [
            _Outcome(write.future, result=result)
            for write, result in zip(group, results, strict=True)
        ]


def _settle(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        if outcome.future.done():
            continue  # its caller stopped waiting
        if outcome.error is not None:
            outcome.future.set_exception(outcome.error)
        else:
            outcome.future.set_result(outcome.result)
