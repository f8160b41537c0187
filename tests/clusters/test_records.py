"""What is remembered of an object, and how little that is."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

from clusters.embedded.serve import EmbeddedClusters
from clusters.fields.projection import short_hash
from clusters.model import Applied, BundleName, Digest, Health, ObjectRef
from clusters.records import FieldSets, Record
from fleet.control.journal import StoreJournal
from fleet.store.store import Store
from tests.fakes.engine import Engine, config_map, desired_bundle

MEMBERS = 2_000
BYTES_MAX = 500


def test_a_record_is_a_few_hundred_bytes() -> None:
    """Controllers that kept whole objects needed gigabytes (argo-cd#6561, kustomize#1111).

    Beside what all clusters share: the reference, bundle and digest of a manifest, and the hashes
    of what applying it gives.
    """
    refs = [ObjectRef("", "ConfigMap", "default", f"c{n}") for n in range(MEMBERS)]
    digests = [Digest(f"{n:032}") for n in range(MEMBERS)]
    bundle, version = BundleName("app"), "v1"
    records: dict[ObjectRef, Record] = {}
    tracemalloc.start()
    for number, (ref, digest) in enumerate(zip(refs, digests, strict=True)):
        uid = f"00000000-0000-4000-8000-{number:012}"
        applied = Applied(
            ref=ref,
            api_version=version,
            bundle=bundle,
            digest=digest,
            uid=uid,
            entry_hash=short_hash(b"entry"),
            live_hash=short_hash(b"live"),
            confirmed=True,
        )
        records[ref] = Record(
            applied,
            present=True,
            uid=uid,
            resource_version=f"{number + 10_000_000}",
            health=Health.HEALTHY,
            message="",
        )
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / MEMBERS <= BYTES_MAX


async def test_nor_is_it_more_in_a_running_engine_or_after_a_restart(tmp_path: Path) -> None:
    """What a record refers to is counted as well, where manifests do not hold it anyway.

    After a restart the apply set comes from the store: its texts were others of the same content.
    """
    bundle = desired_bundle([config_map(f"c{number}", x="1") for number in range(300)])
    async with (
        EmbeddedClusters(["one"], ready_after_s=0.02) as clusters,
        await Store.open(tmp_path / "flotilla.db") as store,
        Engine(clusters, journal=StoreJournal(store)) as engine,  # type: ignore[arg-type]
    ):
        for _ in range(2):
            await engine.converged(bundle)
            beside: set[int] = set()
            reachable_bytes(bundle, beside)
            assert reachable_bytes(engine.reconciler.records, beside) / 300 <= BYTES_MAX
            await engine.restart()


def reachable_bytes(root: object, seen: set[int]) -> int:
    """The size of an object and all that it refers to, but for what was seen before."""
    total, left = 0, [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        if not isinstance(one, str | bytes | int | float):
            left.extend(gc.get_referents(one))
    return total


def test_equal_hashes_are_one_string_also_after_a_restart() -> None:
    ref = ObjectRef("", "ConfigMap", "default", "a")
    member = Applied(
        ref=ref,
        api_version="v1",
        bundle=BundleName("app"),
        digest=Digest("d"),
        entry_hash="".join(["12", "34"]),
        live_hash="".join(["56", "78"]),
    )
    one, other = (Record.of(replace(member, uid=uid)).applied for uid in ("1", "2"))
    assert one.entry_hash is other.entry_hash
    assert one.live_hash is other.live_hash


def test_field_sets_are_held_once() -> None:
    sets = FieldSets()
    first = b'{"f:data":{}}'
    sets.add("h", first)
    sets.add("h", bytes(bytearray(first)))
    assert sets.get("h") is first
    assert sets.get("other") is None


def test_field_sets_of_many_releases_take_no_more_room_than_was_given() -> None:
    sets = FieldSets(max_bytes=1_000)
    for release in range(500):
        sets.add(f"used by {release}", b"x" * 90)
        sets.add("used all the time", b"y" * 100)
        assert sets.size_bytes <= 1_000
    assert sets.get("used all the time") is not None
    assert sets.get("used by 499") is not None
    assert sets.get("used by 400") is None
    sets.add("larger than all of it", b"z" * 2_000)
    assert sets.get("larger than all of it") is not None
    assert sets.size_bytes == 2_000
