"""Discovery: what a cluster serves, in the forms in which clients ask for it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from clusters.embedded import openapi
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
    match parts:
        case [] | ["version"]:
            return json_answer(VERSION if parts else {"paths": _paths(cluster)})
        case [health, *_] if health in _HEALTH_PATHS:
            return text_answer("ok")
        case ["openapi", *rest]:
            return _openapi(cluster, rest, accept)
        case ["api" | "apis"]:
            return _groups(cluster, parts[0], accept)
        case ["apis", group] if cluster.catalog.groups().get(group):
            return json_answer({"kind": "APIGroup", "apiVersion": "v1"} | _group(cluster, group))
        case ["api", version] if cluster.catalog.serves("", version):
            return json_answer(_resource_list(cluster, "", version))
        case ["apis", group, version] if cluster.catalog.serves(group, version):
            return json_answer(_resource_list(cluster, group, version))
    return None


def _paths(cluster: EmbeddedCluster) -> list[str]:
    roots = ["/api", "/apis", "/openapi/v2", "/openapi/v3", "/version"]
    roots += [f"/{name}" for name in _HEALTH_PATHS]
    for group, versions in cluster.catalog.groups().items():
        roots += [
            f"/apis/{group}/{version}" if group else f"/api/{version}" for version in versions
        ]
        roots += [f"/apis/{group}"] if group else []
    return sorted(roots)


def _openapi(cluster: EmbeddedCluster, parts: Sequence[str], accept: str) -> Answer | None:
    match parts:
        case ["v2"]:
            return openapi.swagger(cluster, accept)
        case ["v3"]:
            return openapi.index(cluster)
        case ["v3", "api", version]:
            return openapi.document(cluster, "", version)
        case ["v3", "apis", group, version]:
            return openapi.document(cluster, group, version)
    return None


def _groups(cluster: EmbeddedCluster, root: str, accept: str) -> Answer:
    names = [name for name in cluster.catalog.groups() if bool(name) == (root == "apis")]
    if _wants_aggregated(accept):
        return _aggregated(cluster, names, accept)
    if root == "api":
        return json_answer({"kind": "APIVersions", "versions": ["v1"]})
    groups = [_group(cluster, name) for name in names]
    return json_answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


def _wants_aggregated(accept: str) -> bool:
    first = accept.partition(",")[0]
    return "as=APIGroupDiscoveryList" in first and "json" in first


def _aggregated(cluster: EmbeddedCluster, groups: Sequence[str], accept: str) -> Answer:
    """Answer with all resources of these groups at once (apidiscovery.k8s.io)."""
    version = "v2beta1" if "v=v2beta1" in accept.partition(",")[0] else "v2"
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None} if group else {},
            "versions": [
                {
                    "version": served,
                    "resources": [
                        _aggregated_entry(row) for row in cluster.catalog.resources(group, served)
                    ],
                    "freshness": "Current",
                }
                for served in cluster.catalog.groups()[group]
            ],
        }
        for group in groups
    ]
    api = f"apidiscovery.k8s.io/{version}"
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": api, "metadata": {}}
    media = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return Answer(200, orjson.dumps({**head, "items": items}), media)


def _aggregated_entry(resource: Resource) -> Mapping[str, Any]:
    own = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": own,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    }
    if resource.short_names:
        entry["shortNames"] = resource.short_names
    if resource.categories:
        entry["categories"] = resource.categories
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": below.name,
                "responseKind": {
                    "group": below.group or (resource.group if not below.kind else ""),
                    "version": below.version or resource.version,
                    "kind": below.kind or resource.kind,
                },
                "verbs": below.verbs,
            }
            for below in resource.subresources.values()
        ]
    return entry


def _group(cluster: EmbeddedCluster, name: str) -> dict[str, Any]:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for version in cluster.catalog.groups()[name]
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(cluster: EmbeddedCluster, group: str, version: str) -> dict[str, Any]:
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": list(_entries(cluster.catalog.resources(group, version))),
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
