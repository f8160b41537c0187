"""Carries out what rollouts want done, and brings the results back as news for the inbox.

Assignments need nothing here: they are part of the state, and reach the clusters with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import assert_never

from fleet.control.inbox import CommitsRecalled, RolloutNews
from fleet.control.measuring import Measurer
from fleet.deciding.conductor import Do
from fleet.model import Inventory
from fleet.rollout.decisions import (
    AskApproval,
    AssignRelease,
    MeasureGate,
    ObserveCluster,
    PlaceHold,
    ProposeRevert,
)
from fleet.rollout.events import HoldPlaced
from fleet.rollout.state import Rollout
from fleet.source.proposing import Proposer

Post = Callable[[RolloutNews | CommitsRecalled], Awaitable[None]]


class Effects:
    """Starts side effects; runs them in `group`.

    Args:
        measurer: measures gates.
        post: the coordinator's inbox.
        inventory: what is declared now.
        proposer: proposes reverts to Git.
    """

    def __init__(
        self,
        measurer: Measurer,
        *,
        post: Post,
        inventory: Callable[[], Inventory],
        proposer: Proposer,
    ) -> None:
        self._measurer = measurer
        self._post = post
        self._inventory = inventory
        self._proposer = proposer
        self._group: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await asyncio.Event().wait()

    def start(self, do: Do, rollout: Rollout) -> None:
        """Start one effect; returns at once."""
        effect = do.effect
        match effect:
            case MeasureGate():
                self._spawn(self._measure(do.rollout, effect, rollout))
            case PlaceHold():
                placed = HoldPlaced(at=datetime.now(UTC), reason=effect.reason)
                self._spawn(self._post(RolloutNews(rollout=do.rollout, event=placed)))
            case ProposeRevert():
                self._spawn(self._propose(do.rollout, effect))
            case AssignRelease() | AskApproval() | ObserveCluster():
                # The first is already in the state, the second is shown from it, and the third is
                # answered by what the reconciler reports anyway.
                return
            case _:
                assert_never(effect)

    def read(self, work: Awaitable[CommitsRecalled]) -> None:
        """Start reading commits; returns at once."""
        self._spawn(self._read(work))

    async def _read(self, work: Awaitable[CommitsRecalled]) -> None:
        await self._post(await work)

    async def _measure(self, name: str, asked: MeasureGate, rollout: Rollout) -> None:
        measured = await self._measurer.measure(asked, rollout, self._inventory())
        await self._post(RolloutNews(rollout=name, event=measured))

    async def _propose(self, name: str, asked: ProposeRevert) -> None:
        proposed = await self._proposer.propose(asked)
        await self._post(RolloutNews(rollout=name, event=proposed))

    def _spawn(self, work: Awaitable[None]) -> None:
        assert self._group is not None
        self._group.create_task(_done(work))


async def _done(work: Awaitable[None]) -> None:
    await work
