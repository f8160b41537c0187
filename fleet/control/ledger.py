"""Makes facts durable, and brings the state back from them: the coordinator's door to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from clusters.model import Digest, Manifest
from fleet.control.archive import archived_facts
from fleet.control.contents import Contents
from fleet.state.facts import FleetFact, from_row, to_row
from fleet.state.fleet import FleetState, digests_of
from fleet.state.snapshots import dump, load
from fleet.store.errors import DuplicateCommand
from fleet.store.model import Batch, EventDraft
from fleet.store.store import Store
from fleet.view import CommandResult

SNAPSHOT_EVERY = 10_000
"""Facts between two snapshots: folding so many takes a second or two, once, at a restart."""


ANSWERS_KEPT = timedelta(days=7)
"""How long a command that is sent again is answered as it was, and not carried out anew."""


class Ledger:
    """Facts, contents and command results of one fleet.

    Args:
        store: where they are kept.
        archive: folder of the facts that were moved out of it.
    """

    def __init__(self, store: Store, *, archive: Path) -> None:
        self._store = store
        self._archive = archive
        self._contents = Contents(store)
        self._since_snapshot = 0

    @property
    def lookup(self) -> Callable[[str], tuple[Manifest, ...] | None]:
        """Gives the manifests of a digest, or None if they are not in memory."""
        return self._contents.get

    async def recover(self) -> FleetState:
        """The state of the last run: the newest snapshot, and the facts after it."""
        state, seq = await self._from_snapshot() or await self._from_archive()
        while rows := await self._store.read(after=seq):
            for row in rows:
                state.fold(from_row(row.kind, row.at, row.actor, row.data))
            seq = rows[-1].seq
            # Restarts must not put off the next snapshot for ever.
            self._since_snapshot += len(rows)
        await self._contents.load(digests_of(state))
        return state

    async def keep_snapshot(self) -> None:
        """Store a snapshot of the state as of the newest fact, so that older ones may go."""
        state = await self.recover()
        if newest := await self._store.last_seq():
            await self._store.save_snapshot(newest, dump(state))

    async def _from_snapshot(self) -> tuple[FleetState, int] | None:
        stored = await self._store.load_snapshot()
        if stored is None:
            return None
        try:
            return load(stored[1]), stored[0]
        except (msgspec.MsgspecError, ValueError, KeyError):
            # Written by another version: the facts say the same, only slower.
            return None

    async def _from_archive(self) -> tuple[FleetState, int]:
        """The state at the beginning of the log: empty, or what was archived comes to."""
        state, start = FleetState(), await self._store.checkpoint()
        if start.seq:
            for fact in archived_facts(self._archive, through=start):
                state.fold(fact)
        return state, start.seq

    async def answered(self, key: str) -> CommandResult | None:
        """What the command with this idempotency key was answered, if it was carried out."""
        known = await self._store.command_result(key) if key else None
        return msgspec.json.decode(known, type=CommandResult) if known is not None else None

    async def record(
        self,
        facts: Sequence[FleetFact],
        state: FleetState,
        *,
        rendered: Mapping[Digest, tuple[Manifest, ...]],
        answers: Mapping[str, CommandResult],
    ) -> tuple[int, ...]:
        """Store facts with all that they need, at once or not at all; return their numbers.

        Args:
            facts: what happened.
            state: the state after them, for a snapshot when one is due.
            rendered: contents that facts may name.
            answers: results of accepted commands by idempotency key.
        """
        bodies, sets = self._contents.add(rendered)
        if not (facts or bodies or sets):
            return ()
        self._since_snapshot += len(facts)
        due = self._since_snapshot >= SNAPSHOT_EVERY
        # In a thread: a large fleet takes seconds, and the clusters go on meanwhile.  Only the
        # caller changes the state, and waits for us.
        snapshot = await asyncio.to_thread(dump, state) if due else None
        events = [_draft(fact) for fact in facts]
        keyed = {key: msgspec.json.encode(result) for key, result in answers.items()}
        try:
            stored = await self._store.commit(
                Batch(events=events, contents=bodies, sets=sets, commands=keyed, snapshot=snapshot)
            )
        except DuplicateCommand:
            # Asked twice within one batch: the facts are the same, so they are stored once.
            stored = await self._store.commit(
                Batch(events=events, contents=bodies, sets=sets, snapshot=snapshot)
            )
        self._contents.stored(list(sets))
        if snapshot:
            await self._tidy(state)
        return tuple(row.seq for row in stored)

    async def _tidy(self, state: FleetState) -> None:
        self._since_snapshot = 0
        if state.alive_at is not None:
            await self._store.expire_commands(state.alive_at - ANSWERS_KEPT)
        live = digests_of(state)
        self._contents.keep(live)
        await self._store.collect_garbage({Digest(digest) for digest in live})


def _draft(fact: FleetFact) -> EventDraft:
    kind, data = to_row(fact)
    return EventDraft(
        kind=kind,
        at=fact.at,
        actor=fact.actor,
        cluster=_subject(data, "cluster"),
        bundle=_subject(data, "bundle"),
        data=data,
    )


def _subject(data: Mapping[str, object], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None
