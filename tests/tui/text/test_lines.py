"""Long texts: made, wrapped and searched only where they are looked at."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.text.format import Line, Tone, plain
from tui.text.lines import Layout, LazyLines, next_match, wrapped

HUGE = 100_000


def line(text: str) -> Line:
    return ((text, Tone.PLAIN),)


def test_lines_are_made_when_they_are_asked_for() -> None:
    made: list[int] = []

    def make(number: int) -> Line:
        made.append(number)
        return line(str(number))

    lines = LazyLines(range(HUGE), make, head=[line("head")])
    layout = Layout(lines, 80, wrap=False)
    seen = [plain(layout.row(row)) for row in range(70_000, 70_050)]

    assert layout.rows == HUGE + 1
    assert seen[0] == "69999"
    assert len(made) == 50


def test_lazy_lines_are_a_sequence() -> None:
    lines = LazyLines("abc", line, head=[line("head")])

    assert [plain(each) for each in lines] == ["head", "a", "b", "c"]
    assert plain(lines[-1]) == "c"
    assert [plain(each) for each in lines[1:3]] == ["a", "b"]


texts = st.lists(st.text("ab 集é", max_size=60), max_size=12)


@given(texts, st.integers(1, 50))
def test_wrapped_rows_and_their_lines_agree(given_texts: list[str], width: int) -> None:
    lines = [line(text) for text in given_texts]
    layout = Layout(lines, width, wrap=True)

    rows = [layout.row(row) for row in range(layout.rows)]
    assert rows == [part for each in lines for part in wrapped(each, width)]
    for index in range(len(lines)):
        first = layout.row_of(index)
        assert layout.line_at(first) == index
    assert layout.row(layout.rows) == ()
    assert layout.row(-1) == ()


@given(st.text("ab ", max_size=80), st.integers(12, 40))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    parts = [plain(part) for part in wrapped(line(text), width)]

    assert "".join(" ".join(parts).split()) == "".join(text.split())
    assert all(cell_len(part) <= width or " " not in part for part in parts)


@pytest.mark.parametrize(
    ("start", "by", "found"),
    [(-1, 1, 1), (1, 1, 3), (3, 1, 1), (3, -1, 1), (0, -1, 3), (2, -1, 1)],
)
def test_matches_are_found_round_the_ends(start: int, by: int, found: int) -> None:
    lines = [line(text) for text in ("no", "yes", "no", "YES")]

    assert next_match(lines, re.compile("yes", re.I), start=start, by=by) == found


def test_nothing_is_found_where_nothing_is() -> None:
    assert next_match([line("a")], re.compile("b"), start=0, by=1) is None
    assert next_match([], re.compile("b"), start=0, by=1) is None
