"""What the server itself does to an object of a kind when it is created or changed.

The part of each kind's registry strategy (k8s.io/kubernetes pkg/registry) that clients can see:
what is filled in, what is reset, when `metadata.generation` grows, which half of an object a
subresource may write.  Defaults of fields are in `defaults`, refusals in `validation`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Set
from typing import Any

from clusters.embedded import addresses
from clusters.embedded.kinds import Resource, StorageKey

Body = dict[str, Any]

_GENERATED: Set[StorageKey] = frozenset(
    {
        ("", "pods"),
        ("", "replicationcontrollers"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
        ("discovery.k8s.io", "endpointslices"),
        ("flowcontrol.apiserver.k8s.io", "flowschemas"),
        ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"),
        ("networking.k8s.io", "ingressclasses"),
        ("networking.k8s.io", "ingresses"),
        ("networking.k8s.io", "networkpolicies"),
        ("policy", "poddisruptionbudgets"),
        ("scheduling.k8s.io", "priorityclasses"),
    }
)
"""Built-in resources whose objects carry a generation."""

_ANNOTATIONS_COUNT: Set[StorageKey] = frozenset({("apps", "deployments")})
"""Resources whose generation also grows with their annotations."""

CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
DEFAULT_STORAGE_CLASS = "standard"

_WHOLE = frozenset({"approval", "binding"})
"""Subresources that write both halves of an object."""

_UNCOUNTED = frozenset({"apiVersion", "kind", "metadata", "status"})


def has_generation(resource: Resource) -> bool:
    """Tell whether objects of this resource carry `metadata.generation`."""
    return resource.custom or resource.storage_key in _GENERATED


def _content(resource: Resource, body: Mapping[str, Any]) -> Body:
    skipped = _UNCOUNTED
    if resource.custom and not resource.has("status"):
        skipped = skipped - {"status"}
    return {key: value for key, value in body.items() if key not in skipped}


def next_generation(resource: Resource, old: Mapping[str, Any], new: Mapping[str, Any]) -> int:
    """Count a change of what is desired; everything else leaves the generation alone."""
    generation: int = old["metadata"].get("generation", 0)
    changed = _content(resource, old) != _content(resource, new)
    if not changed and resource.storage_key in _ANNOTATIONS_COUNT:
        annotations = [body["metadata"].get("annotations") or {} for body in (old, new)]
        changed = annotations[0] != annotations[1]
    return generation + 1 if changed else generation


def reset_status(resource: Resource, body: Body) -> None:
    """Drop what only the status subresource may write, on creation."""
    if resource.has("status"):
        body.pop("status", None)
        initial = _INITIAL_STATUS.get(resource.storage_key)
        if initial is not None:
            body["status"] = initial(body)
        elif not resource.custom:
            body["status"] = {}


def keep_other_half(
    resource: Resource, subresource: str, old: Mapping[str, Any], new: Body
) -> None:
    """Let a write change only its own half: the main path all but status, `status` only that."""
    if subresource == "status":
        for key in [key for key in new if key not in ("status", "metadata", "kind", "apiVersion")]:
            if key not in old:
                del new[key]
        for key, value in old.items():
            if key not in ("status", "metadata"):
                new[key] = value
        if resource.custom:
            kept = new["metadata"].get("managedFields")
            version = new["metadata"].get("resourceVersion")
            new["metadata"] = dict(old["metadata"])
            if kept is not None:
                new["metadata"]["managedFields"] = kept
            if version is not None:
                new["metadata"]["resourceVersion"] = version
    elif resource.has("status") and subresource not in _WHOLE:
        if resource.storage_key == ("", "namespaces") and subresource != "finalize":
            new["spec"] = {**(new.get("spec") or {}), "finalizers": old["spec"]["finalizers"]}
        if "status" in old:
            new["status"] = old["status"]
        else:
            new.pop("status", None)


def _plain_secret(body: Body) -> None:
    plain = body.pop("stringData", None)
    if plain:
        data = body["data"] = dict(body.get("data") or {})
        for key, value in plain.items():
            data[key] = base64.b64encode(value.encode()).decode()


def _named_namespace(body: Body) -> None:
    metadata = body["metadata"]
    labels = metadata["labels"] = dict(metadata.get("labels") or {})
    labels["kubernetes.io/metadata.name"] = metadata.get("name", "")


_NORMALISE: Mapping[StorageKey, Callable[[Body], None]] = {
    ("", "secrets"): _plain_secret,
    ("", "namespaces"): _named_namespace,
}


def normalise(resource: Resource, body: Body) -> None:
    """Rewrite what decoding rewrites: these changes count as the writer's own."""
    hook = _NORMALISE.get(resource.storage_key)
    if hook is not None:
        hook(body)


def _namespace(old: Mapping[str, Any] | None, body: Body) -> None:
    spec = body["spec"] = dict(body.get("spec") or {})
    if old is None:
        _named_namespace(body)
        spec["finalizers"] = sorted({*(spec.get("finalizers") or ()), "kubernetes"})


