"""When repositories are looked at: in rhythm, at once when asked, less often in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.model import Revision
from fleet.source.errors import RepositoryUnreachable, SourceError
from fleet.source.poller import Poller, Rhythm, SourceName
from fleet.source.repository import FetchResult
from tests.fleet.source.gits import OpenRepository, WorkTree

A, B = SourceName("a"), SourceName("b")
NEVER = Rhythm(interval_s=3600)
OFTEN = Rhythm(interval_s=0.005, backoff_max_s=0.01)


class Source:
    """A repository whose looks are counted; hangs or fails on request."""

    def __init__(self, *, fails: bool = False, hangs: bool = False) -> None:
        self.looks = 0
        self.fails = fails
        self.hangs = hangs

    async def fetch(self) -> FetchResult:
        self.looks += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.fails:
            raise RepositoryUnreachable("gone", url="u")
        return FetchResult(revision=Revision(str(self.looks)), previous=None, forced=False)


class Reports:
    """Collects what is reported, and waits for it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[SourceName, FetchResult | SourceError]] = asyncio.Queue()

    async def __call__(self, name: SourceName, result: FetchResult | SourceError) -> None:
        await self.queue.put((name, result))

    async def next(self) -> tuple[SourceName, FetchResult | SourceError]:
        async with asyncio.timeout(60):
            return await self.queue.get()


@asynccontextmanager
async def running(poller: Poller) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(poller.run())
        try:
            yield
        finally:
            task.cancel()


async def test_looks_again_and_again() -> None:
    reports = Reports()
    poller = Poller(reports, rhythm=OFTEN)
    poller.watch(A, Source())
    async with running(poller):
        revisions = [(await reports.next())[1] for _ in range(3)]
    assert [r.revision for r in revisions if isinstance(r, FetchResult)] == ["1", "2", "3"]


async def test_looks_at_once_when_asked() -> None:
    reports = Reports()
    poller = Poller(reports, rhythm=NEVER)
    first, second = Source(), Source()
    poller.watch(A, first)
    poller.watch(B, second)
    async with running(poller):
        assert {(await reports.next())[0] for _ in range(2)} == {A, B}
        poller.look_now(B)
        assert (await reports.next())[0] == B
        poller.look_now()
        assert {(await reports.next())[0] for _ in range(2)} == {A, B}
        with pytest.raises(KeyError):
            poller.look_now(SourceName("c"))
    assert (first.looks, second.looks) == (2, 3)


async def test_errors_are_reported_and_it_goes_on() -> None:
    reports = Reports()
    poller = Poller(reports, rhythm=OFTEN)
    source = Source(fails=True)
    poller.watch(A, source)
    async with running(poller):
        assert isinstance((await reports.next())[1], RepositoryUnreachable)
        source.fails = False
        async with asyncio.timeout(60):
            while isinstance((await reports.next())[1], SourceError):
                pass


async def test_a_source_that_hangs_delays_no_other() -> None:
    reports = Reports()
    poller = Poller(reports, rhythm=OFTEN)
    poller.watch(A, Source(hangs=True))
    poller.watch(B, Source())
    async with running(poller):
        assert [(await reports.next())[0] for _ in range(3)] == [B, B, B]


async def test_sources_come_and_go_while_it_runs() -> None:
    reports = Reports()
    poller = Poller(reports, rhythm=NEVER)
    async with running(poller):
        await asyncio.sleep(0)
        poller.watch(A, Source(hangs=True))
        await asyncio.sleep(0)
        poller.watch(A, Source())
        assert (await reports.next())[0] == A
        poller.watch(B, Source())
        assert (await reports.next())[0] == B
        poller.forget(A)
        poller.forget(A)
        assert poller.names == {B}
    assert reports.queue.empty()


async def test_polls_a_real_repository(
    work_tree: WorkTree, open_repository: OpenRepository
) -> None:
    reports = Reports()
    poller = Poller(reports, rhythm=NEVER)
    poller.watch(A, open_repository(work_tree.path))
    async with running(poller):
        _, first = await reports.next()
        pushed = work_tree.commit({"new.yaml": "a: 1\n"})
        poller.look_now(A)
        _, second = await reports.next()
    assert isinstance(first, FetchResult)
    assert isinstance(second, FetchResult)
    assert (second.previous, second.revision) == (first.revision, pushed)


@given(
    interval=st.floats(0.1, 3600),
    failures=st.integers(0, 10_000),
    share=st.floats(0, 1, exclude_max=True),
)
def test_pauses_grow_with_failures_to_a_limit(interval: float, failures: int, share: float) -> None:
    rhythm = Rhythm(interval_s=interval)
    pause = rhythm.pause_s(failures, share)
    assert interval * 0.9 <= pause <= max(300.0, interval) * 1.1
    assert rhythm.pause_s(failures + 1, share) >= pause
