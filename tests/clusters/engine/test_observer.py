"""What watches show becomes what records say; echoes of our own writes do not."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import orjson
import pytest

from clusters.client.api import ClusterApi, Live
from clusters.client.stream import Changed, Interrupted, Observation, Removed, Seen, Synced
from clusters.client.transport import Endpoint, Transport
from clusters.client.wire import decode_head
from clusters.engine.observer import Observer
from clusters.errors import Forbidden
from clusters.fields.projection import short_hash
from clusters.model import GroupKind, Health
from clusters.records import Drift, Leaving, Record
from tests.fakes.plans import applied, by_ref, config, record

CONFIG = GroupKind("", "ConfigMap")
A = config("a")
FIELDS = {"f:data": {"f:value": {}}}
ENTRY_HASH = short_hash(orjson.dumps(FIELDS))


def seen(version: int, uid: str = "uid-a", *, ours: bool = True, **metadata: Any) -> Seen:
    entry = {"manager": "flotilla", "operation": "Apply", "fieldsV1": FIELDS}
    body = orjson.dumps(
        {
            "metadata": {
                "name": "a",
                "namespace": "default",
                "uid": uid,
                "resourceVersion": str(version),
                "managedFields": [entry] if ours else [],
                **metadata,
            }
        }
    )
    return Seen(decode_head(body).metadata, msgspec.Raw(body))


def known(**more: Any) -> Record:
    member = applied(A, entry_hash=ENTRY_HASH)
    return record(A, **({"applied": member, "resource_version": "5"} | more))


class Watched:
    """An observer that is told by hand what its watch shows."""

    def __init__(self, one: Record) -> None:
        async def headers(renew: bool) -> dict[str, str]:
            return {}

        transport = Transport(Endpoint(server="http://nowhere", headers=headers))
        self.woken = 0
        self.observer = Observer(
            ClusterApi(transport), selector="", records=by_ref([one]), wake=self._wake
        )

    def _wake(self) -> None:
        self.woken += 1

    def show(self, *observations: Observation) -> Observer:
        for observation in observations:
            self.observer._take(CONFIG, observation)
        return self.observer


async def test_what_is_listed_is_there_and_what_is_not_is_gone() -> None:
    there, gone = known(present=False), known()
    Watched(there).show(Synced((seen(6),), "9"))
    assert (there.present, there.suspect, there.health) == (True, False, Health.HEALTHY)
    observer = Watched(gone).show(Synced((), "9"))
    assert (gone.present, gone.suspect, gone.health) == (False, True, Health.MISSING)
    assert observer.synced == {CONFIG}


@pytest.mark.parametrize("version", [4, 5])
async def test_old_news_and_echoes_are_nothing(version: int) -> None:
    one = known()
    watched = Watched(one)
    watched.show(Changed(seen(version, ours=False)), Removed(seen(version)))
    assert (one.present, one.suspect, one.resource_version, watched.woken) == (True, False, "5", 0)


async def test_an_unchanged_entry_needs_no_look() -> None:
    one = known()
    watched = Watched(one)
    observer = watched.show(Changed(seen(6)))
    assert (one.suspect, one.resource_version, watched.woken) == (False, "6", 0)
    assert observer.suspects == {}


async def test_a_changed_entry_or_uid_is_suspect() -> None:
    for shown in (seen(6, ours=False), seen(6, uid="another")):
        one = known()
        assert Watched(one).show(Changed(shown)).suspects == {A.ref: one}
        assert one.suspect


async def test_what_comes_during_a_write_waits_for_its_answer() -> None:
    """The foreign change came before our write: the answer covers it, and it is no drift."""
    one = known(in_flight=True)
    observer = Watched(one).show(Changed(seen(6, ours=False)))
    assert not one.suspect
    answer = seen(7)
    observer.wrote(one, Live(answer.metadata, bytes(answer.body)))
    observer.settle(one)
    assert (one.suspect, one.resource_version) == (False, "7")


async def test_what_comes_after_our_write_counts() -> None:
    one = known(in_flight=True)
    observer = Watched(one).show(Changed(seen(8, ours=False)))
    answer = seen(7)
    observer.wrote(one, Live(answer.metadata, bytes(answer.body)))
    observer.settle(one)
    assert (one.suspect, one.resource_version) == (True, "8")


async def test_a_list_without_it_during_a_write_counts_after_the_answer() -> None:
    failed = known(in_flight=True)
    observer = Watched(failed).show(Synced((), "9"))
    observer.settle(failed)
    assert not failed.present, "the write failed: it is gone"
    written = known(in_flight=True)
    observer = Watched(written).show(Synced((), "9"))
    answer = seen(10)
    observer.wrote(written, Live(answer.metadata, bytes(answer.body)))
    observer.settle(written)
    assert written.present, "it was made after the list"


async def test_a_list_of_a_restored_backup_is_believed() -> None:
    one = known(resource_version="500")
    Watched(one).show(Synced((), "9", rewound=True))
    assert not one.present


@pytest.mark.parametrize("deleted_at", [None, "2026-03-01T10:00:00Z"])
async def test_a_deletion_that_a_restored_backup_took_back_is_waited_for_no_more(
    deleted_at: str | None,
) -> None:
    """A finalizer held it, the backup was from before: it would have been waited for for ever."""
    metadata = {"deletionTimestamp": deleted_at} if deleted_at else {}
    one = known(leaving=Leaving.REPLACED, resource_version="500")
    Watched(one).show(Synced((seen(9, **metadata),), "9", rewound=True))
    assert (one.present, one.deleting) == (True, deleted_at is not None)
    late = known(leaving=Leaving.DELETED, resource_version="5")
    Watched(late).show(Changed(seen(6)))
    assert late.deleting, "what was on its way when we asked says nothing"


async def test_our_own_annotation_counts_at_once() -> None:
    """The echo of our write is skipped: what the answer says must not be lost with it."""
    one = known(in_flight=True)
    observer = Watched(one).observer
    answer = seen(7, annotations={"flotilla.dev/prune": "disabled"})
    observer.wrote(one, Live(answer.metadata, bytes(answer.body)))
    assert one.keep


async def test_drift_that_went_away_is_told() -> None:
    one = known(drift=Drift(paths=("x",), manager="", changed_at=None))
    observer = Watched(one).show(Changed(seen(6)))
    assert (one.drift, observer.restored) == (None, [one])


async def test_what_we_deleted_is_gone_when_the_watch_says_so() -> None:
    one = known(leaving=Leaving.DELETED)
    observer = Watched(one).show(Removed(seen(6)))
    assert observer.gone == {A.ref: one}
    assert observer.suspects == {}


@pytest.mark.parametrize("leaving", [Leaving.DELETED, Leaving.REPLACED])
async def test_a_new_object_of_the_name_is_not_what_we_deleted(leaving: Leaving) -> None:
    one = known(leaving=leaving)
    Watched(one).show(Changed(seen(6, uid="another")))
    assert (one.leaving, one.uid) == (None, "another")


async def test_whether_an_unconfirmed_object_is_ours() -> None:
    for ours in (True, False):
        one = known(applied=applied(A, uid="", confirmed=False), present=False)
        Watched(one).show(Changed(seen(6, ours=ours)))
        assert one.foreign is not ours


async def test_trouble_of_one_kind_has_its_reason_until_it_is_over() -> None:
    watched = Watched(known())
    observer = watched.show(Interrupted(Forbidden("may not list configmaps")))
    assert observer.interrupted == {CONFIG: "may not list configmaps"}
    assert observer.trouble is not None
    watched.show(Synced((seen(6),), "9"))
    assert observer.interrupted == {}


class TestOutOfSight:
    """What nobody watches any more is unknown, however it was when it was last seen."""

    def is_unknown(self, one: Record, observer: Observer) -> bool:
        assert observer.stale == {one.bundle}
        return (one.present, one.health, observer.synced) == (False, Health.UNKNOWN, set())

    async def test_a_kind_that_is_served_no_more(self) -> None:
        """Its objects went with it, or only their server is down: both looked healthy."""
        one = known()
        observer = Watched(one).show(Synced((seen(6),), "9"))
        observer.stale.clear()
        observer._tasks[CONFIG] = asyncio.create_task(asyncio.sleep(60))
        observer.want([CONFIG])
        assert self.is_unknown(one, observer)

    async def test_a_watch_that_cannot_be_had_for_long(self) -> None:
        one = known()
        watched = Watched(one)
        observer = watched.show(Synced((seen(6),), "9"))
        observer.stale.clear()
        watched.show(Interrupted(Forbidden("may not watch configmaps")))
        assert one.health is Health.HEALTHY, "it may be over in a moment"
        watched.show(Interrupted(Forbidden("may not watch configmaps"), blind=True))
        assert self.is_unknown(one, observer)
        assert "may not watch configmaps" in one.message
        watched.show(Synced((seen(6),), "9"))
        assert (one.present, one.health) == (True, Health.HEALTHY)


@pytest.mark.parametrize(
    ("listed", "away"),
    [
        pytest.param(Synced((seen(9),), "9", rewound=True), False, id="its history went back"),
        pytest.param(Synced((seen(9),), "9"), True, id="while we were not connected"),
        pytest.param(Synced((seen(9),), "90000"), False, id="etcd restored with --bump-revision"),
    ],
)
async def test_what_a_restored_backup_brought_back_is_looked_at(listed: Synced, away: bool) -> None:
    """It has the same fields of ours, with the values of an older release."""
    one = known()
    Watched(one).show(Synced((seen(500),), "500"))
    assert not one.suspect
    if away:
        one.out_of_sight("not connected")
    Watched(one).show(listed)
    assert one.suspect
