import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.content.filtering import parse_filter

ROW = "prod-us-3 Failed pay-api: ImagePullBackOff"
LABELS = {"env": "prod", "region": "us-east-1"}


@pytest.mark.parametrize(
    ("typed", "matches"),
    [
        ("", True),
        ("  ", True),
        ("US-3", True),
        ("us-[0-9]", True),
        ("^us", False),
        ("!staging", True),
        ("!failed", False),
        ("-l env=prod", True),
        ("-l env!=prod", False),
        ("-l region in (us-east-1,eu)", True),
        ("-f p3fail", True),
        ("-f 3p9", False),
        ("a[", False),
    ],
)
def test_a_filter_keeps_what_it_describes(typed: str, matches: bool) -> None:
    assert parse_filter(typed).matches(ROW, LABELS) is matches


def test_a_selector_that_cannot_be_read_says_so_and_hides_nothing() -> None:
    wanted = parse_filter("-l env in (prod")

    assert "cannot read the selector" in wanted.error
    assert wanted.matches(ROW, LABELS)


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_typed_never_fails(typed: str, row: str) -> None:
    assert parse_filter(typed).matches(row, {}) in {True, False}


@given(st.text(alphabet="abcxyz", min_size=1, max_size=8), st.text(alphabet="abcxyz"))
def test_inverse_is_the_opposite(typed: str, row: str) -> None:
    assert parse_filter(typed).matches(row, {}) is not parse_filter(f"!{typed}").matches(row, {})
