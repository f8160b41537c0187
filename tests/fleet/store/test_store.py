from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import pytest

from clusters.model import ClusterName, Digest, Manifest, digest_of
from fleet.store.errors import (
    ChainBroken,
    ContentMissing,
    DuplicateCommand,
    KeyUnusable,
    StoreDamaged,
    StoreLocked,
    StoreTooNew,
    StoreUnavailable,
)
from fleet.store.model import AppliedChange, Batch
from fleet.store.store import Store
from tests.fleet.store.places import (
    PostgresPlace,
    SqlitePlace,
    StorePlace,
    applied,
    draft,
    manifest,
)

EU = ClusterName("eu-1")
RELEASE = digest_of(b"release")


def full_batch() -> Batch:
    content = manifest()
    return Batch(
        events=[draft(1), draft(2)],
        contents={content.digest: content.body},
        sets={RELEASE: (content.digest,)},
        applied={EU: AppliedChange(upserts=[applied()])},
        snapshot=b'{"clusters":{}}',
        commands={"key-1": b'{"ok":true}'},
    )


async def test_a_batch_is_still_there_after_a_restart(place: StorePlace) -> None:
    batch = full_batch()
    async with await place.open() as store:
        events = await store.commit(batch)

    async with await place.open() as store:
        assert [event.seq for event in events] == [1, 2]
        assert await store.read() == events
        assert await store.get_contents(batch.contents) == batch.contents
        assert await store.get_sets([RELEASE]) == batch.sets
        assert await store.applied(EU) == (applied(),)
        assert await store.load_snapshot() == (2, batch.snapshot)
        assert await store.command_result("key-1") == b'{"ok":true}'
        assert await store.append([draft(3)]) == (await store.read(after=2))


async def test_an_empty_batch_is_no_change(store: Store) -> None:
    assert await store.commit(Batch()) == ()
    assert await store.last_seq() == 0
    assert await store.load_snapshot() is None


async def test_a_batch_that_fails_leaves_nothing(store: Store) -> None:
    await store.commit(Batch(commands={"key-2": b"first"}))
    good = full_batch()
    missing = Batch(
        events=good.events, applied=good.applied, sets={RELEASE: (Digest("0" * 32),)},
        snapshot=good.snapshot, commands=good.commands, contents=good.contents,
    )  # fmt: skip
    repeated = Batch(events=good.events, applied=good.applied, commands={"key-2": b"second"})

    with pytest.raises(ContentMissing):
        await store.commit(missing)
    with pytest.raises(DuplicateCommand):
        await store.commit(repeated)

    assert await store.last_seq() == 0
    assert [await store.applied(name) for name in good.applied] == [()] * len(good.applied)
    assert await store.get_contents(good.contents) == {}
    assert await store.load_snapshot() is None
    assert await store.command_result("key-1") is None
    assert await store.command_result("key-2") == b"first"


async def test_a_failing_batch_does_not_fail_its_neighbours(store: Store) -> None:
    await store.commit(Batch(commands={"used": b""}))
    batches = [
        Batch(events=[draft(number)], commands={"used" if number % 7 == 0 else f"{number}": b""})
        for number in range(1, 50)
    ]

    results = await asyncio.gather(*map(store.commit, batches), return_exceptions=True)

    failed = {number for number, result in enumerate(results, 1) if isinstance(result, Exception)}
    assert failed == set(range(7, 50, 7))
    assert all(isinstance(results[number - 1], DuplicateCommand) for number in failed)
    stored = [event.data["number"] for event in await store.read()]
    assert sorted(stored) == sorted(set(range(1, 50)) - failed)
    assert (await store.verify()).ok


