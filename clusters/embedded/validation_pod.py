"""Whether a pod, or the template of one, may be so (k8s.io/kubernetes pkg/apis/core/validation).

The rules that users of manifests meet: names, images, ports, probes, environment, volumes and
their mounts, resources.  Rules about node features and security profiles are not imitated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from clusters.embedded import field_errors, names, quantity
from clusters.embedded.status import Cause
from clusters.embedded.validation_metadata import annotation_map, label_map

Part = Mapping[str, Any]

_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_RESTART_POLICIES: Final = ("Always", "OnFailure", "Never")
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_TERMINATION_POLICIES: Final = ("File", "FallbackToLogsOnError")
_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS: Final = ("exec", "httpGet", "tcpSocket", "grpc")
_STANDARD_RESOURCES: Final = ("cpu", "memory", "ephemeral-storage", "storage")


def pod_template(template: Part, path: str) -> Iterator[Cause]:
    """Check a pod template."""
    metadata = template.get("metadata") or {}
    yield from label_map(metadata.get("labels") or {}, f"{path}.labels")
    yield from annotation_map(metadata.get("annotations") or {}, f"{path}.annotations")
    yield from pod_spec(template.get("spec") or {}, f"{path}.spec")


def pod_spec(spec: Part, path: str) -> Iterator[Cause]:
    """Check a pod spec."""
    volumes: dict[str, Part] = {}
    for position, volume in enumerate(spec.get("volumes") or ()):
        yield from _volume(volume, f"{path}.volumes[{position}]", volumes)
    containers = spec.get("containers") or ()
    if not containers:
        yield field_errors.required(f"{path}.containers")
    taken: set[str] = set()
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for position, container in enumerate(spec.get(field) or ()):
            where = f"{path}.{field}[{position}]"
            yield from _container(container, where, volumes, taken)
    yield from _choice(spec, "restartPolicy", _RESTART_POLICIES, path)
    yield from _choice(spec, "dnsPolicy", _DNS_POLICIES, path)
    for field in ("nodeName", "serviceAccountName", "priorityClassName", "runtimeClassName"):
        value = spec.get(field)
        for message in names.dns_subdomain(value) if value else ():
            yield field_errors.invalid(f"{path}.{field}", value, message)
    for field in ("hostname", "subdomain"):
        value = spec.get(field)
        for message in names.dns_label(value) if value else ():
            yield field_errors.invalid(f"{path}.{field}", value, message)
    grace = spec.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0:
        yield field_errors.invalid(
            f"{path}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0"
        )
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and deadline < 1:
        yield field_errors.invalid(
            f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"
        )
    yield from label_map(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from _tolerations(spec.get("tolerations") or (), f"{path}.tolerations")


def _choice(part: Part, field: str, choices: Sequence[str], path: str) -> Iterator[Cause]:
    value = part.get(field)
    if not value:
        yield field_errors.required(f"{path}.{field}")
    elif value not in choices:
        yield field_errors.not_supported(f"{path}.{field}", value, choices)


def _volume(volume: Part, path: str, seen: dict[str, Part]) -> Iterator[Cause]:
    name = volume.get("name") or ""
    if not name:
        yield field_errors.required(f"{path}.name")
    else:
        for message in names.dns_label(name):
            yield field_errors.invalid(f"{path}.name", name, message)
        if name in seen:
            yield field_errors.duplicate(f"{path}.name", name)
        seen[name] = volume
    sources = [key for key, value in volume.items() if key != "name" and value is not None]
    if not sources:
        yield field_errors.required(path, "must specify a volume type")
    for extra in sources[1:]:
        yield field_errors.forbidden(f"{path}.{extra}", "may not specify more than 1 volume type")
    needs = {"persistentVolumeClaim": "claimName", "hostPath": "path", "secret": "secretName"}
    for source, field in {**needs, "configMap": "name"}.items():
        content = volume.get(source)
        if content is not None and not content.get(field):
            yield field_errors.required(f"{path}.{source}.{field}")


def _container(
    container: Part, path: str, volumes: Mapping[str, Part], taken: set[str]
) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield field_errors.required(f"{path}.name")
    else:
        for message in names.dns_label(name):
            yield field_errors.invalid(f"{path}.name", name, message)
        if name in taken:
            yield field_errors.duplicate(f"{path}.name", name)
        taken.add(name)
    image = container.get("image") or ""
    if not image:
        yield field_errors.required(f"{path}.image")
    elif image != image.strip():
        yield field_errors.invalid(
            f"{path}.image", image, "must not have leading or trailing whitespace"
        )
    yield from _choice(container, "imagePullPolicy", _PULL_POLICIES, path)
    yield from _choice(container, "terminationMessagePolicy", _TERMINATION_POLICIES, path)
    yield from _ports(container.get("ports") or (), f"{path}.ports")
    yield from _environment(container.get("env") or (), f"{path}.env")
    yield from _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    yield from resources(container.get("resources") or {}, f"{path}.resources")
    for field in _PROBES:
        if container.get(field) is not None:
            yield from _probe(container[field], f"{path}.{field}", field)


def _ports(ports: Sequence[Part], path: str) -> Iterator[Cause]:
    seen: set[str] = set()
    for position, port in enumerate(ports):
        where = f"{path}[{position}]"
        name = port.get("name")
        for message in names.port_name(name) if name else ():
            yield field_errors.invalid(f"{where}.name", name, message)
        if name and name in seen:
            yield field_errors.duplicate(f"{where}.name", name)
        seen.add(name or "")
        number = port.get("containerPort")
        if not number:
            yield field_errors.required(f"{where}.containerPort")
        else:
            for message in names.port(number):
                yield field_errors.invalid(f"{where}.containerPort", number, message)
        for message in names.port(port["hostPort"]) if port.get("hostPort") else ():
            yield field_errors.invalid(f"{where}.hostPort", port["hostPort"], message)
        yield from _choice(port, "protocol", _PROTOCOLS, where)


def _environment(variables: Sequence[Part], path: str) -> Iterator[Cause]:
    for position, variable in enumerate(variables):
        where = f"{path}[{position}]"
        name = variable.get("name") or ""
        if not name:
            yield field_errors.required(f"{where}.name")
        else:
            for message in names.env_name(name):
                yield field_errors.invalid(f"{where}.name", name, message)
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            yield field_errors.invalid(
                f"{where}.valueFrom", "", "may not be specified when `value` is not empty"
            )
        if not source:
            yield field_errors.invalid(
                f"{where}.valueFrom",
                "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
                "`secretKeyRef` or `fileKeyRef`",
            )
        elif len(source) > 1:
            yield field_errors.invalid(
                f"{where}.valueFrom", "", "may not have more than one field specified at a time"
            )
        for reference in ("configMapKeyRef", "secretKeyRef"):
            if source.get(reference) is not None and not source[reference].get("key"):
                yield field_errors.required(f"{where}.valueFrom.{reference}.key")


def _mounts(mounts: Sequence[Part], path: str, volumes: Mapping[str, Part]) -> Iterator[Cause]:
    seen: set[str] = set()
    for position, mount in enumerate(mounts):
        where = f"{path}[{position}]"
        name = mount.get("name") or ""
        if not name:
            yield field_errors.required(f"{where}.name")
        if name not in volumes:
            yield field_errors.not_found(f"{where}.name", name)
        target = mount.get("mountPath") or ""
        if not target:
            yield field_errors.required(f"{where}.mountPath")
        if target in seen:
            yield field_errors.invalid(f"{where}.mountPath", target, "must be unique")
        seen.add(target)


def resources(content: Part, path: str) -> Iterator[Cause]:
    """Check requests and limits of a container or claim."""
    limits, requests = content.get("limits") or {}, content.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            where = f"{path}.{field}[{name}]"
            if "/" not in name and name not in _STANDARD_RESOURCES and "hugepages-" not in name:
                yield field_errors.invalid(
                    f"{path}.{field}[{name}]",
                    name,
                    "must be a standard resource type or fully qualified",
                )
                yield field_errors.invalid(
                    f"{path}.{field}[{name}]", name, "must be a standard resource for containers"
                )
            if quantity.parse(amount)[0] < 0:
                yield field_errors.invalid(where, amount, "must be greater than or equal to 0")
    for name, amount in requests.items():
        if name in limits and quantity.parse(amount)[0] > quantity.parse(limits[name])[0]:
            yield field_errors.invalid(
                f"{path}.requests",
                amount,
                f"must be less than or equal to {name} limit of {limits[name]}",
            )


def _probe(probe: Part, path: str, kind: str) -> Iterator[Cause]:
    handlers = [handler for handler in _HANDLERS if probe.get(handler) is not None]
    if not handlers:
        yield field_errors.required(path, "must specify a handler type")
    for extra in handlers[1:]:
        yield field_errors.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"):
        value = probe.get(field) or 0
        if value < 0:
            yield field_errors.invalid(
                f"{path}.{field}", value, "must be greater than or equal to 0"
            )
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield field_errors.invalid(
            f"{path}.successThreshold", probe.get("successThreshold"), "must be 1"
        )


def _tolerations(tolerations: Sequence[Part], path: str) -> Iterator[Cause]:
    for position, toleration in enumerate(tolerations):
        where = f"{path}[{position}]"
        operator = toleration.get("operator") or "Equal"
        if operator not in ("Equal", "Exists", "Lt", "Gt"):
            yield field_errors.not_supported(f"{where}.operator", operator, ("Equal", "Exists"))
        if not toleration.get("key") and operator != "Exists":
            yield field_errors.invalid(
                f"{where}.operator",
                operator,
                'operator must be Exists when `key` is empty, which means "match all values and '
                'all keys"',
            )
        if operator == "Exists" and toleration.get("value"):
            yield field_errors.invalid(
                f"{where}.operator",
                toleration.get("value"),
                "value must be empty when `operator` is 'Exists'",
            )


_CHANGEABLE: Final = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")


def pod_changed(new: Part, old: Part) -> Iterator[Cause]:
    """Refuse what may not change of a running pod: nearly everything but its images."""

    def fixed(spec: Part) -> dict[str, Any]:
        content = {key: value for key, value in spec.items() if key not in _CHANGEABLE}
        for field in ("containers", "initContainers"):
            content[field] = [
                {key: value for key, value in container.items() if key != "image"}
                for container in spec.get(field) or ()
            ]
        return content

    after, before = new.get("spec") or {}, old.get("spec") or {}
    kept = all(item in (after.get("tolerations") or ()) for item in before.get("tolerations") or ())
    if fixed(after) != fixed(before) or not kept:
        yield field_errors.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,"
            "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
            "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
            "be set to 1 if it was previously negative)",
        )
