"""Paths below an object that are not the object itself: scale, eviction, binding, token, logs.

`status` and its like are plain writes (see `objects`).  What needs a running container is refused
in words that say why: an embedded cluster runs none.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from clusters.embedded import scaling
from clusters.embedded.access import impersonated
from clusters.embedded.changes import read_change
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.decoding import (
    APPLY_PATCH,
    media_type,
    patch_types,
    read_object,
)
from clusters.embedded.deleting import delete_options
from clusters.embedded.exchange import Answer, Call, json_answer
from clusters.embedded.kinds import Resource
from clusters.embedded.objects import Body
from clusters.embedded.requests import ResourcePath, WriteOptions, write_options
from clusters.embedded.schema import ANYTHING
from clusters.embedded.status import bad_request, unsupported_media_type
from clusters.embedded.storage import Stored

_TOKEN_LIFE_S = 3600
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def answer(
    cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call, verb: str
) -> Answer:
    """Answer a request to a subresource.

    Raises:
        ApiStatus: whatever stands against it.
    """
    match path.subresource:
        case "scale":
            return _scale(cluster, resource, path, call, verb)
        case "eviction":
            return _evict(cluster, resource, path, call)
        case "binding":
            return _bind(cluster, resource, path, call)
        case "token":
            return _token(cluster, resource, path, call)
    cluster.objects.get(resource, path)
    raise bad_request(
        f'"{path.subresource}" of {resource.singular} "{path.name}" needs a running container: '
        f"this cluster is embedded and runs none, its controllers only imitate workloads"
    )


def _paths(cluster: EmbeddedCluster, resource: Resource) -> scaling.ScalePaths:
    if resource.custom:
        return scaling.custom_paths(cluster.catalog.custom.of(resource).scale_paths)
    return scaling.BUILT_IN


def _scale(
    cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call, verb: str
) -> Answer:
    paths = _paths(cluster, resource)

    def scale_bytes(stored: Stored) -> bytes:
        return orjson.dumps(scaling.scale_of(stored.load(), paths))

    if verb == "get":
        return Answer(200, scale_bytes(cluster.objects.get(resource, path)))
    options = write_options(call.query, verb, call.agent)
    if verb == "update":
        sent = read_object(call.body, call.content_type)
        change = _replaced(sent)
    else:
        change = _patched(resource, call, paths)
    written = cluster.objects.patch(
        resource,
        path,
        lambda body: scaling.with_scale(body, change(scaling.scale_of(body, paths)), paths),
        options,
    )
    return Answer(200, scale_bytes(written.stored), warnings=written.warnings)


def _replaced(sent: Body) -> Any:
    return lambda _: sent


def _patched(resource: Resource, call: Call, paths: scaling.ScalePaths) -> Any:
    kind = media_type(call.content_type)
    if kind not in patch_types(resource):
        raise unsupported_media_type(patch_types(resource))
    if kind == APPLY_PATCH:
        return _replaced(read_object(call.body, kind))
    return read_change(call.body, kind, ANYTHING)


def _evict(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    body = read_object(call.body, call.content_type)
    options = delete_options(body.get("deleteOptions") or {}, call.query)
    cluster.deleter.delete(resource, cluster.objects.get(resource, path), options)
    return json_answer(_SUCCESS, 201)


def _bind(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    body = read_object(call.body, call.content_type)
    node = (body.get("target") or {}).get("name")
    if not node:
        raise bad_request("a Binding needs target.name, the node to bind to")

    def bound(pod: Body) -> Body:
        if pod["spec"].get("nodeName"):
            raise bad_request(f"pod {path.name} is already assigned to a node")
        return {**pod, "spec": {**pod["spec"], "nodeName": node}}

    cluster.objects.patch(resource, path, bound, WriteOptions(manager="kube-scheduler"))
    return json_answer(_SUCCESS, 201)


def _token(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    cluster.objects.get(resource, path)
    body = read_object(call.body, call.content_type)
    spec = dict(body.get("spec") or {})
    life_s = int(spec.get("expirationSeconds") or _TOKEN_LIFE_S)
    token = secrets.token_urlsafe(32)
    name = f"system:serviceaccount:{path.namespace}:{path.name}"
    cluster.tokens[token] = impersonated(name, ())
    until = datetime.now(UTC) + timedelta(seconds=life_s)
    status = {"token": token, "expirationTimestamp": until.strftime("%Y-%m-%dT%H:%M:%SZ")}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}
    return json_answer({**head, "metadata": {}, "spec": spec, "status": status}, 201)
