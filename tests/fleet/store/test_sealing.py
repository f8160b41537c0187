from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.store.errors import StoreDamaged
from fleet.store.sealing import Sealer

SEALER = Sealer(bytes(range(32)))


@given(st.text(max_size=20), st.binary(max_size=400))
def test_what_is_sealed_opens_again(name: str, data: bytes) -> None:
    assert SEALER.open(name, SEALER.seal(name, data)) == data
    assert SEALER.seal(name, data) != SEALER.seal(name, data)


@given(st.binary(max_size=300), st.data())
def test_cve_2024_31989_any_changed_byte_is_found(data: bytes, choose: st.DataObject) -> None:
    sealed = bytearray(SEALER.seal("row", data))
    sealed[choose.draw(st.integers(0, len(sealed) - 1))] ^= choose.draw(st.integers(1, 255))

    with pytest.raises(StoreDamaged):
        SEALER.open("row", bytes(sealed))


@given(st.binary(max_size=64))
def test_anything_else_does_not_open(data: bytes) -> None:
    with pytest.raises(StoreDamaged):
        SEALER.open("row", data)


def test_a_row_does_not_open_under_another_name() -> None:
    with pytest.raises(StoreDamaged, match="two"):
        SEALER.open("two", SEALER.seal("one", b"data"))


def test_another_key_does_not_open() -> None:
    other = Sealer(bytes(32))

    assert other.key_id != SEALER.key_id
    with pytest.raises(StoreDamaged, match=other.key_id):
        other.open("row", SEALER.seal("row", b"data"))


def test_text_that_repeats_itself_is_compressed() -> None:
    assert len(SEALER.seal("row", b"kind: ConfigMap\n" * 1_000)) < 500
