from __future__ import annotations

import stat
from pathlib import Path

import pytest

from fleet.store.errors import KeyUnusable
from fleet.store.keys import create_key, read_key
from tests.fleet.store.places import StorePlace, draft


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
    assert list(tmp_path.iterdir()) == [path], "no other copy is left"


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


async def test_a_key_whose_database_was_never_made_is_used(place: StorePlace) -> None:
    created = create_key(place.key_file)
    async with await place.open() as store:
        await store.append([draft()])
        await store.save_snapshot(1, b"state")

    assert read_key(place.key_file).key_id == created.key_id
    async with await place.open() as store:
        assert await store.load_snapshot() == (1, b"state")
