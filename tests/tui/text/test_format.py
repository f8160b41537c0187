from datetime import timedelta

import pytest
from rich.cells import cell_len

from fleet.view import ClusterState
from tests.fakes.fleets import NOW
from tui.text import format as fmt
from tui.text.format import Tone


@pytest.mark.parametrize("state", ClusterState)
def test_every_state_has_a_glyph_of_one_cell_and_its_word(state: ClusterState) -> None:
    (glyph, _), (word, _) = fmt.marked(fmt.STATE_GLYPHS, state)

    assert cell_len(glyph) == 2
    assert word == state


def test_no_two_states_share_a_glyph() -> None:
    glyphs = [glyph for glyph, _ in fmt.STATE_GLYPHS.values()]

    assert len(set(glyphs)) == len(ClusterState)
    assert len({glyph.translate(fmt.ASCII) for glyph in glyphs}) == len(ClusterState)


def test_only_what_is_known_to_be_well_looks_well() -> None:
    well = [state for state, (_, tone) in fmt.STATE_GLYPHS.items() if tone is Tone.GOOD]

    assert well == [ClusterState.READY]
    assert fmt.marked(fmt.HEALTH_GLYPHS, "Unknown")[0][1] is Tone.OFF
    assert fmt.marked(fmt.HEALTH_GLYPHS, "SomethingNew")[0][1] is Tone.OFF


def test_an_empty_state_is_called_unknown() -> None:
    assert fmt.plain(fmt.marked(fmt.PROGRESS_GLYPHS, "")) == "◌ Unknown"


@pytest.mark.parametrize("word", ["RollingBack", "rolling-back", "rolling_back"])
def test_words_of_states_are_known_however_they_are_written(word: str) -> None:
    assert fmt.marked(fmt.PROGRESS_GLYPHS, word)[0] == ("↻ ", Tone.WARN)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (95 * 60, "95m"),
        (2 * 3600, "2h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
    ],
)
def test_durations_keep_two_digits_of_meaning(seconds: int, shown: str) -> None:
    assert fmt.duration(timedelta(seconds=seconds)) == shown


def test_an_age_that_never_began_is_a_dash() -> None:
    assert fmt.age(None, NOW) == "-"


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.01, 0.5, 0.99, 1.0, 7.0])
def test_a_bar_is_always_as_wide_as_asked(share: float) -> None:
    assert len(fmt.bar(share, 9)) == 9


def test_a_bar_fills_from_nothing_to_all() -> None:
    assert fmt.bar(0, 4) == "    "
    assert fmt.bar(0.5, 4) == "██  "
    assert fmt.bar(1, 4) == "████"


def test_a_sparkline_shows_the_last_values_against_their_maximum() -> None:
    assert fmt.sparkline([9, 0, 1, 2, 4], 4) == "▁▂▄█"
    assert fmt.sparkline([0, 0], 4) == "▁▁"
    assert fmt.sparkline([], 4) == ""


def test_every_glyph_of_ours_has_an_ascii_twin_of_one_cell() -> None:
    tables = (
        fmt.STATE_GLYPHS,
        fmt.HEALTH_GLYPHS,
        fmt.NEED_GLYPHS,
        fmt.PROGRESS_GLYPHS,
        fmt.OBJECT_STATE_TONES,
        fmt.DRIFT_GLYPHS,
        fmt.COMMIT_GLYPHS,
    )
    for table in tables:
        for glyph, _ in table.values():
            assert cell_len(glyph) == 1
            assert glyph.translate(fmt.ASCII).isascii()
    assert (fmt.BLOCKS + fmt.bar(0.3, 9)).translate(fmt.ASCII).isascii()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "(not set)"), ("a\nb", "a\\nb"), (3, "3"), ({"a": [1]}, '{"a":[1]}'), (True, "true")],
)
def test_values_are_shown_on_one_line(value: object, shown: str) -> None:
    assert fmt.scalar(value) == shown
