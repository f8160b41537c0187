"""The gate before one server: never more than its width, and nobody is forgotten at it."""

from __future__ import annotations

import asyncio
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.client.limits import SLOTS_MAX, SLOTS_MIN, SLOTS_START, SLOW_MIN_S, InFlightLimit
from clusters.errors import Throttled


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
            async with limit:
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
        async with asyncio.timeout(60):
            results = await asyncio.gather(*tasks, return_exceptions=True)
            for _ in range(width):  # all slots are free again
                async with limit:
                    pass
        assert all(r is None or isinstance(r, asyncio.CancelledError) for r in results)

    asyncio.run(run())


async def test_first_come_first_served() -> None:
    limit = InFlightLimit(start=1, most=1)
    order: list[int] = []

    async def request(number: int) -> None:
        async with limit:
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(request(number) for number in range(6)))
    assert order == list(range(6))


async def test_a_failing_request_gives_its_slot_back() -> None:
    limit = InFlightLimit(start=1, most=1)
    with pytest.raises(ZeroDivisionError):
        async with limit:
            raise ZeroDivisionError
    async with asyncio.timeout(60), limit:
        pass


async def test_a_narrower_gate_lets_those_inside_finish() -> None:
    limit = InFlightLimit(start=2, most=2)
    async with limit:
        async with limit:
            limit.slower()
        waiting = asyncio.create_task(limit.__aenter__())
        await asyncio.sleep(0.01)
        assert not waiting.done(), "one is still inside, and one may be"
    await asyncio.wait_for(waiting, 60)


async def test_when_the_server_names_a_time_everybody_waits() -> None:
    """A 429 held back only the request that got it; the others went on pressing."""
    limit = InFlightLimit()
    limit.hold(0.1)
    began = time.monotonic()

    async def request() -> float:
        async with limit:
            return time.monotonic() - began

    waited = await asyncio.gather(*(request() for _ in range(5)))
    assert min(waited) >= 0.1


async def test_a_long_wish_to_be_left_alone_is_an_error_to_tell() -> None:
    limit = InFlightLimit()
    limit.hold(120)
    with pytest.raises(Throttled) as raised:
        async with limit:
            pass
    assert 110 < (raised.value.retry_after_s or 0) <= 120


def wide() -> InFlightLimit:
    limit = InFlightLimit()
    for _ in range(2000):
        limit.faster()
    assert limit.width == SLOTS_MAX
    return limit


def test_answers_that_take_twice_as_long_as_usual_halve_the_width() -> None:
    limit = wide()
    for _ in range(500):
        limit.took(0.04)
    assert limit.width == SLOTS_MAX
    for _ in range(10):
        limit.took(0.2)
    assert limit.width == SLOTS_MAX // 2
    for _ in range(100):
        limit.took(0.2)
    assert limit.width == SLOTS_START, "never below what one starts with"


@given(st.lists(st.floats(0, SLOW_MIN_S), max_size=200))
def test_quick_answers_are_never_called_slow(answers: list[float]) -> None:
    limit = wide()
    for seconds in answers:
        limit.took(seconds)
    assert limit.width == SLOTS_MAX
