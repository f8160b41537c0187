"""What is remembered of an object, and how little that is."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

from clusters.model import Applied, BundleName, Digest, Health, ObjectRef
from clusters.projection import short_hash
from clusters.records import FieldSets, Record

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
