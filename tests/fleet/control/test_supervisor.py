"""Reconcilers that are replaced, and one that crashes when its successor is at work already."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from clusters.events import ClusterEvent, ReconcilerCrashed
from clusters.model import ClusterName
from fleet.control import supervisor
from fleet.control.supervisor import Supervisor
from fleet.model import Cluster, Connection, Place

A = ClusterName("a")
HERE = Place(file="a.yaml", line=1)


class Stubborn:
    """A reconciler that does not stop when it is asked to once, and crashes later."""

    def __init__(self) -> None:
        self.begun, self.crash = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        self.begun.set()
        with suppress(asyncio.CancelledError):
            await self.crash.wait()
        await self.crash.wait()
        raise RuntimeError("late")


async def test_a_crash_of_what_was_replaced_leaves_the_successor_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_S", 0.01)
    made: list[Stubborn] = []
    reported: list[ClusterEvent] = []
    told = asyncio.Event()

    def build(_: Cluster) -> Any:
        made.append(Stubborn())
        return made[-1]

    async def report(event: ClusterEvent) -> None:
        reported.append(event)
        told.set()

    supervised = Supervisor(build=build, report=report)
    for context in ("one", "two"):
        cluster = Cluster(name=A, connection=Connection(context=context), place=HERE)
        await supervised.adjust({A: cluster})
        await made[-1].begun.wait()
    first, second = made
    first.crash.set()
    await told.wait()
    assert isinstance(reported[0], ReconcilerCrashed)
    assert supervised.running[A] is second  # type: ignore[comparison-overlap]

    told.clear()
    second.crash.set()
    await told.wait()
    assert supervised.running == {}
