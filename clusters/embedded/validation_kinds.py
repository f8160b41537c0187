"""Whether configuration, storage, access and policies may be so, and may become so.

After the validation packages of k8s.io/kubernetes pkg/apis, as far as users of manifests meet
their rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clusters.embedded import field_errors, names
from clusters.embedded.status import Cause
from clusters.embedded.validation_pod import resources
from clusters.embedded.validation_workloads import selector

Part = Mapping[str, Any]

_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_RBAC: Final = "rbac.authorization.k8s.io"
_DATA_BYTES_MAX: Final = 1024 * 1024


def _spec(content: Part) -> Part:
    spec = content.get("spec") or {}
    assert isinstance(spec, Mapping)
    return spec


def config_map(content: Part) -> Iterator[Cause]:
    """Check a ConfigMap."""
    data, binary = content.get("data") or {}, content.get("binaryData") or {}
    for field, part in (("data", data), ("binaryData", binary)):
        for key in part:
            for message in names.config_key(key):
                yield field_errors.invalid(f"{field}[{key}]", key, message)
    for key in data.keys() & binary.keys():
        yield field_errors.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _data_size(content, ("data", "binaryData"), "")


def _data_size(content: Part, fields: Sequence[str], path: str) -> Iterator[Cause]:
    size = sum(
        len(str(value).encode())
        for field in fields
        for value in (content.get(field) or {}).values()
    )
    if size > _DATA_BYTES_MAX:
        yield field_errors.too_long(path, _DATA_BYTES_MAX)


def secret(content: Part) -> Iterator[Cause]:
    """Check a Secret."""
    data = content.get("data") or {}
    for key in data:
        for message in names.config_key(key):
            yield field_errors.invalid(f"data[{key}]", key, message)
    required = {
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/dockercfg": (".dockercfg",),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }
    for key in required.get(content.get("type") or "", ()):
        if key not in data:
            yield field_errors.required(f"data[{key}]")
    yield from _data_size(content, ("data",), "data")


_FROZEN: Final = "field is immutable when `immutable` is set"


def frozen(new: Part, old: Part, fields: Sequence[str]) -> Iterator[Cause]:
    """Refuse changes of what was declared immutable."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield field_errors.forbidden("immutable", _FROZEN)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield field_errors.forbidden(field, _FROZEN)


def config_map_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a ConfigMap."""
    yield from frozen(new, old, ("data", "binaryData"))


def secret_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a Secret."""
    if new.get("type") != old.get("type"):
        yield field_errors.immutable("type", new.get("type"))
    yield from frozen(new, old, ("data",))


def claim(content: Part) -> Iterator[Cause]:
    """Check a PersistentVolumeClaim."""
    spec = _spec(content)
    modes = spec.get("accessModes") or ()
    if not modes:
        yield field_errors.required("spec.accessModes", "at least 1 access mode is required")
    for mode in modes:
        if mode not in _ACCESS_MODES:
            yield field_errors.not_supported("spec.accessModes", mode, _ACCESS_MODES)
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield field_errors.required("spec.resources[storage]")
    yield from resources(spec.get("resources") or {}, "spec.resources")
    yield from selector(spec.get("selector"), "spec.selector")


