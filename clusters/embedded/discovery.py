"""Discovery: what a cluster serves, in the forms in which clients ask for it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clusters.embedded.exchange import Answer, json_answer, text_answer
from clusters.embedded.kinds import Resource

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

VERSION = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.2",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-06-09T00:00:00Z",
    "goVersion": "go1.26.1",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_HEALTH_PATHS = ("healthz", "livez", "readyz")


def answer(cluster: EmbeddedCluster, parts: Sequence[str], accept: str) -> Answer | None:
    """Answer a discovery request; None for a path that is something else."""
    match list(parts):
        case ["version"]:
            return json_answer(VERSION)
        case [health, *_] if health in _HEALTH_PATHS:
            return text_answer("ok")
        case ["api"]:
            return json_answer({"kind": "APIVersions", "versions": ["v1"]})
        case ["apis"]:
            groups = [_group(cluster, name) for name in cluster.groups() if name]
            return json_answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        case ["apis", group] if cluster.groups().get(group):
            return json_answer({"kind": "APIGroup", "apiVersion": "v1"} | _group(cluster, group))
        case ["api", version] if cluster.serves("", version):
            return json_answer(_resource_list(cluster, "", version))
        case ["apis", group, version] if cluster.serves(group, version):
            return json_answer(_resource_list(cluster, group, version))
    return None


def _group(cluster: EmbeddedCluster, name: str) -> dict[str, Any]:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for version in cluster.groups()[name]
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(cluster: EmbeddedCluster, group: str, version: str) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": list(_entries(cluster.resources(group, version))),
    }


def _entries(resources: Iterable[Resource]) -> Iterable[Mapping[str, Any]]:
    for resource in resources:
        entry: dict[str, Any] = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": resource.verbs,
        }
        if resource.short_names:
            entry["shortNames"] = resource.short_names
        if resource.categories:
            entry["categories"] = resource.categories
        if "list" in resource.verbs:
            entry["storageVersionHash"] = _storage_hash(resource)
        yield entry
        for below in resource.subresources.values():
            entry = {
                "name": f"{resource.plural}/{below.name}",
                "singularName": "",
                "namespaced": resource.namespaced,
            }
            if below.version:
                entry |= {"group": below.group, "version": below.version}
            yield entry | {"kind": below.kind or resource.kind, "verbs": below.verbs}


def _storage_hash(resource: Resource) -> str:
    named = f"{resource.group}/{resource.version}/{resource.kind}".encode()
    return base64.b64encode(hashlib.sha256(named).digest()[:8]).decode()
