import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text.escape import lines, one_line


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("web", "web"),
        ("[red]web[/red]", "[red]web[/red]"),
        ("a\nb", "a\\nb"),
        ("\x1b[31mred\x1b[0m", "\\e[31mred\\e[0m"),
        ("\x07bell", "\\x07bell"),
        ("abc\u202ecba", "abc\\u{202e}cba"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("\ud800", "\\u{d800}"),
        ("集群", "集群"),
        ("שלום", "שלום"),
        ("e\u0301", "e\u0301"),
        ("z\u0301\u0302\u0303", "z\u0301\u0302\\u{303}"),
        ("\u0301first", "\\u{301}first"),
        ("\u3164", "\\u{3164}"),
        ("☁\ufe0f", "☁\\u{fe0f}"),
    ],
)
def test_what_moves_the_cursor_or_hides_is_spelled_out(given_text: str, shown: str) -> None:
    assert one_line(given_text) == shown


@given(st.text())
def test_whatever_comes_in_only_printable_characters_come_out(text: str) -> None:
    assert one_line(text).isprintable()


@given(st.text())
def test_making_safe_twice_changes_nothing_more(text: str) -> None:
    assert one_line(one_line(text)) == one_line(text)


def test_a_text_is_cut_at_its_line_breaks_only() -> None:
    assert lines("a:\r\n\tb: 1\n") == ["a:", "    b: 1", ""]
