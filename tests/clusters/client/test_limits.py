"""The gate before one server: never more than its width, and nobody is forgotten at it."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.client.limits import SLOTS_MAX, SLOTS_MIN, InFlightLimit


@given(st.lists(st.booleans(), max_size=300))
def test_the_width_stays_within_its_bounds(good: list[bool]) -> None:
    limit = InFlightLimit()
    for answer in good:
        before = limit.width
        if answer:
            limit.faster()
            assert before <= limit.width <= before + 1
        else:
            limit.slower()
            assert limit.width == max(SLOTS_MIN, before // 2)
        assert SLOTS_MIN <= limit.width <= SLOTS_MAX


def test_a_window_of_good_answers_earns_one_slot() -> None:
    limit = InFlightLimit(start=4)
    for _ in range(3):
        limit.faster()
    assert limit.width == 4
    limit.faster()
    assert limit.width == 5


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 25))
def test_nobody_waits_for_ever_and_never_too_many_are_inside(
    seed: int, width: int, requests: int
) -> None:
    """Requests of random length, some of them cancelled while they wait or work."""
    random_ = random.Random(seed)

    async def run() -> None:
        limit = InFlightLimit(start=width, most=width)
        inside = 0

        async def request() -> None:
            nonlocal inside
            async with limit.slot():
                inside += 1
                assert inside <= width
                try:
                    for _ in range(random_.randint(0, 3)):
                        await asyncio.sleep(0)
                finally:
                    inside -= 1

        tasks = [asyncio.create_task(request()) for _ in range(requests)]
        for task in tasks:
            if random_.random() < 0.3:
                for _ in range(random_.randint(0, 3)):
                    await asyncio.sleep(0)
                task.cancel()
        async with asyncio.timeout(5):
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(width):  # all slots are free again
                async with limit.slot():
                    pass
        assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)

    asyncio.run(run())


async def test_first_come_first_served() -> None:
    limit = InFlightLimit(start=1, most=1)
    order: list[int] = []

    async def request(number: int) -> None:
        async with limit.slot():
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(request(number) for number in range(6)))
    assert order == list(range(6))


async def test_a_failing_request_gives_its_slot_back() -> None:
    limit = InFlightLimit(start=1, most=1)
    with pytest.raises(ZeroDivisionError):
        async with limit.slot():
            raise ZeroDivisionError
    async with asyncio.timeout(1), limit.slot():
        pass


async def test_a_narrower_gate_lets_those_inside_finish() -> None:
    limit = InFlightLimit(start=2, most=2)
    async with limit.slot():
        async with limit.slot():
            limit.slower()
        waiting = asyncio.create_task(limit.slot().__aenter__())
        await asyncio.sleep(0.01)
        assert not waiting.done(), "one is still inside, and one may be"
    await asyncio.wait_for(waiting, 1)
