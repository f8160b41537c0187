"""The stream of changes: a cursor gets all that came after it, or is told to begin anew."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.presenting.feed import Feed
from fleet.view import Change


def changes(*keys: str) -> list[Change]:
    return [Change(entity="cluster", key=key) for key in keys]


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 8), st.data())
def test_a_reader_gets_all_after_its_cursor_or_begins_anew(
    sizes: list[int], kept: int, data: st.DataObject
) -> None:
    feed, published, cursors = Feed(epoch="e", kept=kept), list[str](), [("e:0", 0)]
    for size in sizes:
        keys = [str(len(published) + n) for n in range(size)]
        published += keys
        feed.publish(changes(*keys))
        cursors.append((feed.cursor, len(published)))
    cursor, seen = data.draw(st.sampled_from(cursors))
    found = feed.after(cursor)
    if len(published) - seen > kept:
        assert found is None
    else:
        assert found is not None
        assert [change.key for change in found[0]] == published[seen:]
        assert found[1] == feed.cursor


@pytest.mark.parametrize(
    "cursor", ["", "e", "e:", "e:x", "e:-1", "e:5", "other:1", ":1", "e:1:1", "e:²"]
)
def test_a_cursor_that_is_not_ours_begins_anew(cursor: str) -> None:
    feed = Feed(epoch="e")
    feed.publish(changes("a", "b"))
    assert feed.after(cursor) is None


async def test_a_reader_that_waits_is_woken() -> None:
    feed = Feed(epoch="e")
    waiting = asyncio.create_task(feed.wait(10))
    await asyncio.sleep(0)
    feed.publish(changes("a"))
    assert await waiting


async def test_nothing_published_wakes_nobody() -> None:
    feed = Feed(epoch="e")
    waiting = asyncio.create_task(feed.wait(0.01))
    await asyncio.sleep(0)
    feed.publish([])
    assert not await waiting
