"""Whether a CustomResourceDefinition may be so, and may become so.

After apiextensions-apiserver pkg/apis/apiextensions/validation: names, versions, and that each
schema is structural, as far as pruning, defaulting and applying depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from clusters.embedded import field_errors, names
from clusters.embedded.status import Cause

Part = Mapping[str, Any]

_SCOPES: Final = ("Cluster", "Namespaced")


def definition(content: Part) -> Iterator[Cause]:
    """Check a definition."""
    spec = content.get("spec") or {}
    group = spec.get("group") or ""
    kinds = spec.get("names") or {}
    name = (content.get("metadata") or {}).get("name") or ""
    wanted = f"{kinds.get('plural') or ''}.{group}"
    if name != wanted:
        yield field_errors.invalid(
            "metadata.name", name, 'must be spec.names.plural+"."+spec.group'
        )
    if not group:
        yield field_errors.required("spec.group")
    else:
        for message in names.dns_subdomain(group):
            yield field_errors.invalid("spec.group", group, message)
        if "." not in group:
            yield field_errors.invalid(
                "spec.group", group, "should be a domain with at least one dot"
            )
    scope = spec.get("scope") or ""
    if not scope:
        yield field_errors.required("spec.scope")
    elif scope not in _SCOPES:
        yield field_errors.not_supported("spec.scope", scope, _SCOPES)
    yield from _names(kinds, "spec.names")
    yield from _versions(spec)


def _names(kinds: Part, path: str) -> Iterator[Cause]:
    for field in ("plural", "singular", "kind", "listKind"):
        value = kinds.get(field) or ""
        if not value:
            yield field_errors.required(f"{path}.{field}")
            continue
        for message in names.dns_1035_label(value.lower()):
            yield field_errors.invalid(f"{path}.{field}", value, message)
    if kinds.get("kind") and kinds.get("kind") == kinds.get("listKind"):
        yield field_errors.invalid(
            f"{path}.listKind", kinds["listKind"], "kind and listKind may not be the same"
        )
    for position, short in enumerate(kinds.get("shortNames") or ()):
        for message in names.dns_1035_label(short):
            yield field_errors.invalid(f"{path}.shortNames[{position}]", short, message)


def _versions(spec: Part) -> Iterator[Cause]:
    versions = spec.get("versions") or ()
    stored = 0
    seen: set[str] = set()
    for position, version in enumerate(versions):
        where = f"spec.versions[{position}]"
        name = version.get("name") or ""
        for message in names.dns_1035_label(name):
            yield field_errors.invalid(f"{where}.name", name, message)
        if name in seen:
            yield field_errors.invalid(
                "spec.versions", list(versions), "must contain unique version names"
            )
        seen.add(name)
        stored += bool(version.get("storage"))
        root = (version.get("schema") or {}).get("openAPIV3Schema")
        path = f"{where}.schema.openAPIV3Schema"
        if root is None:
            yield field_errors.required(path, "schemas are required")
        else:
            yield from _root(root, path)
    if stored != 1:
        yield field_errors.invalid(
            "spec.versions",
            list(versions),
            "must have exactly one version marked as storage version",
        )


def _root(root: Part, path: str) -> Iterator[Cause]:
    kind = root.get("type")
    if not kind:
        yield field_errors.required(f"{path}.type", "must not be empty at the root")
    elif kind != "object":
        yield field_errors.invalid(f"{path}.type", kind, "must be object at the root")
    yield from _children(root, path)
    yield from _extensions(root, path)


def _children(schema: Part, path: str) -> Iterator[Cause]:
    for name, child in (schema.get("properties") or {}).items():
        yield from _node(child, f"{path}.properties[{name}]", "specified object fields")
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping):
        yield from _node(extra, f"{path}.additionalProperties", "specified object fields")
        if schema.get("properties"):
            yield field_errors.forbidden(
                f"{path}.additionalProperties", "must not be used with properties"
            )
    items = schema.get("items")
    if isinstance(items, Mapping):
        yield from _node(items, f"{path}.items", "specified array items")


def _node(schema: Part, path: str, what: str) -> Iterator[Cause]:
    untyped = schema.get("x-kubernetes-int-or-string") or schema.get(
        "x-kubernetes-preserve-unknown-fields"
    )
    if not schema.get("type") and not untyped:
        yield field_errors.required(f"{path}.type", f"must not be empty for {what}")
    if schema.get("type") == "array" and not schema.get("items"):
        yield field_errors.required(f"{path}.items", "must be specified")
    if schema.get("$ref"):
        yield field_errors.forbidden(f"{path}.$ref", "$ref is not supported")
    yield from _extensions(schema, path)
    yield from _children(schema, path)


def _extensions(schema: Part, path: str) -> Iterator[Cause]:
    kind = schema.get("x-kubernetes-list-type")
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    if kind is not None and schema.get("type") != "array":
        yield field_errors.invalid(
            f"{path}.type",
            schema.get("type") or "",
            "must be array if x-kubernetes-list-type is specified",
        )
    if kind is not None and kind not in ("atomic", "set", "map"):
        yield field_errors.not_supported(
            f"{path}.x-kubernetes-list-type", kind, ("atomic", "map", "set")
        )
    if kind == "map" and not keys:
        yield field_errors.required(
            f"{path}.x-kubernetes-list-map-keys",
            "must not be empty if x-kubernetes-list-type is map",
        )
    if keys and kind != "map":
        yield field_errors.invalid(
            f"{path}.x-kubernetes-list-type",
            kind or "",
            "must be map if x-kubernetes-list-map-keys is non-empty",
        )
    items = schema.get("items") or {}
    for position, key in enumerate(keys if kind == "map" else ()):
        fields = items.get("properties") or {}
        if key not in fields:
            yield field_errors.invalid(
                f"{path}.x-kubernetes-list-map-keys[{position}]",
                key,
                "entries must all be names of item properties",
            )
        elif key not in (items.get("required") or ()) and "default" not in fields[key]:
            yield field_errors.required(
                f"{path}.items.properties[{key}].default",
                "this property is in x-kubernetes-list-map-keys, so it must have a default or be a "
                "required property",
            )


def definition_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of an established definition."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for field in ("group", "scope"):
        if after.get(field) != before.get(field):
            yield field_errors.immutable(f"spec.{field}", after.get(field))
    for field in ("plural", "kind"):
        if (after.get("names") or {}).get(field) != (before.get("names") or {}).get(field):
            yield field_errors.immutable(
                f"spec.names.{field}", (after.get("names") or {}).get(field)
            )
    served = {version.get("name") for version in after.get("versions") or ()}
    for position, stored in enumerate((old.get("status") or {}).get("storedVersions") or ()):
        if stored not in served:
            yield field_errors.invalid(
                f"status.storedVersions[{position}]",
                stored,
                "missing from spec.versions; "
                f"{stored} was previously a storage version, and must remain in spec.versions "
                "until a storage migration ensures no data remains persisted in "
                f"{stored} and removes {stored} from status.storedVersions",
            )