async def test_a_caller_that_stops_waiting_harms_nobody(store: Store) -> None:
    tasks = [asyncio.create_task(store.append([draft(number)])) for number in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert {1, 3, 5} <= {event.data["number"] for event in await store.read()}
    assert (await store.verify()).ok


async def test_the_newest_snapshots_are_kept(store: Store, place: StorePlace) -> None:
    await store.append([draft(number) for number in range(1, 6)])
    for seq in (1, 2, 5, 4):
        await store.save_snapshot(seq, f"state {seq}".encode())

    assert await store.load_snapshot() == (5, b"state 5")
    assert sorted(place.execute("SELECT seq FROM snapshot")) == [(2,), (4,), (5,)]
    await store.save_snapshot(5, b"again")
    assert await store.load_snapshot() == (5, b"again")


async def test_a_snapshot_belongs_to_an_event(store: Store, place: StorePlace) -> None:
    await store.append([draft(1), draft(2)])
    with pytest.raises(ValueError, match="not in the log"):
        await store.save_snapshot(3, b"{}")
    await store.save_snapshot(2, b"{}")
    place.unprotect_events()
    place.execute("DELETE FROM event WHERE seq = 2")

    with pytest.raises(ChainBroken, match="event 2"):
        await store.load_snapshot()


async def test_command_results_expire_by_age(store: Store, place: StorePlace) -> None:
    await store.commit(Batch(commands={"old": b"1"}))
    place.clock.forward(hours=25)
    await store.commit(Batch(commands={"new": b"2"}))

    assert await store.expire_commands(place.clock.now.replace(hour=0)) == 1

    assert await store.command_result("old") is None
    assert await store.command_result("new") == b"2"


async def test_a_closed_store_says_so(place: StorePlace) -> None:
    store = await place.open()
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.last_seq()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.append([draft()])


async def test_closing_finishes_what_was_handed_over(place: StorePlace) -> None:
    store = await place.open()
    waiting = [asyncio.create_task(store.append([draft(number)])) for number in range(50)]
    await asyncio.sleep(0)
    await store.close()

    assert len(await asyncio.gather(*waiting)) == 50
    async with await place.open() as store:
        assert await store.last_seq() == 50


async def test_a_second_server_is_refused(place: StorePlace) -> None:
    async with await place.open() as store:
        with pytest.raises(StoreLocked, match="another server"):
            await place.open()
        await store.append([draft()])

    async with await place.open() as store:
        assert await store.last_seq() == 1


async def test_looking_on_needs_no_lock_and_changes_nothing(place: StorePlace) -> None:
    async with await place.open() as server:
        await server.append([draft(1)])
        async with await place.open(read_only=True) as onlooker:
            assert await onlooker.last_seq() == 1
            await server.append([draft(2)])
            assert (await onlooker.verify()).events == 2
            with pytest.raises(StoreUnavailable):
                await onlooker.append([draft(3)])
        assert await server.last_seq() == 2


async def test_looking_on_without_the_key_sees_only_what_is_not_sealed(place: StorePlace) -> None:
    async with await place.open() as server:
        await server.commit(full_batch())
    place.key_file.unlink()

    async with await place.open(read_only=True) as onlooker:
        assert (await onlooker.verify()).ok
        with pytest.raises(KeyUnusable):
            await onlooker.get_contents(full_batch().contents)


async def test_looking_at_nothing(place: StorePlace) -> None:
    with pytest.raises(StoreUnavailable):
        await place.open(read_only=True)


async def test_a_newer_database_is_refused(place: StorePlace) -> None:
    async with await place.open() as store:
        await store.append([draft()])
    place.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreTooNew, match=r"newer version.*9999"):
        await place.open()
    with pytest.raises(StoreTooNew):
        await place.open(read_only=True)

    assert place.execute("SELECT count(*) FROM event") == [(1,)]


async def test_a_missing_key_is_never_replaced(place: StorePlace) -> None:
    async with await place.open() as store:
        await store.commit(full_batch())
    key = place.key_file.read_text()
    place.key_file.unlink()

    with pytest.raises(KeyUnusable, match=r"missing: restore it"):
        await place.open()

    assert not place.key_file.exists()
    place.key_file.touch(0o600)
    place.key_file.write_text("ab" * 32)
    with pytest.raises(KeyUnusable, match="was written with key"):
        await place.open()
    place.key_file.write_text(key)
    async with await place.open() as store:
        assert await store.load_snapshot() is not None


async def test_cve_2024_52284_no_secret_is_in_the_database_in_clear(place: StorePlace) -> None:
    canary = "correct-horse-battery-staple"
    encoded = base64.b64encode(canary.encode()).decode()
    named = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    # The first is too small to be compressed, which would hide it as well.
    secret = Manifest.of({**named, "stringData": {"p": canary}})
    other = Manifest.of({**named, "stringData": {"p": canary}, "data": {"password": encoded}})
    store = await place.open()
    await store.commit(
        Batch(
            events=[draft()],
            contents={secret.digest: secret.body, other.digest: other.body},
            sets={RELEASE: (secret.digest, other.digest)},
            applied={EU: AppliedChange(upserts=[applied(digest=secret.digest)])},
            snapshot=secret.body,
            commands={"key": secret.body},
        )
    )
    stored = stored_bytes(place)
    await store.close()

    for haystack in (stored, stored_bytes(place)):
        assert b"ClusterJoined" in haystack, "looked in the wrong place"
        assert canary.encode() not in haystack
        assert encoded.encode() not in haystack
        assert encoded.encode().hex().encode() not in haystack


def stored_bytes(place: StorePlace) -> bytes:
    """All that a thief of the database gets: every file of SQLite, a dump of PostgreSQL."""
    if isinstance(place, SqlitePlace):
        names = [path for path in place.directory.iterdir() if path != place.key_file]
        return b"".join(path.read_bytes() for path in names)
    tables = place.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    rows = [place.execute(f"SELECT * FROM {table}") for (table,) in tables]
    return repr(rows).encode()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    (tmp_path / "state.db").write_bytes(b"kind: ConfigMap\n" * 500)

    with pytest.raises(StoreDamaged, match=str(place.url_or_path)):
        await place.open()


async def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreUnavailable, match="cannot write"):
        await Store.open(tmp_path / "file" / "state.db")


async def test_sqlite_files_are_their_owners_alone(tmp_path: Path) -> None:
    async with await Store.open(tmp_path / "state.db") as store:
        await store.append([draft()])
        modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in os.listdir(tmp_path)}

    assert set(modes) >= {"state.db", "state.db-wal", "state.db.lock", "store.key"}
    assert set(modes.values()) == {0o600}


async def test_postgresql_needs_to_know_its_key(tmp_path: Path) -> None:
    place = PostgresPlace(tmp_path, "postgresql://localhost/nothing")

    with pytest.raises(ValueError, match="key file"):
        await place.open(key_file=None)


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    place = PostgresPlace(tmp_path, f"postgresql://eva:hunter2@/fleet?host={tmp_path}")

    with pytest.raises(StoreUnavailable) as caught:
        await place.open()

    assert str(tmp_path) in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
