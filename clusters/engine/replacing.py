"""Replaces one object whose immutable field is to change: deleted, and made anew once it is gone.

Deleting is the last resort, and only for that one reason: an engine that took every refusal for an
immutable field deleted a Service whose new spec was merely invalid (kustomize-controller#734).  So
the server must say of every field it refuses that it is immutable, the bundle must allow it, the
kind must hold nothing else, and the server must be willing to create the new object.
"""

from __future__ import annotations

from contextlib import suppress

from clusters.client.api import ClusterApi
from clusters.client.discovery import Resource
from clusters.engine.observer import Observer, asks_to_be_kept
from clusters.errors import OF_THE_CLUSTER, AlreadyExists, ClusterError, Conflict, InvalidObject
from clusters.planning.actions import Apply
from clusters.planning.guards import immutable_fields, replace_refusal
from clusters.records import Leaving, Record

LOOKS = 5
"""How often it is looked at anew, when it changes between the look and the deletion."""


class Replacer:
    """Replaces objects of one cluster.

    Args:
        api: the cluster.
        observer: told what is gone at once.
    """

    def __init__(self, api: ClusterApi, observer: Observer) -> None:
        self._api = api
        self._observer = observer

    async def replace(self, action: Apply, record: Record, error: InvalidObject) -> str:
        """Delete what refuses to be changed, if it may be; a later plan makes it anew.

        Returns:
            The immutable fields.

        Raises:
            InvalidObject: it is not replaced; says why, and what would allow it.
            ClusterError: the deletion is refused, or the cluster is in trouble.
        """
        manifest = action.manifest
        fields = ", ".join(immutable_fields(error.causes))
        if not fields:
            raise error
        _refuse(action, record, fields, error)
        resource = self._api.discovery.resource(manifest.api_version, manifest.ref.kind)
        try:
            await self._api.try_create(resource, manifest)
        except (AlreadyExists, *OF_THE_CLUSTER) as answer:
            if not isinstance(answer, AlreadyExists):
                raise
        except ClusterError as refused:
            words = (
                f"{fields} cannot be changed, and it is not replaced, since the server would not "
                f"take the new object either: {refused.message}"
            )
            raise InvalidObject(words, causes=error.causes, ref=manifest.ref) from refused
        record.leaving = Leaving.REPLACED
        try:
            existed = await self._delete(resource, action, record, fields, error)
        except ClusterError:
            record.leaving = None
            raise
        record.failure = None
        if not existed:
            self._observer.gone[record.ref] = record
        return fields

    async def _delete(
        self,
        resource: Resource,
        action: Apply,
        record: Record,
        fields: str,
        error: InvalidObject,
    ) -> bool:
        """Delete it just as it was looked at; False: it is gone already.

        Raises:
            InvalidObject: it asks to be kept by now.
            Conflict: another object has its name, or it changes too fast to be looked at.
        """
        for _ in range(LOOKS):
            live = await self._api.get(resource, record.ref)
            if live is None:
                return False
            record.keep = asks_to_be_kept(live.metadata)
            _refuse(action, record, fields, error)
            version = live.metadata.resource_version
            with suppress(Conflict):
                return await self._api.delete(
                    resource, record.ref, uid=record.applied.uid, resource_version=version
                )
        raise Conflict("it changes too fast to be deleted and made anew", ref=record.ref)


def _refuse(action: Apply, record: Record, fields: str, error: InvalidObject) -> None:
    """Raise what says why an object is not replaced, if it may not be."""
    ref = action.manifest.ref
    reason = replace_refusal(
        ref,
        bundle=action.bundle,
        allowed=action.replace,
        keep=record.keep,
        ours=bool(record.applied.uid),
    )
    if reason:
        words = f"{fields} cannot be changed: {reason} ({error.message})"
        raise InvalidObject(words, causes=error.causes, ref=ref) from error
