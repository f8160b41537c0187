"""The worker: hung transfers are killed with all they started, and keep nobody else waiting."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from fleet.source.git_command import TransferTimedOut, TransferTooLarge
from fleet.source.worker import GitWorker


def hang(marker: Path) -> subprocess.Popen[bytes]:
    """A process with a child that holds the pipes; both pids go to `marker`."""
    script = f"sleep 600 & echo $$ $! > {marker}.new; mv {marker}.new {marker}; wait"
    return subprocess.Popen(
        ["sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


async def pids_in(marker: Path) -> list[int]:
    await asyncio.to_thread(wait_until, marker.exists)
    return await asyncio.to_thread(lambda: [int(pid) for pid in marker.read_text().split()])


async def wait_until_gone(pids: list[int]) -> None:
    await asyncio.to_thread(wait_until, lambda: not any(is_running(pid) for pid in pids))


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


async def test_work_runs_on_one_thread_in_turn(worker: GitWorker) -> None:
    threads = await asyncio.gather(*(worker.run(threading.get_ident) for _ in range(20)))
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_a_transfer_that_takes_too_long_is_killed(worker: GitWorker, tmp_path: Path) -> None:
    marker = tmp_path / "pids"
    with pytest.raises(TransferTimedOut):
        await worker.transfer(lambda: hang(marker), timeout_s=0.3)
    await wait_until_gone(await pids_in(marker))


async def test_a_transfer_that_fails_its_check_is_killed(worker: GitWorker, tmp_path: Path) -> None:
    marker = tmp_path / "pids"
    with pytest.raises(TransferTooLarge):
        await worker.transfer(lambda: hang(marker), timeout_s=60, check=lambda: False)
    await wait_until_gone(await pids_in(marker))


async def test_a_cancelled_transfer_is_killed(worker: GitWorker, tmp_path: Path) -> None:
    marker = tmp_path / "pids"
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.transfer(lambda: hang(marker), timeout_s=60))
        pids = await pids_in(marker)
        task.cancel()
    await wait_until_gone(pids)


async def test_a_transfer_cancelled_while_it_starts_is_killed(
    worker: GitWorker, tmp_path: Path
) -> None:
    marker = tmp_path / "pids"
    released = threading.Event()

    def start() -> subprocess.Popen[bytes]:
        process = hang(marker)
        released.wait(5)
        return process

    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.transfer(start, timeout_s=60))
        pids = await pids_in(marker)
        task.cancel()
        await asyncio.sleep(0)
        released.set()
    await wait_until_gone(pids)


async def test_hung_transfers_keep_nobody_from_reading(worker: GitWorker, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(worker.transfer(partial(hang, tmp_path / str(n)), timeout_s=60))
            for n in range(3)
        ]
        for n in range(3):
            await pids_in(tmp_path / str(n))
        async with asyncio.timeout(60):
            assert await worker.run(lambda: 42) == 42
        for task in tasks:
            task.cancel()


async def test_closing_kills_what_is_just_starting(tmp_path: Path) -> None:
    starting, released = threading.Event(), threading.Event()

    def start() -> subprocess.Popen[bytes]:
        starting.set()
        released.wait(60)
        return hang(tmp_path / "pids")

    worker = GitWorker()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.transfer(start, timeout_s=60))
        await asyncio.to_thread(starting.wait, 60)
        group.create_task(asyncio.to_thread(worker.close))
        await asyncio.sleep(0.05)
        released.set()
        ended = await task
    assert ended.status < 0


async def test_closing_kills_what_is_under_way(tmp_path: Path) -> None:
    marker = tmp_path / "pids"
    async with asyncio.TaskGroup() as group:
        async with GitWorker() as worker:
            task = group.create_task(worker.transfer(lambda: hang(marker), timeout_s=60))
            pids = await pids_in(marker)
        ended = await task
    assert ended.status < 0
    await wait_until_gone(pids)


def test_leaves_a_surrounding_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    monkeypatch.setenv("SSH_ASKPASS", "/bin/echo")
    GitWorker().close()
    assert "GIT_DIR" not in os.environ
    assert "SSH_ASKPASS" not in os.environ
