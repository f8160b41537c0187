from __future__ import annotations

from pathlib import Path

import pytest

from fleet.store.address import parse_address
from tests.fleet.store.places import SqlitePlace, draft


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("state.db", "state.db"),
        ("/var/lib/flotilla/state.db", "/var/lib/flotilla/state.db"),
        ("sqlite:///state.db", "state.db"),
        ("sqlite:////var/lib/flotilla/state.db", "/var/lib/flotilla/state.db"),
    ],
)
def test_files(text: str, file: str) -> None:
    address = parse_address(text)

    assert address.file == Path(file)
    assert address.name == file
    assert address.url.get_backend_name() == "sqlite"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("postgresql://eva:hunter2@db.example.org:5433/fleet", "postgresql://db.example.org/fleet"),
        ("postgresql+psycopg://localhost/fleet", "postgresql://localhost/fleet"),
        ("postgres://localhost/fleet", "postgresql://localhost/fleet"),
        ("postgresql:///fleet?host=/run/postgresql&password=hunter2",
         "postgresql:///run/postgresql/fleet"),
    ],
)  # fmt: skip
def test_servers_are_named_without_their_password(text: str, name: str) -> None:
    address = parse_address(text)

    assert address.file is None
    assert address.name == name
    assert address.url.drivername == "postgresql+psycopg"
    assert "hunter2" not in repr(address)


@pytest.mark.parametrize(
    "text", ["mysql://localhost/fleet", "sqlite://", "sqlite:///:memory:", "://", "http://x:y/z"]
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"postgresql://HOST/NAME|needs a file"):
        parse_address(text)


async def test_any_file_name_will_do(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path / "a b%20?c#d&mode=rw")
    async with await place.open() as store:
        await store.append([draft()])
        async with await place.open(read_only=True) as onlooker:
            assert await onlooker.last_seq() == 1
