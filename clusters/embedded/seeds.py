"""What a fresh cluster holds besides its namespaces: nodes, default roles, a storage class.

These objects are made once per process and shared by all clusters: hundreds of idle clusters
hold one copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from clusters.embedded.decoding import ordered
from clusters.embedded.kinds import (
    BUILT_IN,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    NODES,
    SERVICES,
    Resource,
    built_in,
)
from clusters.embedded.storage import Stored
from clusters.embedded.strategies import DEFAULT_STORAGE_CLASS

Body = dict[str, Any]
_BORN = "2026-01-01T00:00:00Z"
_NODE_COUNT = 3
_STORAGE_CLASSES = built_in("storage.k8s.io", "storageclasses")
_PRIORITY_CLASSES = built_in("scheduling.k8s.io", "priorityclasses")

_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_ADMINISTRATIVE = ("rbac.authorization.k8s.io",)
_SECRET_TO_VIEWERS = ("secrets",)
_NOT_FOR_EDITORS = ("resourcequotas", "limitranges")


def _namespaced_by_group() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for resource in BUILT_IN.values():
        if resource.namespaced and "list" in resource.verbs:
            names = found.setdefault(resource.group, [])
            names.append(resource.plural)
            names += [f"{resource.plural}/{name}" for name in resource.subresources]
    return found


def _rules(level: str) -> list[Body]:
    rules: list[Body] = []
    for group, plurals in _namespaced_by_group().items():
        if group in _ADMINISTRATIVE and level != "admin":
            continue
        readable = [name for name in plurals if level != "view" or name not in _SECRET_TO_VIEWERS]
        rules.append({"apiGroups": [group], "resources": readable, "verbs": _READ})
        writable = [name for name in plurals if name not in _NOT_FOR_EDITORS]
        if level != "view" and writable:
            rules.append({"apiGroups": [group], "resources": writable, "verbs": _WRITE})
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    if level == "admin":
        rules.append(
            {"apiGroups": ["authorization.k8s.io"], "resources": reviews, "verbs": ["create"]}
        )
    rules.append({"apiGroups": [""], "resources": ["namespaces"], "verbs": _READ})
    return rules


def _cluster_roles() -> Iterator[Body]:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    discovery = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi"]
    discovery += ["/openapi/*", "/readyz", "/version", "/version/"]
    public = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
    reviews = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]
    all_urls = {"nonResourceURLs": ["*"], "verbs": ["*"]}
    roles: dict[str, list[Body]] = {
        "cluster-admin": [everything, all_urls],
        "admin": _rules("admin"),
        "edit": _rules("edit"),
        "view": _rules("view"),
        "system:basic-user": [
            {"apiGroups": ["authorization.k8s.io"], "resources": reviews, "verbs": ["create"]},
            {
                "apiGroups": ["authentication.k8s.io"],
                "resources": ["selfsubjectreviews"],
                "verbs": ["create"],
            },
        ],
        "system:discovery": [{"nonResourceURLs": discovery, "verbs": ["get"]}],
        "system:public-info-viewer": [{"nonResourceURLs": public, "verbs": ["get"]}],
    }
    for name, rules in roles.items():
        yield _object(CLUSTER_ROLES, name, {"rules": rules}, labels=_BOOTSTRAPPED)


_BOOTSTRAPPED = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_GRANTS = (
    ("cluster-admin", ("system:masters",)),
    ("system:basic-user", ("system:authenticated",)),
    ("system:discovery", ("system:authenticated",)),
    ("system:public-info-viewer", ("system:authenticated", "system:unauthenticated")),
)


def _bindings() -> Iterator[Body]:
    api = "rbac.authorization.k8s.io"
    for role, groups in _GRANTS:
        content = {
            "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": api, "kind": "Group", "name": group} for group in groups],
        }
        yield _object(CLUSTER_ROLE_BINDINGS, role, content, labels=_BOOTSTRAPPED)


def _nodes() -> Iterator[Body]:
    room = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    for number in range(1, _NODE_COUNT + 1):
        name = f"node-{number}"
        labels = {
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
        }
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
            "lastHeartbeatTime": _BORN,
            "lastTransitionTime": _BORN,
        }
        info = {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "containerd://2.1.0",
            "kernelVersion": "6.12.0",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.2",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "Embedded",
            "systemUUID": "",
        }
        addresses = [
            {"type": "InternalIP", "address": f"192.168.0.{9 + number}"},
            {"type": "Hostname", "address": name},
        ]
        status = {
            "addresses": addresses,
            "allocatable": room,
            "capacity": room,
            "conditions": [ready],
            "nodeInfo": info,
        }
        yield _object(NODES, name, {"spec": {}, "status": status}, labels=labels)


def _service() -> Body:
    spec = {
        "clusterIP": "10.96.0.1",
        "clusterIPs": ["10.96.0.1"],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }
    content = {"spec": spec, "status": {"loadBalancer": {}}}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    return _object(SERVICES, "kubernetes", content, labels=labels, namespace="default")


def _classes() -> Iterator[Body]:
    content: Body = {
        "provisioner": "embedded.flotilla.dev/volumes",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }
    storage = _object(_STORAGE_CLASSES, DEFAULT_STORAGE_CLASS, content)
    storage["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    yield storage
    for name, value in (
        ("system-cluster-critical", 2000000000),
        ("system-node-critical", 2000001000),
    ):
        policy = {"value": value, "preemptionPolicy": "PreemptLowerPriority"}
        yield _object(_PRIORITY_CLASSES, name, policy)


def _object(
    resource: Resource,
    name: str,
    content: Body,
    *,
    labels: dict[str, str] | None = None,
    namespace: str = "",
) -> Body:
    metadata: Body = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid5(NAMESPACE_URL, f"flotilla:{resource.plural}/{name}"))
    metadata["resourceVersion"] = "1"
    metadata["creationTimestamp"] = _BORN
    if labels:
        metadata["labels"] = labels
    return ordered(
        {
            "kind": resource.kind,
            "apiVersion": resource.api_version,
            "metadata": metadata,
            **content,
        }
    )


@cache
def seeds() -> tuple[tuple[Resource, Stored], ...]:
    """Give what every cluster begins with, at revision 1."""
    bodies = [*_cluster_roles(), *_bindings(), *_nodes(), _service(), *_classes()]
    by_kind = {(row.api_version, row.kind): row for row in BUILT_IN.values()}
    out = []
    for body in bodies:
        resource = by_kind[body["apiVersion"], body["kind"]]
        metadata = body["metadata"]
        name, namespace = metadata["name"], metadata.get("namespace")
        key = f"{namespace}/{name}" if namespace else name
        out.append((resource, Stored.of(key, 1, body)))
    return tuple(out)
