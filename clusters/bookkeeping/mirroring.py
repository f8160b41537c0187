"""Keeps the record of the apply sets on the cluster itself, and reads it back.

At most one write for a bundle and pass, and none when nothing changed.  A cluster that will not
keep the record is reconciled all the same; it is said, and tried again later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from clusters.bookkeeping.mirror import (
    NAMESPACE,
    OWNER_LABEL,
    Mirrored,
    MirroredRelease,
    manifests_of,
    read_record,
    shard_name,
)
from clusters.client.api import ClusterApi
from clusters.client.discovery import Resource
from clusters.client.wire import decode_object
from clusters.engine.site import Site
from clusters.errors import OF_THE_CLUSTER, ClusterError, NotFound
from clusters.events import MirrorFailed, MirrorRead
from clusters.model import BundleName, DesiredBundle, DesiredState, Digest, Manifest, ObjectRef
from clusters.records import Record

RETRY_S = 300.0
"""How soon a cluster that would not keep the record is asked again."""
_CONFIG_MAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_CONFIG_MAP = Resource(
    group="", version="v1", kind="ConfigMap", plural="configmaps", namespaced=True
)
_NAMESPACES = Resource(
    group="", version="v1", kind="Namespace", plural="namespaces", namespaced=False
)


class MirrorKeeper:
    """The record of one cluster.

    Its terms say under which name it is kept: records of other owners on the same cluster are left
    alone, and without a name there is none.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._owner = site.terms.mirror_owner
        self.is_read = False
        """Whether it was read since the start, or since another cluster answers."""
        self._written: dict[BundleName, Mirrored] = {}
        self._shards: dict[BundleName, dict[str, Digest]] = {}
        """Bundle to ConfigMap to digest of what we wrote there."""
        self._kept: DesiredState | None = None
        """The desired state for which the record is up to date."""
        self._retry_at = 0.0
        self._trouble = ""
        """Why the cluster does not keep the record now; empty: it does."""

    async def recall(self, api: ClusterApi) -> None:
        """Take into the apply set what only the cluster's own record knows of.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        if self.is_read or not self._owner:
            return
        site = self._site
        mirrored = await self._read(api)
        recalled = [
            applied
            for kept in mirrored.values()
            for applied in kept.apply_set()
            if applied.ref not in site.records
        ]
        if recalled:
            await site.journal.write(site.cluster, recalled, ())
        site.records.update((applied.ref, Record(applied)) for applied in recalled)
        self.is_read = True
        await site.report(
            MirrorRead(
                cluster=site.cluster,
                at=datetime.now(UTC),
                releases=tuple(kept.release for kept in mirrored.values()),
                recalled=len(recalled),
            )
        )

    async def _read(self, api: ClusterApi) -> dict[BundleName, Mirrored]:
        """What the cluster remembers, of every bundle; empty as well where it may not be seen."""
        self._written, self._shards = {}, {}
        try:
            reply = await api.transport.send(
                "GET", _CONFIG_MAPS, params={"labelSelector": f"{OWNER_LABEL}={self._owner}"}
            )
        except OF_THE_CLUSTER:
            raise
        except NotFound:
            return {}
        except ClusterError as error:
            await self._failed(error)
            return {}
        items = decode_object(reply.body).get("items") or []
        self._written = read_record(items)
        for bundle in self._written:
            self._shards[bundle] = {}
        for item in items:
            self._note_shard(item)
        return dict(self._written)

    def _note_shard(self, item: Mapping[str, object]) -> None:
        """Remember a ConfigMap by its name, so that one too many is deleted with the others."""
        metadata = item.get("metadata")
        name = str(metadata.get("name", "")) if isinstance(metadata, Mapping) else ""
        for bundle, shards in self._shards.items():
            first = shard_name(self._owner, bundle, 0)
            if name == first or name.removeprefix(f"{first}.").isdigit():
                shards[name] = Digest("")

    async def keep(self, api: ClusterApi, desired: DesiredState, *, moved: bool) -> None:
        """Bring the record up to date with the apply set, now that nothing is left to do.

        A bundle that is not in the desired state is left as it is: nothing is known of it just now.

        Args:
            api: the cluster.
            desired: what it should hold.
            moved: whether the apply set may have changed since the last call.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        if self._kept is desired and not moved:
            return
        self._kept = None
        if not self._owner or monotonic() < self._retry_at:
            return
        members = _members_by_bundle(self._site.records)
        try:
            for name, bundle in desired.bundles.items():
                if desired.suspended or bundle.suspended:
                    await self._keep_memo(api, bundle)
                else:
                    await self._keep_bundle(api, bundle, members.get(name, {}))
        except OF_THE_CLUSTER:
            raise
        except ClusterError as error:
            await self._failed(error)
        else:
            self._kept = desired
            await self._say("")

    async def _failed(self, error: ClusterError) -> None:
        self._retry_at = monotonic() + max(RETRY_S, error.retry_after_s or 0.0)
        await self._say(error.message)

    async def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            await self._site.report(
                MirrorFailed(cluster=self._site.cluster, at=datetime.now(UTC), reason=trouble)
            )

    async def _keep_bundle(
        self, api: ClusterApi, bundle: DesiredBundle, members: Mapping[ObjectRef, tuple[str, str]]
    ) -> None:
        before = self._written.get(bundle.name)
        if not (members or bundle.manifests):
            if before is not None:
                await self._forget(api, bundle.name, keep=())
                del self._written[bundle.name]
            return
        now = Mirrored(
            release=MirroredRelease(
                bundle=bundle.name,
                digest=bundle.digest,
                revision=bundle.revision,
                generation=(before.release.generation if before else 0) + 1,
                memo=bundle.memo,
            ),
            members=members,
        )
        if before is None or before.content != now.content:
            await self._store(api, now)

    async def _keep_memo(self, api: ClusterApi, bundle: DesiredBundle) -> None:
        """Of what may not be changed now the record stays, but for what is said of just that."""
        before = self._written.get(bundle.name)
        if before is None or before.release.memo == bundle.memo:
            return
        release = replace(
            before.release, memo=bundle.memo, generation=before.release.generation + 1
        )
        await self._store(api, replace(before, release=release))

    async def _store(self, api: ClusterApi, now: Mirrored) -> None:
        bundle = now.release.bundle
        shards = self._shards.setdefault(bundle, {})
        manifests = manifests_of(now, self._owner)
        for manifest in manifests:
            if shards.get(manifest.ref.name) != manifest.digest:
                await self._write(api, manifest)
                shards[manifest.ref.name] = manifest.digest
        self._written[bundle] = now
        await self._forget(api, bundle, keep=[manifest.ref.name for manifest in manifests])

    async def _write(self, api: ClusterApi, manifest: Manifest) -> None:
        try:
            await api.apply(_CONFIG_MAP, manifest, force=True)
        except NotFound:
            space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            await api.apply(_NAMESPACES, Manifest.of(space), force=True)
            await api.apply(_CONFIG_MAP, manifest, force=True)

    async def _forget(self, api: ClusterApi, bundle: BundleName, *, keep: Collection[str]) -> None:
        """Delete the ConfigMaps of a bundle's record that it does not need any more."""
        shards = self._shards.setdefault(bundle, {})
        for name in [name for name in shards if name not in keep]:
            await api.discard(_CONFIG_MAP, ObjectRef("", "ConfigMap", NAMESPACE, name))
            del shards[name]


def _members_by_bundle(
    records: Mapping[ObjectRef, Record],
) -> dict[BundleName, dict[ObjectRef, tuple[str, str]]]:
    found: dict[BundleName, dict[ObjectRef, tuple[str, str]]] = {}
    for ref, record in records.items():
        applied = record.applied
        if applied.uid:
            found.setdefault(applied.bundle, {})[ref] = (applied.api_version, applied.uid)
    return found