def claim_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a PersistentVolumeClaim."""
    after, before = _spec(new), _spec(old)
    free = {"resources", "volumeAttributesClassName"}
    if not before.get("volumeName"):
        free.add("volumeName")
    if before.get("storageClassName") is None:
        free.add("storageClassName")
    keys = (after.keys() | before.keys()) - free
    changed = sorted(key for key in keys if after.get(key) != before.get(key))
    if (after.get("resources") or {}).get("limits") != (before.get("resources") or {}).get(
        "limits"
    ):
        changed.append("resources.limits")
    if changed:
        yield field_errors.forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and "
            "volumeAttributesClassName for bound claims\n" + ", ".join(changed),
        )


def volume(content: Part) -> Iterator[Cause]:
    """Check a PersistentVolume."""
    spec = _spec(content)
    if not spec.get("accessModes"):
        yield field_errors.required("spec.accessModes")
    if not spec.get("capacity"):
        yield field_errors.required("spec.capacity")


def role(content: Part) -> Iterator[Cause]:
    """Check a Role or ClusterRole."""
    for position, rule in enumerate(content.get("rules") or ()):
        where = f"rules[{position}]"
        if not rule.get("verbs"):
            yield field_errors.required(f"{where}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield field_errors.required(
                f"{where}.apiGroups", "resource rules must supply at least one api group"
            )
        if not rule.get("resources"):
            yield field_errors.required(
                f"{where}.resources", "resource rules must supply at least one resource"
            )


def binding(content: Part) -> Iterator[Cause]:
    """Check a RoleBinding or ClusterRoleBinding."""
    reference = content.get("roleRef") or {}
    if reference.get("apiGroup") != _RBAC:
        yield field_errors.not_supported("roleRef.apiGroup", reference.get("apiGroup"), (_RBAC,))
    kinds = ("Role", "ClusterRole") if content.get("kind") == "RoleBinding" else ("ClusterRole",)
    if reference.get("kind") not in kinds:
        yield field_errors.not_supported("roleRef.kind", reference.get("kind") or "", kinds)
    if not reference.get("name"):
        yield field_errors.required("roleRef.name")
    for position, subject in enumerate(content.get("subjects") or ()):
        where = f"subjects[{position}]"
        if not subject.get("name"):
            yield field_errors.required(f"{where}.name")
        kind = subject.get("kind")
        if kind == "ServiceAccount" and not subject.get("namespace"):
            if content.get("kind") == "ClusterRoleBinding":
                yield field_errors.required(f"{where}.namespace")
        elif kind not in ("ServiceAccount", "User", "Group"):
            yield field_errors.not_supported(
                f"{where}.kind", kind or "", ("ServiceAccount", "User", "Group")
            )


def binding_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse a binding to another role."""
    if new.get("roleRef") != old.get("roleRef"):
        yield field_errors.invalid("roleRef", new.get("roleRef"), "cannot change roleRef")


def autoscaler(content: Part) -> Iterator[Cause]:
    """Check a HorizontalPodAutoscaler."""
    spec = _spec(content)
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < 1:
        yield field_errors.invalid("spec.minReplicas", low, "must be greater than or equal to 1")
    if high < 1:
        yield field_errors.invalid("spec.maxReplicas", high, "must be greater than 0")
    if low is not None and high < low:
        yield field_errors.invalid(
            "spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"
        )
    target = spec.get("scaleTargetRef") or {}
    for field in ("kind", "name"):
        if not target.get(field):
            yield field_errors.required(f"spec.scaleTargetRef.{field}")


def disruption_budget(content: Part) -> Iterator[Cause]:
    """Check a PodDisruptionBudget."""
    spec = _spec(content)
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield field_errors.invalid(
            "spec", spec, "minAvailable and maxUnavailable cannot be both set"
        )
    yield from selector(spec.get("selector"), "spec.selector")


def storage_class(content: Part) -> Iterator[Cause]:
    """Check a StorageClass."""
    if not content.get("provisioner"):
        yield field_errors.required("provisioner")


def storage_class_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a StorageClass."""
    for field in ("parameters", "provisioner", "reclaimPolicy"):
        if new.get(field) != old.get(field):
            yield field_errors.forbidden(field, f"updates to {field} are forbidden.")
    if new.get("volumeBindingMode") != old.get("volumeBindingMode"):
        yield field_errors.immutable("volumeBindingMode", new.get("volumeBindingMode"))


def priority_class_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a PriorityClass."""
    for field in ("value", "preemptionPolicy"):
        if new.get(field) != old.get(field):
            yield field_errors.forbidden(field, "may not be changed in an update.")
