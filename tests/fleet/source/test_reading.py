"""Reading commits: several people may ask at once, while the server reads the newest."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from fleet.source import reading
from fleet.source.reading import At, CommitReader
from fleet.source.whole import render_whole
from tests.fakes.fleet import simple_fleet
from tests.fleet.source.gits import OpenRepository, WorkTree


async def test_commits_that_are_read_at_once_are_rendered_one_after_the_other(
    work_tree: WorkTree, open_repository: OpenRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renderer keeps what it made, and is not for several threads."""
    work_tree.commit(simple_fleet(["a", "b"]))
    repository = open_repository(work_tree.path)
    at = At(repository=repository, revision=(await repository.fetch()).revision)
    inside, most, entered = 0, 0, threading.Event()

    def watched(*given: Any) -> object:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        entered.set()
        try:
            threading.Event().wait(0.05)
            return render_whole(*given)
        finally:
            inside -= 1

    monkeypatch.setattr(reading, "render_whole", watched)
    reader = CommitReader("")

    async def none(_: object) -> At:
        raise AssertionError("no bundle names another repository")

    def read() -> asyncio.Task[Any]:
        return asyncio.create_task(reader.read(at, none, holding=lambda _: ()))

    given_up = read()
    await asyncio.to_thread(entered.wait)
    given_up.cancel()
    proposals = await asyncio.gather(*(read() for _ in range(3)))
    assert most == 1
    assert len({frozenset(proposal.contents) for proposal in proposals}) == 1
