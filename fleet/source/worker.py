"""Where Git runs: one thread for all work on repositories, and a few that wait for transfers.

GitPython is not thread-safe, so everything that touches a repository runs on the one thread.
Waiting for a server is no such work: a server that hangs must not keep other repositories from
being read.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from fleet.source.git_command import Ended, kill, leave_surrounding_git, reap, wait

T = TypeVar("T")

TRANSFERS_MAX = 8


class GitWorker:
    """Shared by all repositories of a server.  Closing it kills every transfer under way.

    Making one removes the GIT_* variables from the process: see `leave_surrounding_git`.
    """

    def __init__(self) -> None:
        leave_surrounding_git()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git")
        self._waiting = ThreadPoolExecutor(TRANSFERS_MAX, thread_name_prefix="git-transfer")
        self._transfers: set[subprocess.Popen[bytes]] = set()
        self._closing = False
        self._locks: dict[Path, asyncio.Lock] = {}

    def lock(self, directory: Path) -> asyncio.Lock:
        """Return the lock of the mirror in `directory`: one transfer at a time."""
        return self._locks.setdefault(directory, asyncio.Lock())

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` on the one thread that touches repositories."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def transfer(
        self,
        start: Callable[[], subprocess.Popen[bytes]],
        *,
        timeout_s: float,
        check: Callable[[], bool] = lambda: True,
    ) -> Ended:
        """Start a process on the one thread and wait for it on another.

        Raises:
            TransferTimedOut, TransferTooLarge: it was killed, with all that it started.
        """
        process = await self._started(start)
        self._transfers.add(process)
        if self._closing:
            kill(process)
        try:
            job = self._waiting.submit(wait, process, timeout_s=timeout_s, check=check)
        except RuntimeError:  # closed while it started
            self._transfers.discard(process)
            return await asyncio.to_thread(wait, process, timeout_s=timeout_s)
        try:
            return await asyncio.wrap_future(job)
        finally:
            self._transfers.discard(process)
            if not job.done():
                kill(process)
            elif job.cancelled():
                reap(process)

    async def _started(
        self, start: Callable[[], subprocess.Popen[bytes]]
    ) -> subprocess.Popen[bytes]:
        job = self._thread.submit(start)
        try:
            return await asyncio.wrap_future(job)
        except asyncio.CancelledError:
            job.add_done_callback(_abandon)
            raise

    def close(self) -> None:
        """Kill what is under way and end the threads; blocks until they are gone."""
        self._closing = True  # before the look at what runs: what starts now looks at this
        for process in tuple(self._transfers):
            kill(process)
        self._waiting.shutdown(cancel_futures=True)
        self._thread.shutdown(cancel_futures=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)


def _abandon(job: Future[subprocess.Popen[bytes]]) -> None:
    """Nobody waits any more for a process that was being started."""
    if not job.cancelled() and job.exception() is None:
        reap(job.result())
