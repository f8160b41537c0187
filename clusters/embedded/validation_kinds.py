"""Whether services, configuration, storage, access and policies may be so, and may become so.

After the validation packages of k8s.io/kubernetes pkg/apis, as far as users of manifests meet
their rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clusters.embedded import field_errors, names
from clusters.embedded.status import Cause
from clusters.embedded.validation_metadata import label_map
from clusters.embedded.validation_pod import resources
from clusters.embedded.validation_workloads import selector

Part = Mapping[str, Any]

_SERVICE_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PATH_TYPES: Final = ("Exact", "Prefix", "ImplementationSpecific")
_ACCESS_MODES: Final = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_RBAC: Final = "rbac.authorization.k8s.io"
_DATA_BYTES_MAX: Final = 1024 * 1024


def _spec(content: Part) -> Part:
    spec = content.get("spec") or {}
    assert isinstance(spec, Mapping)
    return spec


def service(content: Part) -> Iterator[Cause]:
    """Check a Service."""
    spec = _spec(content)
    kind = spec.get("type") or ""
    ports = spec.get("ports") or ()
    if kind not in _SERVICE_TYPES:
        yield field_errors.not_supported("spec.type", kind, _SERVICE_TYPES)
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield field_errors.required("spec.ports")
    if kind == "ExternalName" and not spec.get("externalName"):
        yield field_errors.required("spec.externalName")
    yield from _service_ports(ports)
    yield from label_map(spec.get("selector") or {}, "spec.selector")
    if spec.get("sessionAffinity") not in ("ClientIP", "None"):
        yield field_errors.not_supported(
            "spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None")
        )


def _service_ports(ports: Sequence[Part]) -> Iterator[Cause]:
    named: set[str] = set()
    numbered: set[tuple[str, int]] = set()
    for position, port in enumerate(ports):
        where = f"spec.ports[{position}]"
        name = port.get("name") or ""
        if not name and len(ports) > 1:
            yield field_errors.required(f"{where}.name")
        elif name:
            for message in names.dns_label(name):
                yield field_errors.invalid(f"{where}.name", name, message)
            if name in named:
                yield field_errors.duplicate(f"{where}.name", name)
            named.add(name)
        number = port.get("port") or 0
        for message in names.port(number):
            yield field_errors.invalid(f"{where}.port", number, message)
        protocol = port.get("protocol") or ""
        if protocol not in _PROTOCOLS:
            yield field_errors.not_supported(f"{where}.protocol", protocol, _PROTOCOLS)
        target = port.get("targetPort")
        problems = names.port(target) if isinstance(target, int) else names.port_name(target or "")
        for message in problems:
            yield field_errors.invalid(f"{where}.targetPort", target, message)
    for position, port in enumerate(ports):
        key = (port.get("protocol") or "", port.get("port") or 0)
        if key in numbered:
            yield field_errors.duplicate(
                f"spec.ports[{position}]", {"protocol": key[0], "port": key[1]}
            )
        numbered.add(key)


def service_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse a change of a Service's addresses."""
    after, before = _spec(new), _spec(old)
    if "ExternalName" in (after.get("type"), before.get("type")):
        return
    was, now = before.get("clusterIP"), after.get("clusterIP")
    if was and now != was:
        now_all = after.get("clusterIPs")
        if not now:
            yield field_errors.invalid(
                "spec.clusterIPs[0]", now_all, "primary clusterIP can not be unset"
            )
        else:
            yield field_errors.invalid("spec.clusterIPs[0]", [now], "may not change once set")


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


def ingress(content: Part) -> Iterator[Cause]:
    """Check an Ingress."""
    spec = _spec(content)
    rules = spec.get("rules") or ()
    if not rules and not spec.get("defaultBackend"):
        yield field_errors.invalid(
            "spec", [], "either `defaultBackend` or `rules` must be specified"
        )
    for position, rule in enumerate(rules):
        where = f"spec.rules[{position}]"
        http = rule.get("http")
        if http is None:
            continue
        for number, path in enumerate(http.get("paths") or ()):
            yield from _ingress_path(path, f"{where}.http.paths[{number}]")


def _ingress_path(path: Part, where: str) -> Iterator[Cause]:
    kind = path.get("pathType")
    if kind is None:
        yield field_errors.required(f"{where}.pathType", "pathType must be specified")
    elif kind not in _PATH_TYPES:
        yield field_errors.not_supported(f"{where}.pathType", kind, _PATH_TYPES)
    elif kind != "ImplementationSpecific" and not (path.get("path") or "").startswith("/"):
        yield field_errors.invalid(
            f"{where}.path", path.get("path") or "", "must be an absolute path"
        )
    backend = path.get("backend") or {}
    target = backend.get("service")
    if target is None and backend.get("resource") is None:
        yield field_errors.required(f"{where}.backend", "port name or number is required")
    elif target is not None:
        if not target.get("name"):
            yield field_errors.required(f"{where}.backend.service.name")
        if not target.get("port"):
            yield field_errors.required(f"{where}.backend", "port name or number is required")


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


def network_policy(content: Part) -> Iterator[Cause]:
    """Check a NetworkPolicy."""
    yield from selector(_spec(content).get("podSelector"), "spec.podSelector")


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


def ingress_class_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse another controller."""
    if _spec(new).get("controller") != _spec(old).get("controller"):
        yield field_errors.immutable("spec.controller", _spec(new).get("controller"))
