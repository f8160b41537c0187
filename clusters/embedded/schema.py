"""What the fields of a kind are: types, how lists and maps merge, which keys name a list item.

A `Schema` is one node of such knowledge, resolved child by child when it is first asked for.
Built-in kinds come from the OpenAPI definitions shipped in the `kubernetes-validate` package,
custom kinds from the `openAPIV3Schema` of their definition.  How a definition becomes a merge
shape follows kube-openapi's schemaconv, which the real server uses: lists are atomic unless they
say otherwise, objects are granular unless they say otherwise, an object that declares nothing
takes anything.  Applying, tracking, patching, defaulting and validating all read these nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson

from clusters.embedded.schema_data import ALWAYS_PRESENT, FIELD_DEFAULTS

RELEASE: Final = "v1.36.0-local"
"""Newest set of definitions not newer than the API server that we imitate (1.36.2)."""

_DEFINITION = "#/$defs/"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class Shape(StrEnum):
    """How a value is built."""

    MAP = "map"
    LIST = "list"
    SCALAR = "scalar"
    ANY = "any"
    """Undeclared: whatever the value is, maps granular and lists atomic."""


class Scalar(StrEnum):
    """What a scalar may be."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INT_OR_STRING = "int-or-string"
    QUANTITY = "quantity"


class Schema:
    """One node: a field, a list item, a map value, or the root of a kind.

    Attributes:
        raw: the OpenAPI schema, with `$ref` already followed.
        shape: how the value is built.
        scalar: what it may be, where `shape` is SCALAR.
        atomic: a map or list that is owned and replaced as a whole.
        keys: fields that name an item of an associative list; empty for a set.
        definition: the built-in definition it comes from, or "".
        required: names of fields that must be there.
        present: fields that a typed server always writes, even when nobody set them.
        preserves: unknown fields of this very node are kept.
        declares_extra: keys that are no declared field may be set.
    """

    __slots__ = (
        "_children",
        "_document",
        "_extra",
        "_inherits",
        "_items",
        "_properties",
        "atomic",
        "declares_extra",
        "definition",
        "field_defaults",
        "keys",
        "nullable",
        "present",
        "preserves",
        "raw",
        "required",
        "scalar",
        "shape",
    )

    def __init__(
        self,
        raw: Mapping[str, Any],
        *,
        document: Definitions | None = None,
        definition: str = "",
        atomic: bool | None = None,
        inherits: bool = False,
    ) -> None:
        self.raw = raw
        self.definition = definition
        self._document = document
        self._children: dict[str, Schema] = {}
        self._extra: Schema | None = None
        self._items: Schema | None = None
        self._properties: Mapping[str, Any] = raw.get("properties") or {}
        self.required: tuple[str, ...] = tuple(raw.get("required") or ())
        self.preserves = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        # Pruning asks each node; merging takes unknown fields anywhere below one that does.
        self._inherits = inherits or self.preserves
        self.shape, self.scalar, self.nullable = _shape_of(raw, definition)
        self.atomic, self.keys = _merge_of(raw, self.shape)
        if atomic is not None and self.shape is Shape.MAP:
            self.atomic = atomic
        self.field_defaults: Mapping[str, Any] = FIELD_DEFAULTS.get(definition, {})
        self.present: Mapping[str, Any] = ALWAYS_PRESENT.get(definition, {})
        self.declares_extra = _takes_extra(raw, self.shape, preserves=self._inherits)

    def declares(self, name: str) -> bool:
        """Say whether `name` is a field of its own, not just a key of a map."""
        return name in self._properties

    @property
    def properties(self) -> Mapping[str, Any]:
        """The declared fields, unresolved."""
        return self._properties

    def child(self, name: str) -> Schema | None:
        """Give the node of field or key `name`; None if the map takes no such field."""
        found = self._children.get(name)
        if found is not None:
            return found
        raw = self._properties.get(name)
        if raw is None:
            return self.extra if self.declares_extra else None
        node = self._make(raw)
        self._children[name] = node
        return node

    @property
    def extra(self) -> Schema:
        """The node of keys that are no declared field.  Only if `declares_extra`."""
        if self._extra is None:
            raw = self.raw.get("additionalProperties")
            self._extra = self._make(raw) if isinstance(raw, Mapping) and raw else ANYTHING
        return self._extra

    @property
    def items(self) -> Schema:
        """The node of each list item."""
        if self._items is None:
            raw = self.raw.get("items")
            self._items = self._make(raw) if isinstance(raw, Mapping) and raw else ANYTHING
        return self._items

    def default_of(self, name: str) -> Any:
        """Give the default of field `name`, as needed to name a list item; None if none."""
        default = self.field_defaults.get(name)
        if default is None and not self.definition:
            raw = self._properties.get(name)
            default = raw.get("default") if isinstance(raw, Mapping) else None
        return default

    def _make(self, raw: Mapping[str, Any]) -> Schema:
        reference = raw.get("$ref")
        if reference is not None and self._document is not None:
            return self._document.follow(reference, raw)
        return Schema(raw, document=self._document, inherits=self._inherits)


