"""Whether an object belongs where it was sent: names, namespace, kind, identity.

The checks that come before any rule about content; each words its refusal as the real server.
"""

from __future__ import annotations

from typing import Any

from clusters.embedded.kinds import Resource
from clusters.embedded.requests import ResourcePath
from clusters.embedded.status import (
    ApiStatus,
    Cause,
    Details,
    bad_request,
    conflict,
    forbidden,
)

Body = dict[str, Any]


def check_place(resource: Resource, path: ResourcePath, body: Body) -> None:
    """Hold name and namespace of a body against its URL.

    Raises:
        ApiStatus: 400.
    """
    metadata = body["metadata"]
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    if path.name and name not in ("", path.name):
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({path.name})"
        )
    if resource.namespaced and namespace not in ("", path.namespace):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def place(resource: Resource, path: ResourcePath, body: Body) -> None:
    """Hold name and namespace of a body against its URL; what it leaves out is filled in.

    Raises:
        ApiStatus: 400.
    """
    check_place(resource, path, body)
    metadata = body["metadata"]
    if path.name:
        metadata["name"] = path.name
    if resource.namespaced:
        metadata["namespace"] = path.namespace


def check_applied(resource: Resource, body: Body) -> None:
    """Hold kind and version of an applied configuration against its URL; both are required.

    Raises:
        ApiStatus: 400.
    """
    kind, api_version = body.get("kind"), body.get("apiVersion")
    if not kind or not api_version:
        missing = "Kind" if not kind else "apiVersion"
        raise bad_request(f"error decoding YAML: Object '{missing}' is missing")
    if (kind, api_version) != (resource.kind, resource.api_version):
        group, _, version = str(api_version).rpartition("/")
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")


def wrong_uid(resource: Resource, path: ResourcePath, wanted: str, held: str) -> ApiStatus:
    """Word the 409 of a request that means another object of the same name."""
    why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {held}"
    return conflict(resource.plural, path.name, group=resource.group, why=why)


def terminating(resource: Resource, namespace: str, name: str) -> ApiStatus:
    """Word the 403 of creating something in a namespace that is going away."""
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    refused = forbidden(resource.plural, name, why, group=resource.group)
    cause = Cause(
        "NamespaceTerminating", f"namespace {namespace} is being terminated", "metadata.namespace"
    )
    details = Details(name=name, group=resource.group, kind=resource.plural, causes=[cause])
    return ApiStatus(403, "Forbidden", refused.message, details=details)
