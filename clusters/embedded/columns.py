"""The columns that `kubectl get` prints for built-in kinds.

Follows k8s.io/kubernetes pkg/printers/internalversion for the kinds that people look at; kinds
that are not here are printed by name and age.  How a table is made of columns is in `tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clusters.embedded.durations import age_text
from clusters.embedded.kinds import StorageKey

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


def value_at(body: Any, path: str, default: Any = None) -> Any:
    """Give what is at a dotted path."""
    for step in path.split("."):
        body = body.get(step) if isinstance(body, Mapping) else None
    return default if body is None else body


def _path(path: str, default: Any = "<none>") -> Cell:
    return lambda body: value_at(body, path, default)


def _number(path: str) -> Cell:
    return lambda body: value_at(body, path, 0)


def _count(path: str) -> Cell:
    return lambda body: len(value_at(body, path, ()))


def _age(body: Body) -> str:
    return age_text(value_at(body, "metadata.creationTimestamp", ""), datetime.now(UTC))


NAME = Column("Name", _path("metadata.name"), format="name")
AGE = Column("Age", _age)


def _containers(path: str, field: str) -> Cell:
    return lambda body: ",".join(str(spec.get(field, "")) for spec in value_at(body, path, ()))


def _selector(path: str) -> Cell:
    def cell(body: Body) -> str:
        held = value_at(body, path, {})
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
    return lambda body: f"{value_at(body, part, 0)}/{value_at(body, whole, 0)}"


def _pod_ready(body: Body) -> str:
    statuses = value_at(body, "status.containerStatuses", ())
    ready = sum(bool(status.get("ready")) for status in statuses)
    return f"{ready}/{len(value_at(body, 'spec.containers', ()))}"


def _pod_status(body: Body) -> str:
    if "deletionTimestamp" in body["metadata"]:
        return "Terminating"
    text = str(value_at(body, "status.reason") or value_at(body, "status.phase", "Unknown"))
    for status in value_at(body, "status.containerStatuses", ()):
        for state in ("waiting", "terminated"):
            reason = value_at(status, f"state.{state}.reason")
            if reason:
                return str(reason)
    return text


def _pod_restarts(body: Body) -> str:
    statuses = value_at(body, "status.containerStatuses", ())
    return str(sum(status.get("restartCount", 0) for status in statuses))


def _service_address(body: Body) -> str:
    if value_at(body, "spec.type") == "ExternalName":
        return str(value_at(body, "spec.externalName", "<none>"))
    entries = value_at(body, "status.loadBalancer.ingress", ())
    shown = [entry.get("ip") or entry.get("hostname", "") for entry in entries]
    shown += value_at(body, "spec.externalIPs", ())
    if shown:
        return ",".join(shown)
    return "<pending>" if value_at(body, "spec.type") == "LoadBalancer" else "<none>"


def _service_ports(body: Body) -> str:
    shown = []
    for port in value_at(body, "spec.ports", ()):
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        shown.append(f"{port['port']}{node}/{port.get('protocol', 'TCP')}")
    return ",".join(shown) or "<none>"


def _condition_text(kind: str) -> Cell:
    def cell(body: Body) -> str:
        for held in value_at(body, "status.conditions", ()):
            if held.get("type") == kind:
                status = str(held.get("status"))
                reason = held.get("reason")
                return status if status == "True" or not reason else f"{status} ({reason})"
        return "Unknown"

    return cell


def _job_status(body: Body) -> str:
    for held in value_at(body, "status.conditions", ()):
        if held.get("status") == "True" and held.get("type") in ("Complete", "Failed", "Suspended"):
            return str(held["type"])
    return "Running"


def _node_status(body: Body) -> str:
    ready = any(
        held.get("type") == "Ready" and held.get("status") == "True"
        for held in value_at(body, "status.conditions", ())
    )
    text = "Ready" if ready else "NotReady"
    return f"{text},SchedulingDisabled" if value_at(body, "spec.unschedulable") else text


def _role_reference(body: Body) -> str:
    return f"{value_at(body, 'roleRef.kind')}/{value_at(body, 'roleRef.name')}"


def _api_service(body: Body) -> str:
    service = value_at(body, "spec.service")
    if not service:
        return "Local"
    return f"{service.get('namespace', '')}/{service.get('name', '')}"


def _ingress_hosts(body: Body) -> str:
    hosts = [rule["host"] for rule in value_at(body, "spec.rules", ()) if rule.get("host")]
    return ",".join(hosts) or "*"


def _autoscaler_target(body: Body) -> str:
    return (
        f"{value_at(body, 'spec.scaleTargetRef.kind')}/{value_at(body, 'spec.scaleTargetRef.name')}"
    )


def _last_seen(body: Body) -> str:
    return age_text(value_at(body, "lastTimestamp", ""), datetime.now(UTC))


def _involved(body: Body) -> str:
    kind = value_at(body, "involvedObject.kind", "").lower()
    return f"{kind}/{value_at(body, 'involvedObject.name', '')}"


def _claim(body: Body) -> str:
    reference = value_at(body, "spec.claimRef", {})
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference else ""


def _expandable(body: Body) -> str:
    return str(bool(value_at(body, "allowVolumeExpansion"))).lower()


_DESIRED = Column("Desired", _number("spec.replicas"), kind="integer")
COLUMNS: Mapping[StorageKey, tuple[Column, ...]] = {
    ("", "configmaps"): (NAME, Column("Data", _count("data"), kind="integer"), AGE),
    ("", "events"): (
        Column("Last Seen", _last_seen),
        Column("Type", _path("type")),
        Column("Reason", _path("reason")),
        Column("Object", _involved),
        Column("Message", _path("message")),
    ),
    ("", "namespaces"): (NAME, Column("Status", _path("status.phase")), AGE),
    ("", "nodes"): (
        NAME,
        Column("Status", _node_status),
        Column("Roles", lambda _: "<none>"),
        AGE,
        Column("Version", _path("status.nodeInfo.kubeletVersion")),
    ),
    ("", "persistentvolumeclaims"): (
        NAME,
        Column("Status", _path("status.phase")),
        Column("Volume", _path("spec.volumeName", "")),
        Column("Capacity", _path("status.capacity.storage", "")),
        Column("Access Modes", lambda body: ",".join(value_at(body, "status.accessModes", ()))),
        Column("StorageClass", _path("spec.storageClassName", "")),
        AGE,
    ),
    ("", "persistentvolumes"): (
        NAME,
        Column("Capacity", _path("spec.capacity.storage", "")),
        Column("Access Modes", lambda body: ",".join(value_at(body, "spec.accessModes", ()))),
        Column("Reclaim Policy", _path("spec.persistentVolumeReclaimPolicy", "")),
        Column("Status", _path("status.phase", "")),
        Column("Claim", _claim),
        Column("StorageClass", _path("spec.storageClassName", "")),
        AGE,
    ),
    ("", "pods"): (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        Column("IP", _path("status.podIP"), _WIDE),
        Column("Node", _path("spec.nodeName"), _WIDE),
        Column("Nominated Node", _path("status.nominatedNodeName"), _WIDE),
        Column("Readiness Gates", lambda _: "<none>", _WIDE),
    ),
    ("", "secrets"): (
        NAME,
        Column("Type", _path("type")),
        Column("Data", _count("data"), kind="integer"),
        AGE,
    ),
    ("", "serviceaccounts"): (NAME, Column("Secrets", _count("secrets"), kind="integer"), AGE),
    ("", "services"): (
        NAME,
        Column("Type", _path("spec.type")),
        Column("Cluster-IP", _path("spec.clusterIP")),
        Column("External-IP", _service_address),
        Column("Port(s)", _service_ports),
        AGE,
        Column("Selector", _selector("spec.selector"), _WIDE),
    ),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (
        NAME,
        Column("Created At", _path("metadata.creationTimestamp"), format="date"),
    ),
    ("apiregistration.k8s.io", "apiservices"): (
        NAME,
        Column("Service", _api_service),
        Column("Available", _condition_text("Available")),
        AGE,
    ),
    ("apps", "daemonsets"): (
        NAME,
        Column("Desired", _number("status.desiredNumberScheduled"), kind="integer"),
        Column("Current", _number("status.currentNumberScheduled"), kind="integer"),
        Column("Ready", _number("status.numberReady"), kind="integer"),
        Column("Up-to-date", _number("status.updatedNumberScheduled"), kind="integer"),
        Column("Available", _number("status.numberAvailable"), kind="integer"),
        Column("Node Selector", _selector("spec.template.spec.nodeSelector")),
        AGE,
        *_template(),
    ),
    ("apps", "deployments"): (
        NAME,
        Column("Ready", _ratio("status.readyReplicas", "spec.replicas")),
        Column("Up-to-date", _number("status.updatedReplicas"), kind="integer"),
        Column("Available", _number("status.availableReplicas"), kind="integer"),
        AGE,
        *_template(),
    ),
    ("apps", "replicasets"): (
        NAME,
        _DESIRED,
        Column("Current", _number("status.replicas"), kind="integer"),
        Column("Ready", _number("status.readyReplicas"), kind="integer"),
        AGE,
        *_template(),
    ),
    ("apps", "statefulsets"): (
        NAME,
        Column("Ready", _ratio("status.readyReplicas", "spec.replicas")),
        AGE,
        *_template(selector=False),
    ),
    ("autoscaling", "horizontalpodautoscalers"): (
        NAME,
        Column("Reference", _autoscaler_target),
        Column("MinPods", _path("spec.minReplicas", "<unset>")),
        Column("MaxPods", _number("spec.maxReplicas"), kind="integer"),
        Column("Replicas", _number("status.currentReplicas"), kind="integer"),
        AGE,
    ),
    ("batch", "cronjobs"): (
        NAME,
        Column("Schedule", _path("spec.schedule")),
        Column("Timezone", _path("spec.timeZone")),
        Column("Suspend", lambda body: str(value_at(body, "spec.suspend", False))),
        Column("Active", _count("status.active"), kind="integer"),
        Column("Last Schedule", _path("status.lastScheduleTime")),
        AGE,
    ),
    ("batch", "jobs"): (
        NAME,
        Column("Status", _job_status),
        Column("Completions", _ratio("status.succeeded", "spec.completions")),
        AGE,
        *_template(),
    ),
    ("networking.k8s.io", "ingresses"): (
        NAME,
        Column("Class", _path("spec.ingressClassName")),
        Column("Hosts", _ingress_hosts),
        Column("Address", _service_address),
        Column("Ports", lambda body: "80, 443" if value_at(body, "spec.tls") else "80"),
        AGE,
    ),
    ("networking.k8s.io", "networkpolicies"): (
        NAME,
        Column("Pod-Selector", _selector("spec.podSelector")),
        AGE,
    ),
    ("policy", "poddisruptionbudgets"): (
        NAME,
        Column("Min Available", _path("spec.minAvailable", "N/A")),
        Column("Max Unavailable", _path("spec.maxUnavailable", "N/A")),
        Column("Allowed Disruptions", _number("status.disruptionsAllowed"), kind="integer"),
        AGE,
    ),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): (
        NAME,
        Column("Role", _role_reference),
        AGE,
    ),
    ("rbac.authorization.k8s.io", "clusterroles"): (
        NAME,
        Column("Created At", _path("metadata.creationTimestamp"), format="date"),
    ),
    ("rbac.authorization.k8s.io", "rolebindings"): (NAME, Column("Role", _role_reference), AGE),
    ("rbac.authorization.k8s.io", "roles"): (
        NAME,
        Column("Created At", _path("metadata.creationTimestamp"), format="date"),
    ),
    ("storage.k8s.io", "storageclasses"): (
        NAME,
        Column("Provisioner", _path("provisioner")),
        Column("ReclaimPolicy", _path("reclaimPolicy")),
        Column("VolumeBindingMode", _path("volumeBindingMode")),
        Column("AllowVolumeExpansion", _expandable),
        AGE,
    ),
    ("coordination.k8s.io", "leases"): (
        NAME,
        Column("Holder", _path("spec.holderIdentity", "")),
        AGE,
    ),
}  # fmt: skip
PLAIN = (NAME, AGE)