def _shape_of(raw: Mapping[str, Any], definition: str) -> tuple[Shape, Scalar | None, bool]:
    """Read shape, scalar kind and whether null is a value."""
    kinds = raw.get("type")
    nullable = bool(raw.get("nullable"))
    if isinstance(kinds, list):
        nullable = nullable or "null" in kinds
        kinds = next((kind for kind in kinds if kind != "null"), None)
    if definition == _QUANTITY:
        return Shape.SCALAR, Scalar.QUANTITY, True
    if definition == _INT_OR_STRING or raw.get("x-kubernetes-int-or-string"):
        return Shape.SCALAR, Scalar.INT_OR_STRING, nullable
    if raw.get("format") == "int-or-string":
        return Shape.SCALAR, Scalar.INT_OR_STRING, nullable
    match kinds:
        case "object":
            return Shape.MAP, None, nullable
        case "array":
            return Shape.LIST, None, nullable
        case "string" | "integer" | "number" | "boolean":
            return Shape.SCALAR, Scalar(kinds), nullable
        case _:
            has_fields = bool(raw.get("properties"))
            return (Shape.MAP if has_fields else Shape.ANY), None, True


def _merge_of(raw: Mapping[str, Any], shape: Shape) -> tuple[bool, tuple[str, ...]]:
    """Read how a list or map merges (kube-openapi schemaconv: lists are atomic by default)."""
    if shape is Shape.MAP:
        return raw.get("x-kubernetes-map-type") == "atomic", ()
    if shape is not Shape.LIST:
        return False, ()
    kind = raw.get("x-kubernetes-list-type")
    if kind == "map":
        return False, tuple(raw.get("x-kubernetes-list-map-keys") or ())
    if kind == "set":
        return False, ()
    if kind is None and "merge" in str(raw.get("x-kubernetes-patch-strategy", "")).split(","):
        key = raw.get("x-kubernetes-patch-merge-key")
        return False, ((key,) if key else ())
    return True, ()


def _takes_extra(raw: Mapping[str, Any], shape: Shape, *, preserves: bool) -> bool:
    """Say whether a map takes keys that are no declared field."""
    if shape is not Shape.MAP:
        return shape is Shape.ANY
    additional = raw.get("additionalProperties")
    if additional is None:
        return preserves or not raw.get("properties")
    return additional is not False or preserves


ANYTHING: Final = Schema({})
"""Takes every value; its children take every value."""


class Definitions:
    """The OpenAPI definitions of one Kubernetes release, by name, resolved on demand."""

    def __init__(self, raw: Mapping[str, Mapping[str, Any]]) -> None:
        self.raw = raw
        self._nodes: dict[tuple[str, bool | None], Schema] = {}
        self._kinds: dict[tuple[str, str, str], str] = {}
        for name, definition in raw.items():
            for kind in definition.get("x-kubernetes-group-version-kind") or ():
                self._kinds[kind["group"], kind["version"], kind["kind"]] = name

    def named(self, name: str, *, atomic: bool | None = None) -> Schema:
        """Give the node of definition `name`; `atomic` overrides how a field holds it."""
        key = (name, atomic)
        node = self._nodes.get(key)
        if node is None:
            node = Schema(self.raw[name], document=self, definition=name, atomic=atomic)
            self._nodes[key] = node
        return node

    def follow(self, reference: str, field: Mapping[str, Any]) -> Schema:
        """Follow a `$ref`, with the merge type that the referring field may set."""
        held = field.get("x-kubernetes-map-type")
        return self.named(
            reference.removeprefix(_DEFINITION), atomic=held == "atomic" if held else None
        )

    def of_kind(self, group: str, version: str, kind: str) -> Schema | None:
        """Give the root of a built-in kind."""
        name = self._kinds.get((group, version, kind))
        return self.named(name) if name else None

    def kinds(self) -> Mapping[tuple[str, str, str], str]:
        """Definition names by (group, version, kind)."""
        return self._kinds


@cache
def definitions() -> Definitions:
    """Load the built-in definitions (once per process; about 10 ms)."""
    path = files("kubernetes_validate") / "kubernetes-json-schema" / RELEASE / "_definitions.json"
    return Definitions(orjson.loads(path.read_bytes())["$defs"])


class Schemas:
    """Finds the root node of a kind."""

    @staticmethod
    def kinds() -> Iterable[tuple[str, str, str]]:
        """Give (group, version, kind) of every built-in kind."""
        return definitions().kinds().keys()

    def builtin(self, group: str, version: str, kind: str) -> Schema | None:
        """Give the schema of a built-in kind; None if this release has no such kind."""
        return definitions().of_kind(group, version, kind)

    def from_crd(self, openapi_v3: Mapping[str, Any]) -> Schema:
        """Compile the schema of a custom kind.

        Object metadata is typed as everywhere, whatever the definition says of it; apiVersion
        and kind are declared.  An empty mapping takes every field.
        """
        properties = dict(openapi_v3.get("properties") or {})
        properties["apiVersion"] = properties["kind"] = {"type": "string"}
        properties["metadata"] = {"$ref": _DEFINITION + _OBJECT_META}
        raw = {"type": "object", **openapi_v3, "properties": properties}
        if not openapi_v3.get("properties") and not openapi_v3.get("additionalProperties"):
            raw["x-kubernetes-preserve-unknown-fields"] = True
        return Schema(raw, document=definitions())
