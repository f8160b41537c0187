from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from clusters.model import digest_of
from fleet.store.store import Store
from tests.fakes.forking import fork
from tests.fleet.store.places import StorePlace
from tests.fleet.store.writer import CLUSTER, body, set_name


def write_until_killed(place: StorePlace, *, words: int, after_s: float) -> set[int]:
    """Start a writer, kill it so long after its first words; what it said was stored."""
    reading, writing = os.pipe()
    with open(reading) as told:
        try:
            writer = fork(
                "tests.fleet.store.writer:main",
                (str(place.url_or_path), str(place.key_file)),
                env=dict(os.environ),
                stdout=writing,
                stderr=2,
            )
        finally:
            os.close(writing)
        said = [told.readline() for _ in range(words)]
        assert all(said), "the writer did not get so far"
        time.sleep(after_s)
        writer.kill()
        said += told.readlines()
    return {int(line) for line in said[1:] if line.endswith("\n")}


@pytest.mark.e2e
async def test_killing_the_process_loses_nothing_and_breaks_nothing(place: StorePlace) -> None:
    chance = random.Random(20260301)
    said: set[int] = set()
    for words, within_s in ((1, 0.03), (1, 0.06), (2, 0.1), (5, 0.1)):
        after_s = chance.uniform(0, within_s)
        said |= await asyncio.to_thread(write_until_killed, place, words=words, after_s=after_s)
        async with await place.open() as store:
            await assert_consistent(store, said)


async def assert_consistent(store: Store, said: set[int]) -> None:
    report = await store.verify()
    assert report.ok, report.broken
    events = await store.read(limit=100_000)
    stored = {event.data["number"] for event in events}
    assert len(events) == 2 * len(stored), "half a batch"
    assert said <= stored, "told to be stored, and lost"

    objects = {int(each.ref.name): each.confirmed for each in await store.applied(CLUSTER)}
    assert set(objects) == stored
    assert all(objects[number] for number in said)

    contents = {digest_of(body(number)): body(number) for number in stored}
    assert await store.get_contents(contents) == contents
    sets = await store.get_sets([set_name(number) for number in stored])
    assert set().union(*sets.values()) == set(contents)
    for number in sorted(stored)[-5:]:
        assert await store.command_result(str(number)) == b"done"
    snapshot = await store.load_snapshot()
    if not stored:
        assert snapshot is None
        return
    assert snapshot is not None
    assert snapshot[0] == len(events)
    assert int(snapshot[1]) == events[-1].data["number"]
