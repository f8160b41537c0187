"""What the ledger keeps, and what it lets go of when it stores a snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clusters.model import Digest, Manifest
from fleet.control import ledger as module
from fleet.control.ledger import ANSWERS_KEPT, Ledger
from fleet.source.render.render import digest_of_manifests
from fleet.state import facts
from fleet.state.fleet import FleetState
from fleet.store.store import Store
from fleet.view import CommandResult

START = datetime(2026, 1, 1, tzinfo=UTC)


class Times:
    """The clock of the store, set by hand."""

    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
async def store(tmp_path: Path, times: Times) -> AsyncIterator[Store]:
    async with await Store.open(tmp_path / "flotilla.db", clock=times) as opened:
        yield opened


async def test_answers_to_old_commands_do_not_pile_up(
    store: Store, times: Times, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_EVERY", 2)
    ledger, state = Ledger(store, archive=tmp_path), FleetState()
    done = CommandResult(accepted=True, message="done")

    async def record(key: str, at: datetime) -> None:
        times.now = at
        fact = facts.ReconcileAsked(at=at, actor="ada", target="fleet", reason="")
        state.fold(fact)
        await ledger.record([fact], state, rendered={}, answers={key: done})

    await record("old", START)
    await record("young", START + timedelta(hours=1))
    assert await ledger.answered("old") == done, "too young to be let go of"
    await record("new", START + ANSWERS_KEPT + timedelta(minutes=1))
    await record("newest", START + ANSWERS_KEPT + timedelta(minutes=2))
    assert await ledger.answered("old") is None
    assert await ledger.answered("young") == await ledger.answered("newest") == done


async def test_contents_that_come_back_after_they_were_let_go_of_are_stored_again(
    store: Store, times: Times, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revert renders what a fleet had long ago; after a restart it must still be known."""
    monkeypatch.setattr(module, "SNAPSHOT_EVERY", 1)
    ledger, state = Ledger(store, archive=tmp_path), FleetState()
    manifest = Manifest.of(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "x"}}
    )
    digest = digest_of_manifests((manifest,))

    async def record(at: datetime, *rendered: Digest) -> None:
        times.now = at
        fact = facts.ReconcileAsked(at=at, actor="ada", target="fleet", reason="")
        state.fold(fact)
        contents = dict.fromkeys(rendered, (manifest,))
        await ledger.record([fact], state, rendered=contents, answers={})

    await record(START, digest)
    assert digest in await store.get_sets([digest])
    await record(START + timedelta(hours=3))
    assert not await store.get_sets([digest])
    await record(START + timedelta(hours=4), digest)
    assert digest in await store.get_sets([digest])
