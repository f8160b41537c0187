"""Table answers: the columns that `kubectl get` prints.

Follows k8s.io/kubernetes pkg/printers/internalversion for the kinds that people look at; every
other kind is printed by name and age, custom kinds by the columns of their definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clusters.embedded.kinds import Resource, StorageKey
from clusters.embedded.storage import Stored

Body = Mapping[str, Any]
Cell = Callable[[Body], Any]

_WIDE = 1
"""Priority of columns that only `-o wide` shows."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its head and how a cell is read."""

    name: str
    cell: Cell
    priority: int = 0
    kind: str = "string"
    format: str = ""

    @property
    def definition(self) -> Mapping[str, Any]:
        """Give the column as a Table describes it."""
        return {
            "name": self.name,
            "type": self.kind,
            "format": self.format,
            "description": "",
            "priority": self.priority,
        }


def _at(body: Any, path: str, default: Any = None) -> Any:
    for step in path.split("."):
        body = body.get(step) if isinstance(body, Mapping) else None
    return default if body is None else body


def _path(path: str, default: Any = "<none>") -> Cell:
    return lambda body: _at(body, path, default)


def _number(path: str) -> Cell:
    return lambda body: _at(body, path, 0)


def _count(path: str) -> Cell:
    return lambda body: len(_at(body, path, ()))


