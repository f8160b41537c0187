from __future__ import annotations

import pytest

from clusters.model import Digest, Manifest, digest_of
from fleet.store.errors import ContentMissing, StoreDamaged
from fleet.store.model import Batch
from fleet.store.store import Store
from tests.fleet.store.places import StorePlace, manifest


def bodies(*manifests: Manifest) -> dict[Digest, bytes]:
    return {each.digest: each.body for each in manifests}


def set_name(text: str) -> Digest:
    return digest_of(text.encode())


async def test_contents_come_back_by_digest(store: Store) -> None:
    small, large = manifest("small"), manifest("large", text="many words " * 1_000)
    random = {digest_of(data): data for data in (b"", b"\x00\xff", bytes(range(256)) * 9)}
    await store.commit(Batch(contents=bodies(small, large) | random))

    found = await store.get_contents([small.digest, large.digest, *random, Digest("f" * 32)])

    assert found == bodies(small, large) | random
    assert await store.get_contents([]) == {}


async def test_storing_a_content_again_changes_nothing(store: Store, place: StorePlace) -> None:
    one, two = manifest("one"), manifest("two")
    await store.commit(Batch(contents=bodies(one)))
    before = place.execute("SELECT body FROM content")
    await store.commit(Batch(contents=bodies(one, two)))

    assert len(place.execute("SELECT body FROM content")) == 2
    assert before[0] in place.execute("SELECT body FROM content")


async def test_a_content_under_a_wrong_name_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="not the content"):
        await store.commit(Batch(contents={Digest("0" * 32): b"something"}))


async def test_text_that_repeats_itself_takes_little_room(store: Store, place: StorePlace) -> None:
    await store.commit(Batch(contents=bodies(manifest("large", text="many words " * 10_000))))

    ((length,),) = place.execute("SELECT length(body) FROM content")
    assert length < 2_000


async def test_a_changed_or_exchanged_body_is_found(store: Store, place: StorePlace) -> None:
    one, two = manifest("one"), manifest("two")
    await store.commit(Batch(contents=bodies(one, two)))
    place.execute(
        f"UPDATE content SET body = (SELECT body FROM content WHERE digest = '{one.digest}') "
        f"WHERE digest = '{two.digest}'"
    )

    assert await store.get_contents([one.digest]) == bodies(one)
    with pytest.raises(StoreDamaged, match=two.digest):
        await store.get_contents([one.digest, two.digest])


async def test_sets_keep_their_order(store: Store) -> None:
    parts = [manifest(name) for name in "cab"]
    await store.commit(Batch(contents=bodies(*parts)))
    digests = tuple(part.digest for part in parts)
    await store.commit(Batch(sets={set_name("release"): digests}))
    await store.commit(Batch(sets={set_name("release"): digests}))
    await store.commit(Batch(sets={set_name("empty"): ()}))

    found = await store.get_sets([set_name("release"), set_name("empty"), set_name("other")])

    assert found == {set_name("release"): digests, set_name("empty"): ()}


async def test_a_set_needs_its_contents(store: Store) -> None:
    here, missing = manifest("here"), manifest("missing")
    await store.commit(Batch(contents=bodies(here)))

    with pytest.raises(ContentMissing, match="1 of 2"):
        await store.commit(Batch(sets={set_name("release"): (here.digest, missing.digest)}))

    assert await store.get_sets([set_name("release")]) == {}


async def test_many_contents_at_once(store: Store) -> None:
    many = [manifest(f"settings-{number}") for number in range(2_500)]
    name = set_name("release")
    await store.commit(
        Batch(contents=bodies(*many), sets={name: tuple(each.digest for each in many)})
    )

    assert await store.get_contents([each.digest for each in many]) == bodies(*many)
    assert len((await store.get_sets([name]))[name]) == 2_500


async def test_garbage_is_what_no_live_set_names(store: Store, place: StorePlace) -> None:
    shared, old, lone = manifest("shared"), manifest("old"), manifest("lone")
    await store.commit(Batch(contents=bodies(shared, old, lone)))
    await store.commit(Batch(sets={set_name("dead"): (shared.digest, old.digest)}))
    await store.commit(Batch(sets={set_name("live"): (shared.digest,)}))
    everything = [shared.digest, old.digest, lone.digest]

    assert await store.collect_garbage([set_name("live")]) == (0, 0), "too young"
    place.clock.forward(hours=2)
    young = manifest("young")
    await store.commit(Batch(contents=bodies(young)))
    assert await store.collect_garbage([set_name("live")]) == (1, 2)

    assert set(await store.get_contents([*everything, young.digest])) == {
        shared.digest, young.digest,
    }  # fmt: skip
    assert set(await store.get_sets([set_name("dead"), set_name("live")])) == {set_name("live")}
    assert await store.collect_garbage([set_name("live")]) == (0, 0)
