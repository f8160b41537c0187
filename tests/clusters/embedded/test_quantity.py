"""Quantities in their one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.embedded.quantity import BadQuantity, canonical, parse


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1500m", "1500m"),
        ("1000", "1k"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("512Ki", "512Ki"),
        ("0.1Ki", "102400m"),
        ("1.1Ki", "1126400m"),
        ("512", "512"),
        ("0", "0"),
        ("0Gi", "0"),
        ("-5", "-5"),
        ("+5", "5"),
        ("1e3", "1e3"),
        ("10e0", "10"),
        ("12E2", "1200"),
        ("1E", "1E"),
        ("0.0000000001", "1n"),
        ("100u", "100u"),
        (".5", "500m"),
    ],
)
def test_canonical_form(text: str, form: str) -> None:
    assert canonical(text) == form


@pytest.mark.parametrize("text", ["", "x", "1x", "1 Gi", "Gi", "1.2.3", "1gi", "--1"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(BadQuantity, match="quantities must match"):
        canonical(text)


@given(
    st.integers(-(10**6), 10**6),
    st.sampled_from(("", "m", "u", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-3")),
)
def test_the_canonical_form_is_stable_and_equal(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    form = canonical(text)
    assert canonical(form) == form
    assert parse(form)[0] == parse(text)[0]
