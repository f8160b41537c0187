"""Writing objects: create, update, patch, apply, each in one uninterrupted step.

The order of checks is the real server's, because the first failure is what a client sees: names
in the URL, namespace, existence, preconditions, strategy, defaults, validation, ownership of
fields, and at last the store, which a write that changes nothing does not reach.  Deleting is in
`deleting`; what travels on the wire is in `server`.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from clusters.embedded import ownership, shaping, versions
from clusters.embedded.apply import server_side_apply
from clusters.embedded.changes import Change
from clusters.embedded.decoding import check_kind, ordered
from clusters.embedded.fieldset import EMPTY, FieldSet
from clusters.embedded.kinds import NAMESPACES, Resource
from clusters.embedded.placing import (
    check_applied,
    check_place,
    place,
    terminating,
    wrong_uid,
)
from clusters.embedded.requests import ResourcePath, WriteOptions
from clusters.embedded.schema import Schema
from clusters.embedded.shaping import Source
from clusters.embedded.status import (
    Cause,
    already_exists,
    bad_request,
    conflict,
    invalid,
    not_found,
    untyped,
)
from clusters.embedded.storage import Storage, Stored

Body = dict[str, Any]

_SYSTEM_FIELDS = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_CREATE_ON_UPDATE = frozenset({("coordination.k8s.io", "leases"), ("", "endpoints")})
_NEEDS_REVISION = frozenset(
    {
        ("coordination.k8s.io", "leases"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("policy", "poddisruptionbudgets"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("node.k8s.io", "runtimeclasses"),
        ("storage.k8s.io", "csidrivers"),
        ("storage.k8s.io", "csinodes"),
        ("storage.k8s.io", "csistoragecapacities"),
        ("storage.k8s.io", "volumeattachments"),
    }
)
"""Built-in resources that refuse a PUT without resourceVersion (AllowUnconditionalUpdate)."""
_SUFFIX_CHARS = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_NAME_CHARS_MAX = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a write came to.  After a dry run, `stored` is in no store."""

    stored: Stored
    created: bool = False
    warnings: Sequence[str] = ()


