"""Whether `metadata` may be so (apimachinery ValidateObjectMeta and ...Update)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clusters.embedded import field_errors, names
from clusters.embedded.managers import BadManagedFields, decode
from clusters.embedded.names import Check
from clusters.embedded.status import Cause

Part = Mapping[str, Any]

_ANNOTATIONS_BYTES_MAX: Final = 256 * 1024
_FIXED: Final = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def created(metadata: Part, check: Check, *, namespaced: bool) -> Iterator[Cause]:
    """Check the metadata of a new object."""
    generated = metadata.get("generateName")
    if generated:
        for message in names.prefix_of(check)(generated):
            yield field_errors.invalid("metadata.generateName", generated, message)
    name = metadata.get("name")
    if not name:
        yield field_errors.required("metadata.name", "name or generateName is required")
    else:
        for message in check(name):
            yield field_errors.invalid("metadata.name", name, message)
    namespace = metadata.get("namespace")
    if namespaced and not namespace:
        yield field_errors.required("metadata.namespace")
    elif namespaced:
        for message in names.dns_label(str(namespace)):
            yield field_errors.invalid("metadata.namespace", namespace, message)
    elif namespace:
        yield field_errors.forbidden("metadata.namespace", "not allowed on this type")
    yield from _common(metadata)


def updated(new: Part, old: Part) -> Iterator[Cause]:
    """Check the metadata of a changed object against what it was."""
    if old.get("deletionTimestamp"):
        added = [f for f in new.get("finalizers") or () if f not in (old.get("finalizers") or ())]
        if added:
            listed = ", ".join(f'"{finalizer}"' for finalizer in sorted(added))
            yield field_errors.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new "
                f"finalizers []string{{{listed}}}",
            )
    if not new.get("resourceVersion"):
        yield field_errors.invalid(
            "metadata.resourceVersion", "", "must be specified for an update"
        )
    if (new.get("generation") or 0) < (old.get("generation") or 0):
        yield field_errors.invalid(
            "metadata.generation", new.get("generation") or 0, "must not be decremented"
        )
    for field in _FIXED:
        if (new.get(field) or None) != (old.get(field) or None):
            yield field_errors.immutable(f"metadata.{field}", new.get(field))
    yield from _common(new)


def _common(metadata: Part) -> Iterator[Cause]:
    yield from label_map(metadata.get("labels") or {}, "metadata.labels")
    yield from annotation_map(metadata.get("annotations") or {}, "metadata.annotations")
    yield from _owners(metadata.get("ownerReferences") or ())
    yield from _finalizers(metadata.get("finalizers") or ())
    try:
        decode(metadata.get("managedFields"))
    except BadManagedFields as error:
        yield field_errors.invalid("metadata.managedFields", "", str(error))


def label_map(content: Part, path: str) -> Iterator[Cause]:
    """Check labels, or anything that has to be like labels."""
    for key, value in content.items():
        for message in names.qualified_name(key):
            yield field_errors.invalid(path, key, message)
        for message in names.label_value(value):
            yield field_errors.invalid(path, value, message)


def annotation_map(content: Part, path: str) -> Iterator[Cause]:
    """Check annotations: keys like labels but for case, and their size."""
    for key in content:
        for message in names.qualified_name(key.lower()):
            yield field_errors.invalid(path, key, message)
    size = sum(len(key.encode()) + len(str(value).encode()) for key, value in content.items())
    if size > _ANNOTATIONS_BYTES_MAX:
        yield field_errors.too_long(path, _ANNOTATIONS_BYTES_MAX)


def _owners(references: Any) -> Iterator[Cause]:
    path = "metadata.ownerReferences"
    controllers = []
    for owner in references:
        if not owner.get("apiVersion"):
            yield field_errors.invalid(f"{path}.apiVersion", "", "version must not be empty")
        for field in ("kind", "name", "uid"):
            if not owner.get(field):
                yield field_errors.invalid(f"{path}.{field}", "", "must not be empty")
        if owner.get("controller"):
            controllers.append(f"{owner.get('kind')}/{owner.get('name')}")
    if len(controllers) > 1:
        yield field_errors.invalid(
            path,
            list(references),
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{controllers[0]} and {controllers[1]}",
        )


def _finalizers(finalizers: Any) -> Iterator[Cause]:
    path = "metadata.finalizers"
    for finalizer in finalizers:
        for message in names.qualified_name(finalizer):
            yield field_errors.invalid(path, finalizer, message)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        yield field_errors.invalid(
            path,
            list(finalizers),
            "finalizer orphan and foregroundDeletion cannot be both set",
        )
