"""OpenAPI documents: what `kubectl explain`, `apply` and client-side validation read.

Built-in kinds come from the definitions that `schema` knows, custom kinds from theirs.  Documents
of built-in groups are made once per process, when first asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from clusters.embedded import protobuf
from clusters.embedded.exchange import Answer, json_answer
from clusters.embedded.kinds import BUILT_IN, GROUP_VERSIONS, Resource
from clusters.embedded.schema import definitions

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Raw = dict[str, Any]

_INFO = {"title": "Kubernetes", "version": "v1.36.2"}
_OLD_REFERENCE = "#/$defs/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


def _plain(value: Any, reference: str) -> Any:
    """Turn a JSON schema of our source into plain OpenAPI."""
    if isinstance(value, list):
        return [_plain(item, reference) for item in value]
    if not isinstance(value, dict):
        return value
    out: Raw = {}
    for key, item in value.items():
        if key == "$ref" and isinstance(item, str):
            out[key] = item.replace(_OLD_REFERENCE, reference)
        elif key == "type" and isinstance(item, list):
            out[key] = next((kind for kind in item if kind != "null"), "object")
        elif key == "enum" and isinstance(item, list):
            continue
        else:
            out[key] = _plain(item, reference)
    return out


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item.removeprefix(_OLD_REFERENCE)
            else:
                yield from _references(item)


def _closure(names: list[str], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Give these definitions and all that they refer to."""
    known = definitions().raw
    found: dict[str, Any] = {}
    waiting = [*names]
    for schema in extra.values():
        waiting += _references(schema)
    while waiting:
        name = waiting.pop()
        if name not in found and name in known:
            found[name] = known[name]
            waiting += _references(known[name])
    return {**found, **extra}


def _gvk(resource: Resource) -> Raw:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _paths(resources: list[Resource]) -> Raw:
    paths: Raw = {}
    for resource in resources:
        base = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
        if resource.namespaced:
            base += "/namespaces/{namespace}"
        one, gvk = (
            f"{base}/{resource.plural}/{{name}}",
            {"x-kubernetes-group-version-kind": _gvk(resource)},
        )
        text = {"schema": {"type": "string", "uniqueItems": True}, "in": "query"}
        writes = [{"name": name, **text} for name in _WRITE_PARAMETERS]
        reads = {"responses": {"200": {"description": "OK"}}, **gvk}
        paths[one] = {
            "get": {"x-kubernetes-action": "get", **reads},
            "put": {"x-kubernetes-action": "put", "parameters": writes, **reads},
            "patch": {"x-kubernetes-action": "patch", "parameters": writes, **reads},
            "delete": {"x-kubernetes-action": "delete", **reads},
        }
        paths[f"{base}/{resource.plural}"] = {
            "get": {"x-kubernetes-action": "list", **reads},
            "post": {"x-kubernetes-action": "post", "parameters": writes, **reads},
        }
    return paths


def _document(resources: list[Resource], extra: Mapping[str, Any]) -> bytes:
    kinds = definitions().kinds()
    names = [
        kinds[resource.group, resource.version, resource.kind]
        for resource in resources
        if (resource.group, resource.version, resource.kind) in kinds
    ]
    schemas = _plain(_closure(names, extra), "#/components/schemas/")
    return orjson.dumps(
        {
            "openapi": "3.0.0",
            "info": _INFO,
            "paths": _paths(resources),
            "components": {"schemas": schemas},
        }
    )


@lru_cache(maxsize=32)
def _built_in_document(group: str, version: str) -> bytes:
    own = [row for row in BUILT_IN.values() if (row.group, row.version) == (group, version)]
    return _document(own, {})


def _custom_schemas(cluster: EmbeddedCluster, resources: list[Resource]) -> dict[str, Any]:
    out = {}
    for resource in resources:
        structure = dict(cluster.catalog.custom.of(resource).structure)
        properties = dict(structure.get("properties") or {})
        properties |= {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"$ref": _OLD_REFERENCE + _META},
        }
        domain = ".".join(reversed(resource.group.split(".")))
        out[f"{domain}.{resource.version}.{resource.kind}"] = {
            **structure,
            "type": "object",
            "properties": properties,
            "x-kubernetes-group-version-kind": [_gvk(resource)],
        }
    return out


def _group_document(cluster: EmbeddedCluster, group: str, version: str) -> bytes:
    if version in GROUP_VERSIONS.get(group, ()):
        return _built_in_document(group, version)
    resources = cluster.catalog.custom.resources(group, version)
    return _document(resources, _custom_schemas(cluster, resources))


def index(cluster: EmbeddedCluster) -> Answer:
    """Answer `/openapi/v3`: where the documents are."""
    paths, custom = {}, cluster.catalog.custom
    for group, versions in cluster.catalog.groups().items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            mark = f"{path} {custom.revision if group in custom.groups else 0}"
            digest = hashlib.sha256(mark.encode()).hexdigest()[:32].upper()
            where = f"/clusters/{cluster.name}/openapi/v3/{path}?hash={digest}"
            paths[path] = {"serverRelativeURL": where}
    return json_answer({"paths": paths})


def document(cluster: EmbeddedCluster, group: str, version: str) -> Answer | None:
    """Answer with the document of one group version; None if it is not served."""
    if not cluster.catalog.serves(group, version):
        return None
    return Answer(200, _group_document(cluster, group, version))


def _all_definitions(cluster: EmbeddedCluster) -> tuple[Raw, list[Resource]]:
    custom = [
        resource
        for group, versions in cluster.catalog.custom.groups.items()
        for version in versions
        for resource in cluster.catalog.custom.resources(group, version)
    ]
    everything = {**definitions().raw, **_custom_schemas(cluster, custom)}
    plain: Raw = _plain(everything, "#/definitions/")
    return plain, custom


def swagger(cluster: EmbeddedCluster, accept: str) -> Answer:
    """Answer `/openapi/v2`, as JSON or, as kubectl wants it, as protobuf."""
    plain, custom = _all_definitions(cluster)
    if "proto-openapi.spec.v2" in accept:
        body = protobuf.openapi_document(_INFO["title"], _INFO["version"], plain)
        return Answer(200, body, _PROTOBUF)
    paths = _paths([*BUILT_IN.values(), *custom])
    return json_answer({"swagger": "2.0", "info": _INFO, "paths": paths, "definitions": plain})
