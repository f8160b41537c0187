"""The shapes we read off the wire, and nothing more."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.client.wire import decode_head, decode_watch_line, read_watch_line
from clusters.errors import Unreachable

texts = st.text(max_size=8) | st.sampled_from(['"', "}}", '","object":', "\\"])
bodies = st.recursive(
    texts | st.integers(-9, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, bodies, max_size=4)


@given(st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", 'a"b', ""]), objects)
def test_a_line_says_the_same_cut_as_decoded(kind: str, content: dict[str, Any]) -> None:
    line = orjson.dumps({"type": kind, "object": content})
    cut, decoded = read_watch_line(line), decode_watch_line(line)
    assert cut.type == decoded.type
    assert orjson.loads(bytes(cut.object)) == orjson.loads(bytes(decoded.object)) == content


def test_another_order_and_other_spaces_are_read_as_well() -> None:
    for line in (b'{"object":{"a":1},"type":"ADDED"}', b'{"type": "ADDED", "object": {"a":1} }\r'):
        seen = read_watch_line(line)
        assert (seen.type, orjson.loads(bytes(seen.object))) == ("ADDED", {"a": 1})


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"<html>}}",
        b'{"type":"ADDED","object":1}}',
        b'{"type":"ADDED","object":{"metadata":{}}',
    ],
)
def test_what_is_no_line_is_no_bug_of_ours(line: bytes) -> None:
    with pytest.raises(Unreachable):
        decode_head(read_watch_line(line).object)
