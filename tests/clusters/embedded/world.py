"""One object, written as an API server writes it, by pure functions alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from clusters.embedded import fieldset
from clusters.embedded.apply import server_side_apply
from clusters.embedded.defaults import stored_form
from clusters.embedded.ownership import settle, track_update
from clusters.embedded.patches import merge_patch
from clusters.embedded.schema import Schema, Schemas, Shape
from clusters.embedded.strategic import strategic_merge
from clusters.embedded.typed import item_element

Object = Mapping[str, Any]
_SCHEMAS = Schemas()


def schema_of(content: Object) -> Schema:
    group, _, version = content["apiVersion"].rpartition("/")
    schema = _SCHEMAS.builtin(group, version, content["kind"])
    assert schema is not None
    return schema


class World:
    """An object through time.  `writes` counts the writes that changed it."""

    def __init__(self, *, schema: Schema | None = None) -> None:
        self.live: Object | None = None
        self.writes = 0
        self._schema = schema
        self._clock = itertools.count()

    def now(self) -> str:
        tick = next(self._clock)
        return f"2026-01-01T00:{tick // 60:02d}:{tick % 60:02d}Z"

    def schema(self, content: Object) -> Schema:
        return self._schema or schema_of(content)

    def formed(self, content: Object) -> Object:
        group = content["apiVersion"].rpartition("/")[0]
        return stored_form(content, self.schema(content), group=group, kind=content["kind"]).content

    def store(self, new: Object) -> Object:
        if self.live is not None:
            new = settle(self.live, new)
            if new is self.live:
                return new
        self.writes += 1
        self.live = new
        return new

    def applied(self, manager: str, body: Object, *, force: bool = False, sub: str = "") -> Object:
        """Give what applying would store, without storing it."""
        return self.formed(
            server_side_apply(
                self.live,
                body,
                manager=manager,
                force=force,
                schema=self.schema(body),
                subresource=sub,
                now=self.now(),
                api_version=body["apiVersion"],
            )
        )

    def apply(self, manager: str, body: Object, *, force: bool = False) -> Object:
        new = dict(self.applied(manager, body, force=force))
        if self.live is None:
            new["metadata"] = {**new["metadata"], "uid": "u1"}
        return self.store(new)

    def put(self, manager: str, body: Object, *, sub: str = "") -> Object:
        if self.live is not None:
            uid = {"uid": self.live["metadata"]["uid"]}
            body = {**body, "metadata": uid | dict(body["metadata"])}
        return self.store(
            track_update(
                self.live,
                self.formed(body),
                manager=manager,
                schema=self.schema(body),
                subresource=sub,
                now=self.now(),
                api_version=body["apiVersion"],
            )
        )

    def merge(self, manager: str, patch: Object, *, sub: str = "") -> Object:
        assert self.live is not None
        return self.put(manager, merge_patch(self.live, patch), sub=sub)

    def strategic(self, manager: str, patch: Object) -> Object:
        assert self.live is not None
        return self.put(manager, strategic_merge(self.live, patch, self.schema(self.live)))

    def entries(self) -> dict[str, Any]:
        """Give the field sets by `manager/operation[:subresource]`."""
        assert self.live is not None
        return {
            f"{entry['manager']}/{entry['operation']}"
            + (f":{entry['subresource']}" if "subresource" in entry else ""): entry["fieldsV1"]
            for entry in self.live["metadata"].get("managedFields", ())
        }

    def projection(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Give the live values of a field set's leaves."""
        assert self.live is not None
        return {
            fieldset.path_text(path): value_at(self.schema(self.live), self.live, path)
            for path in fieldset.leaves(fields)
        }


def value_at(schema: Schema, value: Any, path: fieldset.Path) -> Any:
    """Read the value that a path of a field set names."""
    for element in path:
        if element[0] == "f":
            name = element[2:]
            value = value.get(name) if isinstance(value, dict) else None
            schema = schema.child(name) or schema
        elif isinstance(value, list) and schema.shape is Shape.LIST:
            value = next((item for item in value if item_element(schema, item) == element), None)
            schema = schema.items
        else:
            return None
    return value