class Objects:
    """The objects of one cluster, as far as they are written."""

    def __init__(
        self,
        storage: Storage,
        *,
        schema_of: Callable[[Resource], Schema],
        now: Callable[[], str],
    ) -> None:
        self.storage = storage
        self._schema_of = schema_of
        self._now = now

    def get(self, resource: Resource, path: ResourcePath) -> Stored:
        """Find an object.

        Raises:
            ApiStatus: 404.
        """
        stored = self.storage.get(resource.storage_key, path.key)
        if stored is None:
            raise not_found(resource.plural, path.name, group=resource.group)
        return stored

    def create(
        self,
        resource: Resource,
        path: ResourcePath,
        body: Body,
        options: WriteOptions,
        *,
        source: Source = Source.BODY,
    ) -> Written:
        """Create an object from what a client sent, or a controller made.

        Raises:
            ApiStatus: 400, 403, 404 (of the namespace), 409, 422.
        """
        check_kind(resource, body)
        place(resource, path, body)
        if body["metadata"].get("resourceVersion"):
            raise untyped("resourceVersion should not be set on objects to be created")
        return self._insert(resource, path, body, options, source=source)

    def update(
        self, resource: Resource, path: ResourcePath, body: Body, options: WriteOptions
    ) -> Written:
        """Replace an object, or one half of it, by what a client sent.

        Raises:
            ApiStatus: 400, 404, 409, 422.
        """
        check_kind(resource, body)
        place(resource, path, body)
        live = self.storage.get(resource.storage_key, path.key)
        if live is None and resource.storage_key in _CREATE_ON_UPDATE and not path.subresource:
            return self._insert(resource, path, body, options, source=Source.BODY)
        if live is None:
            raise not_found(resource.plural, path.name, group=resource.group)
        old = self._in_version(resource, live)
        uid = body["metadata"].get("uid")
        if uid and uid != old["metadata"]["uid"]:
            raise wrong_uid(resource, path, uid, old["metadata"]["uid"])
        if not body["metadata"].get("resourceVersion") and not path.subresource:
            self._check_unconditional(resource, path)
        return self._replace(resource, path, live, old, body, options, source=Source.BODY)

    def patch(
        self, resource: Resource, path: ResourcePath, change: Change, options: WriteOptions
    ) -> Written:
        """Change an object by a patch of any form but apply.

        Raises:
            ApiStatus: 400, 404, 409, 422.
        """
        live = self.get(resource, path)
        old = self._in_version(resource, live)
        new = change(self._in_version(resource, live))
        if not isinstance(new, dict) or not isinstance(new.get("metadata", {}), dict):
            raise bad_request("the patch does not leave an object")
        new.setdefault("metadata", {})
        check_kind(resource, new)
        place(resource, path, new)
        return self._replace(resource, path, live, old, new, options, source=Source.PATCH)

    def apply(
        self, resource: Resource, path: ResourcePath, body: Body, options: WriteOptions
    ) -> Written:
        """Apply what a manager wants, server-side; creates what is not there.

        Raises:
            ApiStatus: 400, 403, 404 (of the namespace), 409, 422, 500 (untyped).
        """
        check_applied(resource, body)
        check_place(resource, path, body)
        live = self.storage.get(resource.storage_key, path.key)
        old = self._in_version(resource, live) if live is not None else None
        wanted = body["metadata"]
        if live is None or old is None:
            if path.subresource:
                raise not_found(resource.plural, path.name, group=resource.group)
            if wanted.get("uid"):
                raise wrong_uid(resource, path, wanted["uid"], "")
        elif wanted.get("uid") and wanted["uid"] != old["metadata"]["uid"]:
            raise wrong_uid(resource, path, wanted["uid"], old["metadata"]["uid"])
        elif wanted.get("resourceVersion", str(live.revision)) != str(live.revision):
            raise conflict(resource.plural, path.name, group=resource.group)
        new: Body = server_side_apply(  # type: ignore[assignment]
            old,
            body,
            manager=options.manager,
            force=options.force,
            schema=self._schema_of(resource),
            subresource=path.subresource,
            now=self._now(),
            api_version=resource.api_version,
            resets=_resets(resource, path.subresource),
        )
        if new is not old:
            new = {**new, "metadata": dict(new["metadata"])}
            place(resource, path, new)
        if live is None or old is None:
            return self._insert(resource, path, new, options, source=Source.APPLY)
        return self._replace(resource, path, live, old, new, options, source=Source.APPLY)

    def _in_version(self, resource: Resource, stored: Stored) -> Body:
        return versions.convert(resource, stored.load())

    def _insert(
        self,
        resource: Resource,
        path: ResourcePath,
        body: Body,
        options: WriteOptions,
        *,
        source: Source,
    ) -> Written:
        body, warnings = self._decode(resource, body, source, options)
        metadata = body["metadata"]
        self._check_namespace(resource, path, metadata.get("name") or "")
        for field in _SYSTEM_FIELDS:
            metadata.pop(field, None)
        prefix = metadata.get("generateName")
        if prefix and not metadata.get("name"):
            suffix = "".join(secrets.choice(_SUFFIX_CHARS) for _ in range(5))
            metadata["name"] = prefix[:_GENERATED_NAME_CHARS_MAX] + suffix
        if resource.namespaced:
            metadata["namespace"] = path.namespace
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = self._now()
        if source is not Source.APPLY:
            body = self._track(resource, "", None, body, options)
        metadata = body["metadata"]
        shaping.prepare(resource, "", None, body)
        if source is not Source.OWN:
            shaping.judge(resource, self._schema_of(resource), "", None, body)
        name = metadata["name"]
        key = f"{path.namespace}/{name}" if path.namespace else name
        if self.storage.get(resource.storage_key, key) is not None:
            raise already_exists(resource.plural, name, group=resource.group)
        body = ordered(versions.stored_version(resource, body))
        if options.dry_run:
            metadata.pop("resourceVersion", None)
            return Written(stored=Stored.of(key, 0, body), created=True, warnings=warnings)
        stored = self.storage.put(resource.storage_key, key, body)
        return Written(stored=stored, created=True, warnings=warnings)

    def _replace(
        self,
        resource: Resource,
        path: ResourcePath,
        live: Stored,
        old: Body,
        new: Body,
        options: WriteOptions,
        *,
        source: Source,
    ) -> Written:
        if new is old:
            return Written(stored=live)
        metadata = dict(new["metadata"])
        new = {**new, "metadata": metadata}
        revision = metadata.get("resourceVersion")
        if revision and revision != str(live.revision):
            raise conflict(resource.plural, path.name, group=resource.group)
        metadata["resourceVersion"] = str(live.revision)
        metadata.setdefault("uid", old["metadata"]["uid"])
        for field in _SYSTEM_FIELDS:
            if field in old["metadata"]:
                metadata[field] = old["metadata"][field]
            else:
                metadata.pop(field, None)
        new, warnings = self._decode(resource, new, source, options)
        if source is not Source.APPLY:
            new = self._track(resource, path.subresource, old, new, options)
        shaping.prepare(resource, path.subresource, old, new)
        if source is not Source.OWN:
            schema = self._schema_of(resource)
            shaping.judge(resource, schema, path.subresource, old, new)
        if ownership.settle(old, new) is old:
            return Written(stored=live, warnings=warnings)
        new = ordered(versions.stored_version(resource, new))
        if options.dry_run:
            return Written(stored=Stored.of(live.key, live.revision, new), warnings=warnings)
        if is_released(resource, new):
            gone = self.storage.remove(resource.storage_key, live.key, new)
            return Written(stored=gone, warnings=warnings)
        stored = self.storage.put(resource.storage_key, live.key, new)
        return Written(stored=stored, warnings=warnings)

    def _decode(
        self, resource: Resource, body: Body, source: Source, options: WriteOptions
    ) -> tuple[Body, Sequence[str]]:
        """Bring an object to the form of its kind; with the warnings it earns."""
        schema = self._schema_of(resource)
        return shaping.decode(resource, schema, body, source, options.field_validation)

    def _track(
        self,
        resource: Resource,
        subresource: str,
        old: Body | None,
        new: Body,
        options: WriteOptions,
    ) -> Body:
        """Note in `managedFields` whose fields this write changed."""
        tracked = ownership.track_update(
            old,
            new,
            manager=options.manager,
            schema=self._schema_of(resource),
            subresource=subresource,
            now=self._now(),
            api_version=resource.api_version,
            resets=_resets(resource, subresource),
        )
        return _scale_untimed(dict(tracked)) if subresource == "scale" else dict(tracked)

    def _check_namespace(self, resource: Resource, path: ResourcePath, name: str) -> None:
        if not resource.namespaced:
            return
        stored = self.storage.get(NAMESPACES.storage_key, path.namespace)
        if stored is None:
            raise not_found("namespaces", path.namespace)
        if b'"deletionTimestamp"' in stored.raw:
            raise terminating(resource, path.namespace, name)

    def _check_unconditional(self, resource: Resource, path: ResourcePath) -> None:
        if not resource.custom and resource.storage_key not in _NEEDS_REVISION:
            return
        why = "Invalid value: 0: must be specified for an update"
        cause = Cause("FieldValueInvalid", why, "metadata.resourceVersion")
        raise invalid(resource.plural, path.name, [cause], group=resource.group)


def is_released(resource: Resource, body: Body) -> bool:
    """Tell whether an object marked for deletion is held by nothing any more."""
    metadata = body["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if metadata.get("deletionGracePeriodSeconds"):
        return False
    return resource is not NAMESPACES or not (body.get("spec") or {}).get("finalizers")


def _resets(resource: Resource, subresource: str) -> FieldSet | None:
    """Give the fields that a write resets, where the built-in rule is not the one."""
    if resource.custom and not subresource:
        return ownership.STATUS if resource.has("status") else EMPTY
    return None


def _scale_untimed(body: Body) -> Body:
    """Leave out the time of entries for `scale`: the real server's mapping loses it."""
    entries = body["metadata"].get("managedFields") or ()
    untimed = [
        {key: value for key, value in entry.items() if key != "time"}
        if entry.get("subresource") == "scale"
        else entry
        for entry in entries
    ]
    return {**body, "metadata": {**body["metadata"], "managedFields": untimed}}
