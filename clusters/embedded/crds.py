"""Custom resources: what CustomResourceDefinitions of one cluster make it serve.

Turns each established definition into `Resource` rows, one per served version, and compiled
schemas.  Establishing, and removing the objects of a deleted definition, is done by
`controllers.definitions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clusters.embedded.kinds import CUSTOM_VERBS, SCALE, STATUS, Resource, Subresource
from clusters.embedded.schema import Schema, Schemas

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STAGES = {None: 2, "beta": 1, "alpha": 0}


def version_priority(version: str) -> tuple[int, ...]:
    """Order versions as clients prefer them: v2, v1, v1beta1, v1alpha1, then the rest."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return (-1,)
    return (_STAGES[found[2]], int(found[1]), int(found[3] or 0))


@dataclass(frozen=True, kw_only=True)
class ServedVersion:
    """One version of a custom resource, with what its definition says of it."""

    resource: Resource
    schema: Schema
    structure: Mapping[str, Any]
    """The `openAPIV3Schema`, as written."""
    selectable_fields: Sequence[str] = ()
    scale_paths: Mapping[str, str] = field(default_factory=dict)


def condition(body: Mapping[str, Any], kind: str) -> str:
    """Give the status of a condition; empty when there is none of this type."""
    for found in (body.get("status") or {}).get("conditions") or ():
        if found.get("type") == kind:
            return str(found.get("status", ""))
    return ""


def _served(definition: Mapping[str, Any], schemas: Schemas) -> Iterator[ServedVersion]:
    spec = definition["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        below = version.get("subresources") or {}
        subresources: dict[str, Subresource] = {}
        if "status" in below:
            subresources["status"] = STATUS
        if "scale" in below:
            subresources["scale"] = SCALE
        structure = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        yield ServedVersion(
            resource=Resource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                singular=names.get("singular") or names["kind"].lower(),
                kind=names["kind"],
                namespaced=spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                verbs=CUSTOM_VERBS,
                subresources=subresources,
                list_kind=names.get("listKind") or f"{names['kind']}List",
                columns=tuple(version.get("additionalPrinterColumns") or ()),
                custom=True,
            ),
            schema=schemas.from_crd(structure),
            structure=structure,
            selectable_fields=tuple(
                entry["jsonPath"].removeprefix(".")
                for entry in version.get("selectableFields") or ()
            ),
            scale_paths=below.get("scale") or {},
        )


class CustomResources:
    """The custom resources that one cluster serves now."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._by_definition: dict[str, list[ServedVersion]] = {}
        self._by_path: dict[tuple[str, str, str], ServedVersion] = {}
        self._groups: dict[str, tuple[str, ...]] = {}
        self.revision = 0
        """Grows with each change of what is served."""

    def serve(self, definition: Mapping[str, Any]) -> None:
        """Serve what an established definition says, and no more what it said before."""
        self._by_definition[definition["metadata"]["name"]] = list(
            _served(definition, self._schemas)
        )
        self._index()

    def forget(self, name: str) -> None:
        """Serve a definition no more."""
        if self._by_definition.pop(name, None) is not None:
            self._index()

    def find(self, group: str, version: str, plural: str) -> ServedVersion | None:
        """Find a served version of a custom resource."""
        return self._by_path.get((group, version, plural))

    def of(self, resource: Resource) -> ServedVersion:
        """Give what the definition says of a custom resource that is served.

        Raises:
            KeyError: it is not.
        """
        return self._by_path[resource.group, resource.version, resource.plural]

    @property
    def groups(self) -> Mapping[str, Sequence[str]]:
        """Groups with their versions, the preferred one first."""
        return self._groups

    def resources(self, group: str, version: str) -> list[Resource]:
        """Give the custom resources of one group version."""
        return [
            served.resource
            for (held, named, _), served in self._by_path.items()
            if (held, named) == (group, version)
        ]

    def _index(self) -> None:
        self.revision += 1
        self._by_path = {
            (served.resource.group, served.resource.version, served.resource.plural): served
            for versions in self._by_definition.values()
            for served in versions
        }
        versions: dict[str, set[str]] = {}
        for group, version, _ in self._by_path:
            versions.setdefault(group, set()).add(version)
        self._groups = {
            group: tuple(sorted(versions[group], key=version_priority, reverse=True))
            for group in sorted(versions)
        }
