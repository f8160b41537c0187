"""What the server fills in where a built-in kind leaves a choice open.

One function per kind, after the `SetDefaults_*` functions of k8s.io/kubernetes pkg/apis; those of
workloads are in `defaults_workloads` and `defaults_pod`, cluster-wide ones in `defaults_cluster`.
They work in place on the fresh tree that `conversion.typed_form` made, never on what a client sent
or the store holds.  Custom kinds: see `structural`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from clusters.embedded import defaults_cluster as cluster
from clusters.embedded import defaults_pod, structural
from clusters.embedded import defaults_workloads as workloads
from clusters.embedded.conversion import Decoded, typed_form
from clusters.embedded.schema import Schema
from clusters.embedded.tree import Tree, fill, items, part, spec_of

GroupKind = tuple[str, str]

_RBAC: Final = "rbac.authorization.k8s.io"


def stored_form(body: Mapping[str, Any], schema: Schema, *, group: str, kind: str) -> Decoded:
    """Bring an object to the form in which it is stored.

    Types are checked, unknown fields set aside, quantities canonical, defaults filled in; custom
    kinds are pruned and defaulted by their own schema.

    Raises:
        conversion.Undecodable: a value is of the wrong type.
    """
    if not schema.definition:
        return structural.stored_form(body, schema)
    decoded = typed_form(body, schema)
    set_defaults(decoded.content, group=group, kind=kind)
    return decoded


def set_defaults(content: Tree, *, group: str, kind: str) -> None:
    """Fill in defaults, in place."""
    fill_in = _BY_KIND.get((group, kind))
    if fill_in is not None:
        fill_in(content)


def _pod(content: Tree) -> None:
    defaults_pod.pod(content)


def _pod_template(content: Tree) -> None:
    defaults_pod.template(part(content, "template"))


def _service(content: Tree) -> None:
    spec = spec_of(content)
    fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = part(part(spec, "sessionAffinityConfig"), "clientIP")
        fill(config, timeoutSeconds=10800)
    for port in items(spec, "ports"):
        fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        fill(spec, allocateLoadBalancerNodePorts=True)


def _endpoints(content: Tree) -> None:
    for subset in items(content, "subsets"):
        for port in items(subset, "ports"):
            fill(port, protocol="TCP")


def _endpoint_slice(content: Tree) -> None:
    for port in items(content, "ports"):
        fill(port, name="", protocol="TCP")


def _secret(content: Tree) -> None:
    fill(content, type="Opaque")


def _volume(content: Tree) -> None:
    spec = spec_of(content)
    fill(spec, persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
    fill(part(content, "status"), phase="Pending")
    defaults_pod.volume_source(spec)


def _autoscaler(content: Tree) -> None:
    spec = spec_of(content)
    fill(spec, minReplicas=1)
    if content.get("apiVersion") == "autoscaling/v1":
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    up, down = part(behavior, "scaleUp"), part(behavior, "scaleDown")
    fill(
        up,
        stabilizationWindowSeconds=0,
        selectPolicy="Max",
        policies=[_policy("Pods", 4), _policy("Percent", 100)],
    )
    fill(down, selectPolicy="Max", policies=[_policy("Percent", 100)])


def _policy(kind: str, value: int) -> Tree:
    return {"type": kind, "value": value, "periodSeconds": 15}


def _network_policy(content: Tree) -> None:
    spec = spec_of(content)
    for direction in ("ingress", "egress"):
        for rule in items(spec, direction):
            for port in items(rule, "ports"):
                fill(port, protocol="TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress"] + (["Egress"] if spec.get("egress") else [])


def _ingress_class(content: Tree) -> None:
    parameters = spec_of(content).get("parameters")
    if parameters:
        fill(parameters, scope="Cluster")


def _binding(content: Tree) -> None:
    reference = part(content, "roleRef")
    if not reference.get("apiGroup"):
        reference["apiGroup"] = _RBAC
    for subject in items(content, "subjects"):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _RBAC


_BY_KIND: Final[Mapping[GroupKind, Callable[[Tree], None]]] = {
    ("", "Endpoints"): _endpoints,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): workloads.claim,
    ("", "Pod"): _pod,
    ("", "PodTemplate"): _pod_template,
    ("", "ReplicationController"): workloads.replication_controller,
    ("", "Secret"): _secret,
    ("", "Service"): _service,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): cluster.webhooks,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): cluster.admission_policy,
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ): cluster.admission_policy_binding,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): cluster.webhooks,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): cluster.definition,
    ("apiregistration.k8s.io", "APIService"): cluster.api_service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): workloads.cron_job,
    ("batch", "Job"): workloads.job,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): cluster.flow_schema,
    ("networking.k8s.io", "IngressClass"): _ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    (_RBAC, "ClusterRoleBinding"): _binding,
    (_RBAC, "RoleBinding"): _binding,
    ("scheduling.k8s.io", "PriorityClass"): cluster.priority_class,
    ("storage.k8s.io", "CSIDriver"): cluster.csi_driver,
    ("storage.k8s.io", "StorageClass"): cluster.storage_class,
}
