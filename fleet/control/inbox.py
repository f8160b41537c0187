"""What reaches the coordinator, from whom ever: the messages of its one inbox."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clusters.events import ClusterEvent
from clusters.model import Revision
from fleet.model.problems import Problem
from fleet.model.release import CommitHead, Proposal
from fleet.rollout.events import Event as RolloutFact
from fleet.view import CommandRequest, CommandResult


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitProposed:
    """A commit was read, checked and rendered."""

    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFaulty:
    """A commit has errors."""

    head: CommitHead
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUnreadable:
    """A repository cannot be read."""

    repository: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLooked:
    """The fleet repository was looked at; nothing is new."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitsRecalled:
    """After the loss of the database: the first commit, and older ones that clusters name."""

    newest: Proposal
    older: Mapping[Revision, Proposal]
    """Those of them that could be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAsked:
    """A person asks for something; `answer` gets the result once it is durable."""

    request: CommandRequest
    actor: str
    key: str
    """Idempotency key; empty: none."""
    answer: asyncio.Future[CommandResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutNews:
    """What came of a side effect of a rollout."""

    rollout: str
    event: RolloutFact


Message = (
    CommitProposed
    | CommitsRecalled
    | CommitFaulty
    | SourceUnreadable
    | SourceLooked
    | CommandAsked
    | RolloutNews
    | ClusterEvent
)


class Inbox:
    """A bounded queue that is emptied in batches: who posts faster than it is read waits."""

    def __init__(self, size: int = 10_000) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue(size)

    async def post(self, message: Message) -> None:
        """Put a message in."""
        await self._queue.put(message)

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be read."""
        return self._queue.empty()

    async def take(self, most: int, timeout_s: float) -> list[Message]:
        """Wait for the first message, then take all there are, up to `most`; [] on timeout."""
        taken: list[Message] = []
        if self._queue.empty():
            try:
                async with asyncio.timeout(timeout_s):
                    taken.append(await self._queue.get())
            except TimeoutError:
                return []
        while len(taken) < most and not self._queue.empty():
            taken.append(self._queue.get_nowait())
        return taken
