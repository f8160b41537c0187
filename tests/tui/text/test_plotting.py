"""Plots: what is higher is drawn higher, what is unknown is not drawn, and it works in ASCII."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.format import ASCII, plain
from tui.text.plotting import Plot, beside, drawn, plot_lines, resampled

values = st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=50)


def test_an_area_fills_what_is_below_and_nothing_keeps_a_base_line() -> None:
    assert drawn([0, 4, 8], width=3, height=2, top=8, filled=True) == ["  ⣿", "⣀⣿⣿"]


def test_a_staircase_as_area_and_as_line() -> None:
    steps = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]

    assert drawn(steps, width=4, height=1, top=4, filled=True) == ["⣀⣤⣶⣿"]
    assert drawn(steps, width=4, height=1, top=4, filled=False) == ["⣀⠤⠒⠉"]


def test_a_jump_is_connected() -> None:
    assert drawn([1, 8], width=1, height=2, top=8, filled=False) == ["⢸", "⡸"]
    assert drawn([8, 1], width=1, height=2, top=8, filled=False) == ["⢱", "⢸"]


@given(values, st.integers(1, 40), st.integers(1, 8), st.booleans())
def test_it_is_as_wide_and_high_as_asked(
    given_values: list[float | None], width: int, height: int, filled: bool
) -> None:
    rows = drawn(given_values, width=width, height=height, top=1e6, filled=filled)

    assert [len(row) for row in rows] == [width] * height
    assert "".join(rows).translate(ASCII).isascii()
    known = any(value is not None for value in resampled(given_values, width * 2))
    assert bool("".join(rows).strip()) is known


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.integers(1, 100))
def test_resampling_keeps_the_peak(given_values: list[float], count: int) -> None:
    made = resampled(given_values, count)

    assert len(made) == count
    if count <= len(given_values):
        assert max(value for value in made if value is not None) == max(given_values)


def test_less_than_all_never_looks_like_all() -> None:
    (almost,) = drawn([0.999], width=1, height=1, top=1.0, filled=True)
    (whole,) = drawn([1.0], width=1, height=1, top=1.0, filled=True)

    assert almost != whole


@pytest.mark.parametrize("height", [3, 5, 9])
def test_a_plot_has_title_scale_and_span(height: int) -> None:
    plot = Plot(title="Errors", values=[0, 3, 12_000], begins="1h ago", unit="s")
    lines = [plain(line) for line in plot_lines(plot, width=40, height=height)]

    assert len(lines) == height
    assert lines[0] == "Errors  12ks"
    assert "12ks┤" in lines[1]
    assert lines[-1].endswith("now")
    assert "1h ago" in lines[-1]
    assert all(len(line) <= 40 for line in lines)


def test_nothing_known_is_said_and_not_drawn() -> None:
    lines = [plain(line) for line in plot_lines(Plot(title="x", values=[None]), width=40, height=5)]

    assert lines == ["x", "nothing yet", "", "", ""]


def test_blocks_stand_beside_each_other() -> None:
    left = plot_lines(Plot(title="a", values=[1]), width=20, height=4)
    right = plot_lines(Plot(title="b", values=[1]), width=20, height=3)
    rows = [plain(line) for line in beside([left, right], [20, 20])]

    assert len(rows) == 4
    assert {len(row) for row in rows} == {42}
