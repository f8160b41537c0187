"""Reconcilers wait for a database that is away for a moment, and are told when it stays away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from clusters.model import Applied, ClusterName, ObjectRef
from fleet.control.journal import StoreJournal
from fleet.store.errors import StoreUnavailable
from fleet.store.store import Store
from tests.fleet.store.places import applied

EU = ClusterName("eu-1")


class _Away(Store):
    """A database that loses the next few writes."""

    losses = 0

    async def write_applied(
        self, cluster: ClusterName, upserts: Sequence[Applied], removals: Sequence[ObjectRef] = ()
    ) -> None:
        if self.losses:
            self.losses -= 1
            raise StoreUnavailable("database x cannot be used: the connection broke")
        await super().write_applied(cluster, upserts, removals)


@pytest.mark.parametrize(("losses", "is_kept"), [(0, True), (2, True), (3, False)])
async def test_a_moment_is_waited_for(losses: int, is_kept: bool, tmp_path: Path) -> None:
    async with await _Away.open(tmp_path / "x.db") as store:
        store.losses = losses
        journal = StoreJournal(store, pauses_s=(0.0, 0.0))
        if is_kept:
            await journal.write(EU, [applied("a")], ())
        else:
            with pytest.raises(StoreUnavailable):
                await journal.write(EU, [applied("a")], ())
        assert len(await journal.load(EU)) == is_kept