def _definition(old: Mapping[str, Any] | None, body: Body) -> None:
    if old is None:
        versions = body["spec"].get("versions") or ()
        storing = [version["name"] for version in versions if version.get("storage")]
        empty = {"plural": "", "kind": ""}
        body["status"] = {"conditions": [], "acceptedNames": empty, "storedVersions": storing}


def _protected(finalizer: str) -> Callable[[Mapping[str, Any] | None, Body], None]:
    def protect(old: Mapping[str, Any] | None, body: Body) -> None:
        if old is None:
            metadata = body["metadata"]
            held = metadata.get("finalizers") or []
            metadata["finalizers"] = [*held, *({finalizer} - set(held))]

    return protect


def _claim(old: Mapping[str, Any] | None, body: Body) -> None:
    _protected(CLAIM_PROTECTION)(old, body)
    if old is None and "storageClassName" not in body["spec"]:
        body["spec"]["storageClassName"] = DEFAULT_STORAGE_CLASS


def _job(old: Mapping[str, Any] | None, body: Body) -> None:
    spec, metadata = body["spec"], body["metadata"]
    if old is not None or spec.get("manualSelector"):
        return
    template = spec["template"]
    marks = {
        "batch.kubernetes.io/controller-uid": metadata["uid"],
        "batch.kubernetes.io/job-name": metadata.get("name", ""),
        "controller-uid": metadata["uid"],
        "job-name": metadata.get("name", ""),
    }
    labels = {**((template.get("metadata") or {}).get("labels") or {}), **marks}
    template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
    uid = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
    spec.setdefault("selector", {"matchLabels": uid})


_PREPARE: Mapping[StorageKey, Callable[[Mapping[str, Any] | None, Body], None]] = {
    ("", "namespaces"): _namespace,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _protected(VOLUME_PROTECTION),
    ("", "services"): addresses.allocate,
    ("batch", "jobs"): _job,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}


def _pod_status(body: Mapping[str, Any]) -> Body:
    return {"phase": "Pending", "qosClass": _quality(body)}


def _quality(body: Mapping[str, Any]) -> str:
    spec = body.get("spec") or {}
    containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    wants = [container.get("resources") or {} for container in containers]
    if not any(want.get("requests") or want.get("limits") for want in wants):
        return "BestEffort"
    guaranteed = all(
        set(want.get("limits") or {}) >= {"cpu", "memory"}
        and (want.get("requests") or want["limits"]) == want["limits"]
        for want in wants
    )
    return "Guaranteed" if guaranteed else "Burstable"


_INITIAL_STATUS: Mapping[StorageKey, Callable[[Mapping[str, Any]], Body]] = {
    ("", "namespaces"): lambda _: {"phase": "Active"},
    ("", "persistentvolumeclaims"): lambda _: {"phase": "Pending"},
    ("", "persistentvolumes"): lambda _: {"phase": "Pending"},
    ("", "pods"): _pod_status,
    ("", "services"): lambda _: {"loadBalancer": {}},
    ("apps", "daemonsets"): lambda _: {
        "currentNumberScheduled": 0,
        "numberMisscheduled": 0,
        "desiredNumberScheduled": 0,
        "numberReady": 0,
    },
    ("apps", "replicasets"): lambda _: {"replicas": 0},
    ("", "replicationcontrollers"): lambda _: {"replicas": 0},
    ("apps", "statefulsets"): lambda _: {"replicas": 0, "availableReplicas": 0},
    ("networking.k8s.io", "ingresses"): lambda _: {"loadBalancer": {}},
    ("policy", "poddisruptionbudgets"): lambda _: {
        "disruptionsAllowed": 0,
        "currentHealthy": 0,
        "desiredHealthy": 0,
        "expectedPods": 0,
    },
    ("autoscaling", "horizontalpodautoscalers"): lambda _: {
        "desiredReplicas": 0,
        "currentMetrics": None,
    },
}


def prepare_create(resource: Resource, body: Body) -> None:
    """Bring a new object to the form in which it is stored."""
    reset_status(resource, body)
    metadata = body["metadata"]
    metadata.pop("generation", None)
    if has_generation(resource):
        metadata["generation"] = 1
    hook = _PREPARE.get(resource.storage_key)
    if hook is not None:
        hook(None, body)


def prepare_update(resource: Resource, subresource: str, old: Mapping[str, Any], new: Body) -> None:
    """Bring a changed object to the form in which it is stored."""
    keep_other_half(resource, subresource, old, new)
    hook = _PREPARE.get(resource.storage_key)
    if hook is not None and not subresource:
        hook(old, new)
    new["metadata"].pop("generation", None)
    if has_generation(resource):
        generation = old["metadata"].get("generation", 0)
        counts = subresource != "status"
        new["metadata"]["generation"] = (
            next_generation(resource, old, new) if counts else generation
        )
