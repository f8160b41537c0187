"""What one cluster serves now: built-in resources, and those its definitions add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clusters.embedded.crds import CustomResources
from clusters.embedded.kinds import BUILT_IN, GROUP_VERSIONS, Resource, StorageKey
from clusters.embedded.schema import ANYTHING, Schema, Schemas

_PREFERRED: Mapping[StorageKey, Resource] = {
    resource.storage_key: resource for resource in reversed(tuple(BUILT_IN.values()))
}
_SCHEMAS = Schemas()


class Catalog:
    """Finds resources, their groups and their schemas."""

    def __init__(self) -> None:
        self.custom = CustomResources(_SCHEMAS)

    def resource(self, group: str, version: str, plural: str) -> Resource | None:
        """Find a served resource."""
        found = BUILT_IN.get((group, version, plural))
        if found is None:
            served = self.custom.find(group, version, plural)
            found = served.resource if served is not None else None
        return found

    def any_version(self, key: StorageKey) -> Resource | None:
        """Find the resource whose objects are stored here, in its preferred version."""
        found = _PREFERRED.get(key)
        if found is not None:
            return found
        for version in self.custom.groups.get(key[0], ()):
            served = self.custom.find(key[0], version, key[1])
            if served is not None:
                return served.resource
        return None

    def groups(self) -> Mapping[str, Sequence[str]]:
        """Give the served groups with their versions, the preferred one first."""
        return {**GROUP_VERSIONS, **self.custom.groups}

    def serves(self, group: str, version: str) -> bool:
        """Tell whether a group version is served at all."""
        served = GROUP_VERSIONS.get(group) or self.custom.groups.get(group, ())
        return version in served

    def resources(self, group: str, version: str) -> Sequence[Resource]:
        """Give the resources of one group version."""
        own = [row for row in BUILT_IN.values() if (row.group, row.version) == (group, version)]
        return own or self.custom.resources(group, version)

    def schema_of(self, resource: Resource) -> Schema:
        """Give the schema of a kind."""
        if resource.custom:
            return self.custom.of(resource).schema
        found = _SCHEMAS.builtin(resource.group, resource.version, resource.kind)
        return found or ANYTHING
