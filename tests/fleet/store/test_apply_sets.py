from __future__ import annotations

import asyncio

from clusters.model import Applied, ClusterName, Digest, ObjectRef
from fleet.store.model import AppliedChange, Batch
from fleet.store.store import Store
from tests.fleet.store.places import applied

EU = ClusterName("eu-1")
US = ClusterName("us-1")


async def test_apply_sets_come_back_as_they_went_in(store: Store) -> None:
    full = applied(
        "full",
        uid="4b8f",
        entry_hash="e" * 32,
        live_hash="f" * 32,
        confirmed=True,
        ref=ObjectRef("apps", "Deployment", "shop", "full"),
        api_version="apps/v1",
    )
    intended = applied("intended")
    global_ = applied("", ref=ObjectRef("", "Namespace", "", "shop"))
    await store.write_applied(EU, [full, intended, global_])

    assert await store.applied(EU) == (intended, global_, full)
    assert await store.applied(US) == ()


async def test_intended_becomes_confirmed(store: Store) -> None:
    await store.write_applied(EU, [applied("a"), applied("b")])
    await store.write_applied(EU, [applied("a", uid="1", confirmed=True)])

    assert await store.applied(EU) == (applied("a", uid="1", confirmed=True), applied("b"))


async def test_removals_come_before_upserts(store: Store) -> None:
    await store.write_applied(EU, [applied("a"), applied("b"), applied("c")])
    await store.write_applied(
        EU,
        upserts=[applied("b", uid="new")],
        removals=[applied("a").ref, applied("b").ref, applied("never there").ref],
    )

    assert await store.applied(EU) == (applied("b", uid="new"), applied("c"))


async def test_of_two_upserts_the_last_one_wins(store: Store) -> None:
    await store.write_applied(EU, [applied("a", uid="1"), applied("a", uid="2")])

    assert await store.applied(EU) == (applied("a", uid="2"),)


async def test_clusters_do_not_touch_each_other(store: Store) -> None:
    await store.write_applied(EU, [applied("a"), applied("b")])
    await store.write_applied(US, [applied("a")])
    await store.write_applied(US, removals=[applied("a").ref, applied("b").ref])

    assert len(await store.applied(EU)) == 2
    assert await store.applied(US) == ()


async def test_a_batch_changes_several_clusters(store: Store) -> None:
    await store.write_applied(EU, [applied("a")])
    await store.commit(
        Batch(
            applied={
                EU: AppliedChange(removals=[applied("a").ref]),
                US: AppliedChange(upserts=[applied("a"), applied("b")]),
            }
        )
    )

    assert await store.applied(EU) == ()
    assert len(await store.applied(US)) == 2


async def test_a_thousand_objects_at_once(store: Store) -> None:
    many = [applied(f"settings-{number:04}") for number in range(1_000)]
    await store.write_applied(EU, many)
    again = [applied(each.ref.name, digest=Digest("1" * 32), confirmed=True) for each in many]
    await store.write_applied(EU, again)

    assert await store.applied(EU) == tuple(again)
    await store.write_applied(EU, removals=[each.ref for each in many])
    assert await store.applied(EU) == ()


async def test_many_clusters_write_at_once(store: Store) -> None:
    async def reconcile(cluster: ClusterName) -> tuple[Applied, ...]:
        await store.write_applied(cluster, [applied(str(number)) for number in range(5)])
        await store.write_applied(cluster, [applied("0", confirmed=True)], [applied("1").ref])
        return await store.applied(cluster)

    clusters = [ClusterName(f"cluster-{number}") for number in range(60)]
    results = await asyncio.gather(*map(reconcile, clusters))

    wanted = (applied("0", confirmed=True), applied("2"), applied("3"), applied("4"))
    assert set(results) == {wanted}
    assert {len(await store.applied(cluster)) for cluster in clusters} == {4}