def age_text(since: str, now: datetime) -> str:
    """Write an age as kubectl does (duration.HumanDuration)."""
    try:
        begun = datetime.strptime(since, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "<unknown>"
    seconds = max(int((now - begun).total_seconds()), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    return f"{days}d" if days < 730 else f"{days // 365}y{days % 365}d"


def _age(body: Body) -> str:
    return age_text(_at(body, "metadata.creationTimestamp", ""), datetime.now(UTC))


_NAME = Column("Name", _path("metadata.name"), format="name")
_AGE = Column("Age", _age)


def _containers(path: str, field: str) -> Cell:
    return lambda body: ",".join(str(spec.get(field, "")) for spec in _at(body, path, ()))


def _selector(path: str) -> Cell:
    def cell(body: Body) -> str:
        held = _at(body, path, {})
        labels = held.get("matchLabels", held if "matchExpressions" not in held else {})
        return ",".join(f"{key}={value}" for key, value in sorted(labels.items())) or "<none>"

    return cell


def _template(selector: bool = True) -> tuple[Column, ...]:
    containers = "spec.template.spec.containers"
    shown = (
        Column("Containers", _containers(containers, "name"), _WIDE),
        Column("Images", _containers(containers, "image"), _WIDE),
    )
    if not selector:
        return shown
    return (*shown, Column("Selector", _selector("spec.selector"), _WIDE))


def _ratio(part: str, whole: str) -> Cell:
    return lambda body: f"{_at(body, part, 0)}/{_at(body, whole, 0)}"


def _pod_ready(body: Body) -> str:
    statuses = _at(body, "status.containerStatuses", ())
    ready = sum(bool(status.get("ready")) for status in statuses)
    return f"{ready}/{len(_at(body, 'spec.containers', ()))}"


def _pod_status(body: Body) -> str:
    if "deletionTimestamp" in body["metadata"]:
        return "Terminating"
    text = str(_at(body, "status.reason") or _at(body, "status.phase", "Unknown"))
    for status in _at(body, "status.containerStatuses", ()):
        for state in ("waiting", "terminated"):
            reason = _at(status, f"state.{state}.reason")
            if reason:
                return str(reason)
    return text


def _pod_restarts(body: Body) -> str:
    statuses = _at(body, "status.containerStatuses", ())
    return str(sum(status.get("restartCount", 0) for status in statuses))


def _service_address(body: Body) -> str:
    if _at(body, "spec.type") == "ExternalName":
        return str(_at(body, "spec.externalName", "<none>"))
    entries = _at(body, "status.loadBalancer.ingress", ())
    shown = [entry.get("ip") or entry.get("hostname", "") for entry in entries]
    shown += _at(body, "spec.externalIPs", ())
    if shown:
        return ",".join(shown)
    return "<pending>" if _at(body, "spec.type") == "LoadBalancer" else "<none>"


def _service_ports(body: Body) -> str:
    shown = []
    for port in _at(body, "spec.ports", ()):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(shown) or "<none>"


def _condition_text(kind: str) -> Cell:
    def cell(body: Body) -> str:
        for held in _at(body, "status.conditions", ()):
            if held.get("type") == kind:
                status = str(held.get("status"))
                reason = held.get("reason")
                return status if status == "True" or not reason else f"{status} ({reason})"
        return "Unknown"

    return cell


def _job_status(body: Body) -> str:
    for held in _at(body, "status.conditions", ()):
        if held.get("status") == "True" and held.get("type") in ("Complete", "Failed", "Suspended"):
            return str(held["type"])
    return "Running"


def _node_status(body: Body) -> str:
    ready = any(
        held.get("type") == "Ready" and held.get("status") == "True"
        for held in _at(body, "status.conditions", ())
    )
    text = "Ready" if ready else "NotReady"
    return f"{text},SchedulingDisabled" if _at(body, "spec.unschedulable") else text


def _role_reference(body: Body) -> str:
    return f"{_at(body, 'roleRef.kind')}/{_at(body, 'roleRef.name')}"


def _api_service(body: Body) -> str:
    service = _at(body, "spec.service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def _ingress_hosts(body: Body) -> str:
    hosts = [rule["host"] for rule in _at(body, "spec.rules", ()) if rule.get("host")]
    return ",".join(hosts) or "*"


def _autoscaler_target(body: Body) -> str:
    return f"{_at(body, 'spec.scaleTargetRef.kind')}/{_at(body, 'spec.scaleTargetRef.name')}"


def _last_seen(body: Body) -> str:
    return age_text(_at(body, "lastTimestamp", ""), datetime.now(UTC))


def _involved(body: Body) -> str:
    kind = _at(body, "involvedObject.kind", "").lower()
    return f"{kind}/{_at(body, 'involvedObject.name', '')}"


def _claim(body: Body) -> str:
    reference = _at(body, "spec.claimRef", {})
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference else ""


def _expandable(body: Body) -> str:
    return str(bool(_at(body, "allowVolumeExpansion"))).lower()


_DESIRED = Column("Desired", _number("spec.replicas"), kind="integer")
_COLUMNS: Mapping[StorageKey, tuple[Column, ...]] = {
    ("", "configmaps"): (_NAME, Column("Data", _count("data"), kind="integer"), _AGE),
    ("", "events"): (
        Column("Last Seen", _last_seen),
        Column("Type", _path("type")),
        Column("Reason", _path("reason")),
        Column("Object", _involved),
        Column("Message", _path("message")),
    ),
    ("", "namespaces"): (_NAME, Column("Status", _path("status.phase")), _AGE),
    ("", "nodes"): (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", lambda _: "<none>"),
        _AGE,
        Column("Version", _path("status.nodeInfo.kubeletVersion")),
    ),
    ("", "persistentvolumeclaims"): (
        _NAME,
        Column("Status", _path("status.phase")),
        Column("Volume", _path("spec.volumeName", "")),
        Column("Capacity", _path("status.capacity.storage", "")),
        Column("Access Modes", lambda body: ",".join(_at(body, "status.accessModes", ()))),
        Column("StorageClass", _path("spec.storageClassName", "")),
        _AGE,
    ),
    ("", "persistentvolumes"): (
        _NAME,
        Column("Capacity", _path("spec.capacity.storage", "")),
        Column("Access Modes", lambda body: ",".join(_at(body, "spec.accessModes", ()))),
        Column("Reclaim Policy", _path("spec.persistentVolumeReclaimPolicy", "")),
        Column("Status", _path("status.phase", "")),
        Column("Claim", _claim),
        Column("StorageClass", _path("spec.storageClassName", "")),
        _AGE,
    ),
    ("", "pods"): (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        _AGE,
        Column("IP", _path("status.podIP"), _WIDE),
        Column("Node", _path("spec.nodeName"), _WIDE),
        Column("Nominated Node", _path("status.nominatedNodeName"), _WIDE),
        Column("Readiness Gates", lambda _: "<none>", _WIDE),
    ),
    ("", "secrets"): (
        _NAME,
        Column("Type", _path("type")),
        Column("Data", _count("data"), kind="integer"),
        _AGE,
    ),
    ("", "serviceaccounts"): (_NAME, Column("Secrets", _count("secrets"), kind="integer"), _AGE),
    ("", "services"): (
        _NAME,
        Column("Type", _path("spec.type")),
        Column("Cluster-IP", _path("spec.clusterIP")),
        Column("External-IP", _service_address),
        Column("Port(s)", _service_ports),
        _AGE,
        Column("Selector", _selector("spec.selector"), _WIDE),
    ),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (
        _NAME,
        Column("Created At", _path("metadata.creationTimestamp"), format="date"),
    ),
    ("apiregistration.k8s.io", "apiservices"): (
        _NAME,
        Column("Service", _api_service),
        Column("Available", _condition_text("Available")),
        _AGE,
    ),
    ("apps", "daemonsets"): (
        _NAME,
        Column("Desired", _number("status.desiredNumberScheduled"), kind="integer"),
        Column("Current", _number("status.currentNumberScheduled"), kind="integer"),
        Column("Ready", _number("status.numberReady"), kind="integer"),
        Column("Up-to-date", _number("status.updatedNumberScheduled"), kind="integer"),
        Column("Available", _number("status.numberAvailable"), kind="integer"),
        Column("Node Selector", _selector("spec.template.spec.nodeSelector")),
        _AGE,
        *_template(),
    ),
    ("apps", "deployments"): (
        _NAME,
        Column("Ready", _ratio("status.readyReplicas", "spec.replicas")),
        Column("Up-to-date", _number("status.updatedReplicas"), kind="integer"),
        Column("Available", _number("status.availableReplicas"), kind="integer"),
        _AGE,
        *_template(),
    ),
    ("apps", "replicasets"): (
        _NAME,
        _DESIRED,
        Column("Current", _number("status.replicas"), kind="integer"),
        Column("Ready", _number("status.readyReplicas"), kind="integer"),
        _AGE,
        *_template(),
    ),
    ("apps", "statefulsets"): (
        _NAME,
        Column("Ready", _ratio("status.readyReplicas", "spec.replicas")),
        _AGE,
        *_template(selector=False),
    ),
    ("autoscaling", "horizontalpodautoscalers"): (
        _NAME,
        Column("Reference", _autoscaler_target),
        Column("MinPods", _path("spec.minReplicas", "<unset>")),
        Column("MaxPods", _number("spec.maxReplicas"), kind="integer"),
        Column("Replicas", _number("status.currentReplicas"), kind="integer"),
        _AGE,
    ),
    ("batch", "cronjobs"): (
        _NAME,
        Column("Schedule", _path("spec.schedule")),
        Column("Timezone", _path("spec.timeZone")),
        Column("Suspend", lambda body: str(_at(body, "spec.suspend", False))),
        Column("Active", _count("status.active"), kind="integer"),
        Column("Last Schedule", _path("status.lastScheduleTime")),
        _AGE,
    ),
    ("batch", "jobs"): (
        _NAME,
        Column("Status", _job_status),
        Column("Completions", _ratio("status.succeeded", "spec.completions")),
        _AGE,
        *_template(),
    ),
    ("networking.k8s.io", "ingresses"): (
        _NAME,
        Column("Class", _path("spec.ingressClassName")),
        Column("Hosts", _ingress_hosts),
        Column("Address", _service_address),
        Column("Ports", lambda body: "80, 443" if _at(body, "spec.tls") else "80"),
        _AGE,
    ),
    ("networking.k8s.io", "networkpolicies"): (
        _NAME,
        Column("Pod-Selector", _selector("spec.podSelector")),
        _AGE,
    ),
    ("policy", "poddisruptionbudgets"): (
        _NAME,
        Column("Min Available", _path("spec.minAvailable", "N/A")),
        Column("Max Unavailable", _path("spec.maxUnavailable", "N/A")),
        Column("Allowed Disruptions", _number("status.disruptionsAllowed"), kind="integer"),
        _AGE,
    ),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): (
        _NAME,
        Column("Role", _role_reference),
        _AGE,
    ),
    ("rbac.authorization.k8s.io", "clusterroles"): (
        _NAME,
        Column("Created At", _path("metadata.creationTimestamp"), format="date"),
    ),
    ("rbac.authorization.k8s.io", "rolebindings"): (_NAME, Column("Role", _role_reference), _AGE),
    ("rbac.authorization.k8s.io", "roles"): (
        _NAME,
        Column("Created At", _path("metadata.creationTimestamp"), format="date"),
    ),
    ("storage.k8s.io", "storageclasses"): (
        _NAME,
        Column("Provisioner", _path("provisioner")),
        Column("ReclaimPolicy", _path("reclaimPolicy")),
        Column("VolumeBindingMode", _path("volumeBindingMode")),
        Column("AllowVolumeExpansion", _expandable),
        _AGE,
    ),
    ("coordination.k8s.io", "leases"): (
        _NAME,
        Column("Holder", _path("spec.holderIdentity", "")),
        _AGE,
    ),
}  # fmt: skip
_PLAIN = (_NAME, _AGE)


def _custom_columns(resource: Resource) -> tuple[Column, ...]:
    own = tuple(
        Column(
            column["name"],
            _json_path(column["jsonPath"], is_date=column.get("type") == "date"),
            int(column.get("priority", 0)),
            column.get("type", "string"),
            column.get("format", ""),
        )
        for column in resource.columns
    )
    if any(column.name.lower() == "age" for column in own) or not own:
        return (_NAME, *own) if own else _PLAIN
    return (_NAME, *own)


def _json_path(path: str, *, is_date: bool) -> Cell:
    """Read the plain dotted and `[?(@.type=="X")]` paths that definitions use for columns."""
    steps = _steps(path)

    def cell(body: Body) -> Any:
        value: Any = body
        for step in steps:
            value = step(value)
        if is_date:
            return age_text(str(value or ""), datetime.now(UTC))
        return value

    return cell


def _steps(path: str) -> list[Callable[[Any], Any]]:
    steps: list[Callable[[Any], Any]] = []
    rest = path.strip().lstrip(".")
    while rest:
        if rest.startswith("["):
            inside, _, rest = rest[1:].partition("]")
            steps.append(_picker(inside))
            rest = rest.lstrip(".")
            continue
        end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
        steps.append(_field(rest[:end]))
        rest = rest[end:].lstrip(".")
    return steps


def _field(name: str) -> Callable[[Any], Any]:
    return lambda value: value.get(name) if isinstance(value, Mapping) else None


def _picker(inside: str) -> Callable[[Any], Any]:
    if inside.isdigit():
        position = int(inside)
        return lambda value: value[position] if _holds(value, position) else None
    key, _, wanted = inside.removeprefix("?(@.").removesuffix(")").partition("==")
    wanted = wanted.strip().strip("'\"")

    def pick(value: Any) -> Any:
        items = value if isinstance(value, list) else ()
        return next((item for item in items if str(_at(item, key.strip())) == wanted), None)

    return pick


def _holds(value: Any, position: int) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) > position


def columns_of(resource: Resource) -> tuple[Column, ...]:
    """Give the columns of a kind."""
    if resource.custom:
        return _custom_columns(resource)
    return _COLUMNS.get(resource.storage_key, _PLAIN)


def row(columns: Sequence[Column], stored: Stored) -> Mapping[str, Any]:
    """Print one object: its cells and its metadata."""
    body = stored.load()
    return {
        "cells": [column.cell(body) for column in columns],
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": body["metadata"],
        },
    }
