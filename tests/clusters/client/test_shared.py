"""The gates of the whole process: never too many, nobody forgotten, and the dead give way."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.client.shared import SharedLimit


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 25))
def test_nobody_waits_for_ever_and_never_too_many_are_inside(
    seed: int, most: int, requests: int
) -> None:
    """Requests of random length, some of them cancelled while they wait or work."""
    dice = random.Random(seed)

    async def run() -> None:
        limit = SharedLimit(most)
        inside = 0

        async def request() -> None:
            nonlocal inside
            async with limit.place():
                inside += 1
                assert inside <= most
                try:
                    for _ in range(dice.randint(0, 3)):
                        await asyncio.sleep(0)
                finally:
                    inside -= 1

        tasks = [asyncio.create_task(request()) for _ in range(requests)]
        for task in tasks:
            await asyncio.sleep(0)
            if dice.random() < 0.3:
                task.cancel()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
        assert not [one for one in done if isinstance(one, AssertionError)]
        assert limit.used == 0

    asyncio.run(run())


async def test_clusters_that_hang_do_not_use_up_the_places_of_those_that_work() -> None:
    limit = SharedLimit(4, stale_s=0.05)

    async def hang() -> None:
        async with limit.place():
            await asyncio.sleep(600)

    hanging = [asyncio.create_task(hang()) for _ in range(40)]
    await asyncio.sleep(0)

    async def work() -> None:
        async with limit.place():
            await asyncio.sleep(0)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work() for _ in range(20)))
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    assert limit.used == 0


@pytest.mark.parametrize("most", [1, 3])
async def test_they_come_in_the_order_in_which_they_asked(most: int) -> None:
    limit, order = SharedLimit(most), []

    async def request(number: int) -> None:
        async with limit.place():
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(request(number) for number in range(12)))
    assert order == list(range(12))
