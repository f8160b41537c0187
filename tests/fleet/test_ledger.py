"""What the ledger keeps, and what it lets go of when it stores a snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet import events as facts
from fleet import ledger as module
from fleet.ledger import ANSWERS_KEPT, Ledger
from fleet.state import FleetState
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
