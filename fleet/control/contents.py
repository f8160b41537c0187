"""Rendered manifests by digest: in memory while assigned, in the store for good.

Identical objects of many clusters and releases are one instance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson

from clusters.model import Digest, Manifest
from fleet.state.standing import EMPTY_DIGEST
from fleet.store.store import Store


class Contents:
    """What digests stand for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sets: dict[Digest, tuple[Manifest, ...]] = {EMPTY_DIGEST: ()}
        self._stored: set[Digest] = {EMPTY_DIGEST}

    def get(self, digest: str) -> tuple[Manifest, ...] | None:
        """The manifests of a rendering, or None if they are not in memory."""
        return self._sets.get(Digest(digest))

    def add(
        self, rendered: Mapping[Digest, tuple[Manifest, ...]]
    ) -> tuple[dict[Digest, bytes], dict[Digest, list[Digest]]]:
        """Remember renderings; return the bodies and sets that must be stored with the next batch.

        A rendering counts as stored once `stored` was told so.
        """
        bodies: dict[Digest, bytes] = {}
        sets: dict[Digest, list[Digest]] = {}
        for digest, manifests in rendered.items():
            known = self._sets.setdefault(digest, manifests)
            if digest not in self._stored:
                sets[digest] = [manifest.digest for manifest in known]
                bodies.update((manifest.digest, manifest.body) for manifest in known)
        return bodies, sets

    def stored(self, digests: Collection[Digest]) -> None:
        """These renderings are durable now."""
        self._stored.update(digests)

    def keep(self, digests: Collection[str]) -> None:
        """Forget (in memory) everything that is not among `digests`: the store may drop it too."""
        wanted = {EMPTY_DIGEST, *map(Digest, digests)}
        self._stored &= wanted
        self._sets = {digest: value for digest, value in self._sets.items() if digest in wanted}

    async def load(self, digests: Collection[str]) -> list[Digest]:
        """Bring renderings into memory; return those that the store does not have."""
        wanted = [Digest(d) for d in digests if Digest(d) not in self._sets]
        sets = await self._store.get_sets(wanted)
        bodies = await self._store.get_contents(
            {member for set_ in sets.values() for member in set_}
        )
        key = self._store.secret_key
        manifests = {
            digest: Manifest.of(orjson.loads(body), secret_key=key)
            for digest, body in bodies.items()
        }
        for digest, members in sets.items():
            if all(member in manifests for member in members):
                self._sets[digest] = tuple(manifests[member] for member in members)
                self._stored.add(digest)
        return [digest for digest in wanted if digest not in self._sets]
