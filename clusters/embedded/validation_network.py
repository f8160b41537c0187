"""Whether Services, Ingresses and network policies may be so, and may become so.

After the validation of k8s.io/kubernetes pkg/apis/core and pkg/apis/networking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clusters.embedded import field_errors, names
from clusters.embedded.status import Cause
from clusters.embedded.validation_metadata import label_map
from clusters.embedded.validation_workloads import selector

Part = Mapping[str, Any]

_SERVICE_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PATH_TYPES: Final = ("Exact", "Prefix", "ImplementationSpecific")


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


def network_policy(content: Part) -> Iterator[Cause]:
    """Check a NetworkPolicy."""
    yield from selector(_spec(content).get("podSelector"), "spec.podSelector")


def ingress_class_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse another controller."""
    if _spec(new).get("controller") != _spec(old).get("controller"):
        yield field_errors.immutable("spec.controller", _spec(new).get("controller"))
