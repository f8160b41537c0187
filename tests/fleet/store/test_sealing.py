from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.store.errors import KeyUnusable, StoreDamaged
from fleet.store.sealing import Sealer, create_key, read_key

SEALER = Sealer(bytes(range(32)))


@given(st.text(max_size=20), st.binary(max_size=400))
def test_what_is_sealed_opens_again(name: str, data: bytes) -> None:
    assert SEALER.open(name, SEALER.seal(name, data)) == data
    assert SEALER.seal(name, data) != SEALER.seal(name, data)


@given(st.binary(max_size=300), st.data())
def test_any_changed_byte_is_found(data: bytes, choose: st.DataObject) -> None:
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


def test_a_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.key"
    created = create_key(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(path).key_id == created.key_id
    assert [file.name for file in path.parent.iterdir()] == ["store.key"]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "store.key"
    first = create_key(path)

    with pytest.raises(KeyUnusable, match="File exists"):
        create_key(path)

    assert read_key(path).key_id == first.key_id


@pytest.mark.parametrize("content", [b"", b"too short", b"zz" * 32, b"ab" * 31, b"\xff\xfe"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyUnusable, match=str(path)):
        read_key(path)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.key"
    create_key(path)
    path.chmod(0o640)

    with pytest.raises(KeyUnusable, match="chmod 600"):
        read_key(path)


def test_a_missing_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="No such file"):
        read_key(tmp_path / "store.key")
