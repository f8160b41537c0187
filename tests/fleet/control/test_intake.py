"""Between Git and the inbox: what is newest arrives last, whichever repository it comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from clusters.model import BundleName
from fleet.control.inbox import CommitProposed, Message
from fleet.control.intake import Intake
from fleet.control.settings import ServerSettings
from fleet.source.urls import parse_url
from tests.fakes.fleet import bundle_document, config_map, simple_fleet
from tests.fleet.source.gits import WorkTree

APART = BundleName("apart")


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(2_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


def processes() -> int:
    """How many this process has started and not ended."""
    return sum(len(p.read_text().split()) for p in Path("/proc/self/task").glob("*/children"))


def made(tmp_path: Path, fleet: WorkTree, post: Callable[[Message], Awaitable[None]]) -> Intake:
    return Intake(
        ServerSettings(repo=str(fleet.path), state_dir=tmp_path / "state", interval_s=60),
        url=parse_url(str(fleet.path)),
        post=post,
        holding=lambda _: (),
        since=lambda *_: None,
        secret_key=b"",
    )


async def test_a_commit_that_was_planned_leaves_no_process_behind(tmp_path: Path) -> None:
    """Git stays open for reading: without an end, until the collector comes by."""

    async def post(_: Message) -> None:
        raise AssertionError("planning posts nothing")

    intake = made(tmp_path, WorkTree.make(tmp_path / "fleet", simple_fleet(["a"])), post)
    before = processes()
    for _ in range(3):
        async with intake.at("main") as at:
            assert (await intake.propose(at)).contents
            assert processes() > before
    assert processes() == before
    await intake.close()


async def test_commits_that_were_planned_leave_no_names_behind(tmp_path: Path) -> None:
    """Each one left two refs in the mirror, for ever."""

    async def post(_: Message) -> None:
        raise AssertionError("planning posts nothing")

    tree = WorkTree.make(tmp_path / "fleet", simple_fleet(["a"]))
    intake = made(tmp_path, tree, post)
    names: set[str] = set()
    for color in ("red", "green", "blue", "white"):
        revision = tree.commit({"apps/app/one.yaml": config_map("one", color=color)})
        async with intake.at(revision) as at:
            assert at.revision == revision
        # What the fleet itself follows is remembered: force-pushes are told by it.
        await intake._fleet.fetch()
        (mirror,) = (tmp_path / "state/git").iterdir()
        names = set(WorkTree(mirror).git("for-each-ref", "--format=%(refname)").split())
        assert {name.rpartition("/")[0] for name in names} == {
            "refs/flotilla/seen", "refs/flotilla/incoming",
        }  # fmt: skip
        assert len(names) == 2
    assert (await intake._fleet.fetch()).previous == revision
    await intake.close()


async def test_a_slow_reading_is_not_posted_after_a_newer_one(tmp_path: Path) -> None:
    """Two repositories are looked at by themselves: the older reading must not win."""
    other = WorkTree.make(tmp_path / "other", {"deploy/five.yaml": config_map("five", color="red")})
    document = bundle_document(APART).replace(
        "path: apps/apart", f"path: deploy, git: {other.path.as_uri()}"
    )
    fleet = WorkTree.make(
        tmp_path / "fleet", {**simple_fleet(["a"]), "bundles/apart.yaml": document}
    )
    posted: list[CommitProposed] = []

    async def post(message: Message) -> None:
        if isinstance(message, CommitProposed):
            posted.append(message)

    intake = made(tmp_path, fleet, post)
    read, looks, hold = intake._reader.read, 0, asyncio.Event()

    async def slow_once(*given: Any, **more: Any) -> Any:
        nonlocal looks
        looks += 1
        first = looks == 2  # the second reading overlaps with the look at the other repository
        found = await read(*given, **more)
        if first:
            with suppress(TimeoutError):
                await asyncio.wait_for(hold.wait(), 1.0)
        return found

    intake._reader.read = slow_once  # type: ignore[method-assign]
    running = asyncio.create_task(intake.run())
    try:
        await until(lambda: len(posted) == 1)
        fleet.commit({"apps/app/one.yaml": config_map("one", color="blue")})
        intake._poller.look_now(next(n for n in intake._poller.names if n == "fleet"))
        await until(lambda: looks == 2)
        await asyncio.sleep(0.2)
        newest = other.commit({"deploy/five.yaml": config_map("five", color="blue")})
        intake._poller.look_now(next(n for n in intake._poller.names if n != "fleet"))
        await until(lambda: len(posted) == 2)
        hold.set()
        await until(lambda: len(posted) == 3)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await intake.close()
    assert posted[-1].proposal.sources[APART] == newest
