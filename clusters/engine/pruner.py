"""Deletes one object, or lets go of it, if it still is just what was decided about.

The UID and the version that were seen are preconditions of the request: what was made anew, or
asked to be kept a moment ago, is not deleted but looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic

import msgspec

from clusters.client.api import ClusterApi
from clusters.client.discovery import Resource
from clusters.client.stream import Seen
from clusters.engine.observer import Observer
from clusters.errors import OF_THE_CLUSTER, ClusterError, Conflict
from clusters.model import ObjectRef
from clusters.planning.actions import Detach, Prune
from clusters.planning.adoption import letting_go
from clusters.records import Failure, Leaving, Record


class Pruner:
    """Deletes objects of one cluster.

    Args:
        api: the cluster.
        observer: told what is seen instead, and what is gone.
        records: the records, shared with observer and reconciler.
        random_unit: jitter for retries, in [0, 1).
    """

    def __init__(
        self,
        *,
        api: ClusterApi,
        observer: Observer,
        records: Mapping[ObjectRef, Record],
        random_unit: Callable[[], float],
    ) -> None:
        self._api = api
        self._observer = observer
        self._records = records
        self._random_unit = random_unit

    async def prune(self, action: Prune) -> bool:
        """Ask for the deletion; False when the server refuses it.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        record = self._records[action.ref]
        resource = self._api.discovery.preferred(action.ref.group_kind)
        if resource is None:
            return True  # the kind went away just now, and its objects with it
        record.leaving = Leaving.DELETED
        try:
            existed = await self._api.delete(
                resource, action.ref, uid=action.uid, resource_version=action.resource_version
            )
        except OF_THE_CLUSTER:
            record.leaving = None
            raise
        except ClusterError as error:
            record.leaving = None
            if isinstance(error, Conflict) and await self._look_again(resource, record, action):
                return True
            self._failed(record, error)
            return False
        record.failure = None
        if not existed:
            self._observer.gone[record.ref] = record
        return True

    async def detach(self, action: Detach) -> bool:
        """Take our marks off an object and leave it; False when the server refuses that.

        Raises:
            ClusterError: the cluster as a whole is in trouble.
        """
        record = self._records[action.ref]
        resource = self._api.discovery.preferred(action.ref.group_kind)
        if resource is None:
            return True
        record.leaving = Leaving.DETACHED
        try:
            live = await self._api.get(resource, action.ref)
            if live is not None and live.metadata.uid != action.uid:
                record.leaving = None
                self._observer.judge(record, Seen(live.metadata, msgspec.Raw(live.body)))
                return True
            if live is not None:
                await self._api.patch(resource, action.ref, letting_go(live.content()))
        except OF_THE_CLUSTER:
            record.leaving = None
            raise
        except ClusterError as error:
            record.leaving = None
            self._failed(record, error)
            return False
        self._observer.gone[record.ref] = record
        return True

    def _failed(self, record: Record, error: ClusterError) -> None:
        record.failure = Failure.of(
            error,
            before=record.failure,
            digest="",
            now=monotonic(),
            random_unit=self._random_unit(),
        )
        self._observer.stale.add(record.bundle)

    async def _look_again(self, resource: Resource, record: Record, action: Prune) -> bool:
        """See what is there in place of what was to be deleted; False when nothing is new.

        The next plan decides anew: it may be another object, or ask to be kept by now.
        """
        try:
            live = await self._api.get(resource, record.ref)
        except OF_THE_CLUSTER:
            raise
        except ClusterError:
            return False
        if live is None:
            record.present = False
            return True
        self._observer.judge(record, Seen(live.metadata, msgspec.Raw(live.body)))
        return record.resource_version != action.resource_version
