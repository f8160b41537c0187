"""The record of an apply set in ConfigMaps: written and read back, and never believed."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from clusters.bookkeeping.mirror import (
    SHARD_BYTES,
    Mirrored,
    MirroredRelease,
    manifests_of,
    read_record,
)
from clusters.model import BundleName, Digest, ObjectRef, Revision

names = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
kinds = st.sampled_from(
    [("", "v1", "ConfigMap"), ("apps", "apps/v1", "Deployment"), ("x.io", "x.io/v1", "A")]
)


@st.composite
def mirrored(draw: st.DrawFn) -> Mirrored:
    members = {}
    for (group, api_version, kind), namespace, name, uid in draw(
        st.lists(st.tuples(kinds, st.one_of(st.just(""), names), names, names), max_size=20)
    ):
        members[ObjectRef(group, kind, namespace, name)] = (api_version, uid)
    release = MirroredRelease(
        bundle=BundleName(draw(names)),
        digest=Digest(draw(names)),
        revision=Revision(draw(names)),
        generation=draw(st.integers(1, 10**9)),
    )
    return Mirrored(release=release, members=members)


@given(mirrored())
def test_what_is_written_is_read_back(kept: Mirrored) -> None:
    items = [manifest.content for manifest in manifests_of(kept, "acme")]
    assert read_record(items) == {kept.release.bundle: kept}


def big(count: int) -> Mirrored:
    release = MirroredRelease(bundle=BundleName("big"), digest=Digest("d"), revision=Revision("r"))
    members = {
        ObjectRef("", "ConfigMap", "default", f"object-{number:06}"): ("v1", f"{number:036}")
        for number in range(count)
    }
    return Mirrored(release=release, members=members)


def test_a_large_apply_set_is_divided_and_no_part_nears_a_mebibyte() -> None:
    manifests = manifests_of(big(10_000), "acme")
    assert len(manifests) > 1
    assert max(len(manifest.body) for manifest in manifests) < 1.5 * SHARD_BYTES
    assert len({manifest.ref.name for manifest in manifests}) == len(manifests)
    assert read_record(m.content for m in manifests)[BundleName("big")] == big(10_000)


def test_a_change_rewrites_one_part() -> None:
    before, after = big(10_000), big(10_001)
    old = {manifest.ref: manifest.digest for manifest in manifests_of(before, "acme")}
    changed = [m for m in manifests_of(after, "acme") if old.get(m.ref) != m.digest]
    assert len(changed) == 1


def test_a_write_cut_short_leaves_more_and_never_less() -> None:
    before, after = manifests_of(big(10_000), "acme"), manifests_of(big(9_000), "acme")
    mixed = [*before[: len(before) // 2], *after[len(after) // 2 :]]
    found = read_record(manifest.content for manifest in mixed)[BundleName("big")]
    assert found.members.keys() >= big(9_000).members.keys()


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from(["bundle", "members", "release", "x"]), json | st.text()))
def test_nothing_that_somebody_wrote_there_makes_reading_fail(data: dict[str, Any]) -> None:
    read_record([{"data": data}, {"data": None}, {}])


def test_what_is_no_reference_is_left_out() -> None:
    members = {
        "v1/ConfigMap": {"default/a": "u", "": "u", "default/": "u", "b/c": ""},
        "Nothing": {"a": "u"},
    }
    data = {"bundle": "app", "members": orjson.dumps(members).decode()}
    found = read_record([{"data": data}])[BundleName("app")]
    assert set(found.members) == {ObjectRef("", "ConfigMap", "default", "a")}
