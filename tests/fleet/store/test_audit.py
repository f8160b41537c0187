from __future__ import annotations

import hashlib
import subprocess
import sys
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet.store.audit import (
    GENESIS,
    Anchor,
    ChainCheck,
    ChainLink,
    export_line,
    parse_line,
    verify_lines,
)
from fleet.store.model import EventDraft
from fleet.store.records import chain_events, chain_link, encode_event
from tests.fleet.store.places import draft

# Text that UTF-8 and PostgreSQL can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAME = TEXT.filter(bool)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
DRAFTS = st.builds(
    EventDraft,
    kind=NAME,
    at=st.datetimes(timezones=st.just(UTC)),
    actor=NAME,
    cluster=st.none() | TEXT,
    bundle=st.none() | TEXT,
    data=st.dictionaries(TEXT, JSON, max_size=3),
)

# Drawing a log costs far more than checking it.
few = settings(max_examples=40)


def links_of(drafts: list[EventDraft]) -> list[ChainLink]:
    rows = chain_events(map(encode_event, drafts), seq=0, prev_hash=GENESIS)
    return [chain_link(row) for row in rows]


def check(links: list[ChainLink], anchor: Anchor | None = None) -> ChainCheck:
    checked = ChainCheck(anchor)
    checked.feed(links)
    return checked


@few
@given(st.lists(DRAFTS, max_size=5))
def test_a_log_that_nobody_changed_is_whole(drafts: list[EventDraft]) -> None:
    links = links_of(drafts)

    report = check(links).report()

    assert report.ok
    assert report.events == len(drafts)
    assert report.head == (Anchor(links[-1].seq, links[-1].hash) if links else Anchor(0, GENESIS))


@few
@given(st.lists(DRAFTS, min_size=1, max_size=4), st.data())
def test_any_changed_byte_of_an_export_is_found(
    drafts: list[EventDraft], data: st.DataObject
) -> None:
    lines = [export_line(link) for link in links_of(drafts)]
    number = data.draw(st.integers(0, len(lines) - 1))
    position = data.draw(st.integers(0, len(lines[number]) - 2))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(lines[number])
    changed[position] ^= flip
    whole = b"".join([*lines[:number], bytes(changed), *lines[number + 1 :]])

    report = verify_lines(whole.split(b"\n")[:-1])

    assert report.broken is not None
    assert report.broken.seq == number + 1
    assert report.events == number


@few
@given(st.lists(DRAFTS, min_size=1, max_size=4), st.data())
def test_any_changed_column_of_a_row_is_found(
    drafts: list[EventDraft], data: st.DataObject
) -> None:
    rows = chain_events(map(encode_event, drafts), seq=0, prev_hash=GENESIS)
    number = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(sorted(rows[number])))
    before = rows[number][column]
    other: st.SearchStrategy[Any] = st.integers() if column == "seq" else st.none() | TEXT
    if isinstance(before, str) and before:
        position = data.draw(st.integers(0, len(before) - 1))
        other |= st.sampled_from([before[:position] + before[position + 1 :], before.swapcase()])
    rows[number][column] = data.draw(other.filter(lambda value: value != before))

    checked = ChainCheck()
    try:
        checked.feed(chain_link(row) for row in rows)
    except ValueError:
        checked.fail("cannot be read")

    report = checked.report()
    assert report.broken is not None
    assert report.broken.seq == number + 1


@few
@given(st.lists(DRAFTS, min_size=2, max_size=5), st.data())
def test_removed_repeated_and_reordered_events_are_found(
    drafts: list[EventDraft], data: st.DataObject
) -> None:
    links = links_of(drafts)
    at = data.draw(st.integers(0, len(links) - 2))
    removed = links[:at] + links[at + 1 :]
    repeated = [*links[: at + 1], links[at], *links[at + 1 :]]
    swapped = [*links[:at], links[at + 1], links[at], *links[at + 2 :]]

    for changed, broken_at in ((removed, at + 1), (repeated, at + 2), (swapped, at + 1)):
        report = check(changed).report()
        assert report.broken is not None
        assert report.broken.seq == broken_at


@few
@given(st.lists(DRAFTS, min_size=1, max_size=5), st.data())
def test_an_anchor_finds_a_log_that_was_cut_or_rewritten(
    drafts: list[EventDraft], data: st.DataObject
) -> None:
    links = links_of(drafts)
    anchor = Anchor(links[-1].seq, links[-1].hash)
    kept = data.draw(st.integers(0, len(links) - 1))
    rewritten = links_of([*drafts[:kept], draft(actor="mallory"), *drafts[kept + 1 :]])

    assert check(links, anchor).report().ok
    assert check(links[:kept]).report().ok
    cut = check(links[:kept], anchor).report()
    assert cut.broken is not None
    assert cut.broken.seq == kept + 1
    assert check(rewritten).report().ok
    assert check(rewritten, anchor).report().broken is not None


@given(DRAFTS)
def test_lines_of_an_export_read_back(event: EventDraft) -> None:
    (link,) = links_of([event])

    assert parse_line(export_line(link)) == link


def test_verifying_needs_no_database() -> None:
    code = "import sys, fleet.store.audit; sys.exit('sqlalchemy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_hash_can_be_checked_with_a_shell() -> None:
    (link,) = links_of([draft(1, cluster="eu-1", data={"b": 1, "a": "ü"})])

    assert link.canonical.decode() == (
        '{"actor":"coordinator","at":"2026-03-01T12:00:01.000000Z","bundle":null,'
        '"cluster":"eu-1","data":{"a":"ü","b":1},"kind":"ClusterJoined","seq":1}'
    )
    assert link.hash == hashlib.sha256(b"0" * 64 + link.canonical).hexdigest()


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"7", b"not json", b'{"hash":"a","prev_hash":"b"}',
     b'{"hash":1,"prev_hash":"b","seq":1}', b'{"hash":"a","prev_hash":"b","seq":"1"}',
     b'{"hash":"a", "prev_hash":"b","seq":1}'],
)  # fmt: skip
def test_other_lines_are_no_export(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words vary
        parse_line(line)

    assert verify_lines([line]).broken is not None


def test_an_anchor_reads_back_what_it_prints() -> None:
    anchor = Anchor(7, "ab" * 32)

    assert Anchor.parse(f"{anchor}\n") == anchor


@pytest.mark.parametrize("text", ["", "7", "7:ab", "x:" + "ab" * 32, "-1:" + "ab" * 32])
def test_other_texts_are_no_anchor(text: str) -> None:
    with pytest.raises(ValueError, match="SEQ:HASH"):
        Anchor.parse(text)
