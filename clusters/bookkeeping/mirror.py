"""The compact record of an apply set on the cluster itself: what is in it, as ConfigMaps.  Pure.

It outlives the loss of our database.  It names objects and never holds what is in them, nor a
digest of a single one, so that who may read it learns nothing of a Secret.  It is believed in one
direction only: an object that it names may be ours and must be looked after; that something is
missing from it, or in it, never is a reason to delete (ADR 11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from clusters.model import (
    NEVER_APPLIED,
    Applied,
    BundleName,
    Digest,
    Manifest,
    ObjectRef,
    Revision,
    canonical_json,
)

NAMESPACE = "flotilla-system"
OWNER_LABEL = "flotilla.dev/apply-set"
"""Label of the record; its value is the fleet's name.  Not the label of what we apply: the record
is no object of any bundle."""
SHARD_BYTES = 256 * 1024
"""A ConfigMap may hold 1 MiB.  Smaller ones are cheaper to write when only the release changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredRelease:
    """What a cluster was told to hold of a bundle."""

    bundle: BundleName
    digest: Digest
    revision: Revision
    generation: int = 0
    """Grows with each write: of two records of a bundle the higher one is newer."""
    memo: str = ""
    """What else is kept with it (`DesiredBundle.memo`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """One bundle as the cluster remembers it."""

    release: MirroredRelease
    members: Mapping[ObjectRef, tuple[str, str]] = field(default_factory=dict)
    """apiVersion and uid of every object that we know to have applied."""

    @property
    def content(self) -> tuple[object, ...]:
        """All that is worth a write when it changes."""
        return self.release.digest, self.release.revision, self.release.memo, self.members

    def apply_set(self) -> list[Applied]:
        """Its members, none of them confirmed: only looking at the objects can do that."""
        return [
            Applied(
                ref=ref,
                api_version=api_version,
                bundle=self.release.bundle,
                digest=NEVER_APPLIED,
                uid=uid,
            )
            for ref, (api_version, uid) in self.members.items()
        ]


class _Release(msgspec.Struct, omit_defaults=True):
    digest: str = ""
    revision: str = ""
    generation: int = 0
    memo: str = ""


_NO_RELEASE = _Release(generation=-1)
_Members = dict[str, dict[str, str]]
"""`apiVersion/Kind` to `namespace/name` to uid."""


def shard_name(owner: str, bundle: str, index: int) -> str:
    """Name of a ConfigMap of a bundle's record."""
    first = f"flotilla-apply-set.{owner}.{bundle}"
    return f"{first}.{index}" if index else first


def manifests_of(mirrored: Mirrored, owner: str) -> list[Manifest]:
    """The ConfigMaps that hold a record; the first one says which release it is of."""
    release = mirrored.release
    head = _Release(
        digest=release.digest,
        revision=release.revision,
        generation=release.generation,
        memo=release.memo,
    )
    return [
        Manifest.of(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": shard_name(owner, release.bundle, index),
                    "namespace": NAMESPACE,
                    "labels": {OWNER_LABEL: owner},
                },
                "data": {
                    "bundle": release.bundle,
                    "members": canonical_json(members).decode(),
                    **({} if index else {"release": msgspec.json.encode(head).decode()}),
                },
            }
        )
        for index, members in enumerate(_shards(mirrored.members))
    ]


def read_record(items: Iterable[Mapping[str, Any]]) -> dict[BundleName, Mirrored]:
    """Put records together from ConfigMaps; what cannot be understood is left out.

    Somebody may have changed them: nothing here may fail, and nothing here is believed.
    """
    found: dict[BundleName, Mirrored] = {}
    for bundle, release, members in _parsed(items):
        before = found.get(bundle)
        newest = MirroredRelease(
            bundle=bundle,
            digest=Digest(release.digest),
            revision=Revision(release.revision),
            generation=release.generation,
            memo=release.memo,
        )
        if before and before.release.generation > release.generation:
            newest = before.release
        # A write cut short leaves shards of two generations: together they name all there is.
        both = {**(before.members if before else {}), **dict(_refs(members))}
        found[bundle] = Mirrored(release=newest, members=both)
    return found


def _parsed(
    items: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[BundleName, _Release, _Members]]:
    for item in items:
        try:
            data = item["data"]
            bundle = BundleName(data["bundle"])
            members = msgspec.json.decode(data["members"], type=_Members)
            words = data.get("release")
            release = msgspec.json.decode(words, type=_Release) if words else _NO_RELEASE
        except (msgspec.MsgspecError, LookupError, TypeError, AttributeError, RecursionError):
            continue
        if isinstance(bundle, str):
            yield bundle, release, members


def _refs(members: _Members) -> Iterator[tuple[ObjectRef, tuple[str, str]]]:
    for kind_text, named in members.items():
        api_version, _, kind = kind_text.rpartition("/")
        group = api_version.rpartition("/")[0]
        for place, uid in named.items():
            namespace, _, name = place.rpartition("/")
            if api_version and kind and name and uid:
                yield ObjectRef(group, kind, namespace, name), (api_version, uid)


def _shards(members: Mapping[ObjectRef, tuple[str, str]]) -> list[_Members]:
    """Divide members by a hash of their names, so that most shards survive a change unchanged."""
    size = sum(len(ref.name) + len(ref.namespace) + 50 for ref in members)
    count = 1
    while size / count > SHARD_BYTES:
        count *= 2
    shards: list[_Members] = [{} for _ in range(count)]
    for ref, (api_version, uid) in members.items():
        shard = shards[_spread(ref) % count]
        place = f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
        shard.setdefault(f"{api_version}/{ref.kind}", {})[place] = uid
    return shards


def _spread(ref: ObjectRef) -> int:
    return int.from_bytes(hashlib.blake2b(str(ref).encode(), digest_size=4).digest())
