"""What the server fills in where a built-in kind leaves a choice open.

One function per kind, after the `SetDefaults_*` functions of k8s.io/kubernetes pkg/apis; those of
pods are in `defaults_pod`.  They work in place on the fresh tree that `conversion.typed_form`
made, never on what a client sent or the store holds.  Custom kinds: see `structural`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from clusters.embedded import defaults_pod, structural
from clusters.embedded.conversion import Decoded, typed_form
from clusters.embedded.schema import Schema

Tree = dict[str, Any]
"""A parsed object that nobody else holds."""

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
    fill = _BY_KIND.get((group, kind))
    if fill is not None:
        fill(content)


def _spec(content: Tree) -> Tree:
    return _part(content, "spec")


def _part(content: Tree, name: str) -> Tree:
    part = content.get(name)
    if part is None:
        part = content[name] = {}
    assert isinstance(part, dict)
    return part


def _items(content: Tree, name: str) -> list[Tree]:
    return [item for item in content.get(name) or () if isinstance(item, dict)]


def _fill(content: Tree, **defaults: Any) -> None:
    for name, value in defaults.items():
        if content.get(name) is None:
            content[name] = value


def _template(content: Tree) -> None:
    defaults_pod.template(_part(_spec(content), "template"))


def _deployment(content: Tree) -> None:
    _template(content)
    spec = _spec(content)
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = _part(spec, "strategy")
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(_part(strategy, "rollingUpdate"), maxUnavailable="25%", maxSurge="25%")


def _stateful_set(content: Tree) -> None:
    _template(content)
    spec = _spec(content)
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = _part(spec, "updateStrategy")
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(_part(strategy, "rollingUpdate"), partition=0)
    policy = _part(spec, "persistentVolumeClaimRetentionPolicy")
    _fill(policy, whenDeleted="Retain", whenScaled="Retain")
    for claim in _items(spec, "volumeClaimTemplates"):
        _fill(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        _claim(claim)


def _daemon_set(content: Tree) -> None:
    _template(content)
    spec = _spec(content)
    _fill(spec, revisionHistoryLimit=10)
    strategy = _part(spec, "updateStrategy")
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(_part(strategy, "rollingUpdate"), maxUnavailable=1, maxSurge=0)


def _replica_set(content: Tree) -> None:
    _template(content)
    _fill(_spec(content), replicas=1)


def _replication_controller(content: Tree) -> None:
    spec = _spec(content)
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if labels:
        _fill(spec, selector=dict(labels))
        _fill(_part(content, "metadata"), labels=dict(labels))
    _template(content)
    _fill(spec, replicas=1)


def _job(content: Tree) -> None:
    _template(content)
    spec = _spec(content)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _fill(spec, parallelism=1, completionMode="NonIndexed", suspend=False)
    if spec.get("backoffLimitPerIndex") is None:
        _fill(spec, backoffLimit=6)
    else:
        _fill(spec, backoffLimit=2**31 - 1)
    replaced = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    _fill(spec, podReplacementPolicy=replaced)
    labels = spec["template"].get("metadata", {}).get("labels")
    if labels:
        _fill(_part(content, "metadata"), labels=dict(labels))
    for rule in _items(spec.get("podFailurePolicy") or {}, "rules"):
        for pattern in _items(rule, "onPodConditions"):
            _fill(pattern, status="True")


def _cron_job(content: Tree) -> None:
    spec = _spec(content)
    _template(_part(spec, "jobTemplate"))
    _fill(
        spec,
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )


def _pod(content: Tree) -> None:
    defaults_pod.pod(content)


def _pod_template(content: Tree) -> None:
    defaults_pod.template(_part(content, "template"))


def _service(content: Tree) -> None:
    spec = _spec(content)
    _fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = _part(_part(spec, "sessionAffinityConfig"), "clientIP")
        _fill(config, timeoutSeconds=10800)
    for port in _items(spec, "ports"):
        _fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        _fill(spec, internalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)


def _endpoints(content: Tree) -> None:
    for subset in _items(content, "subsets"):
        for port in _items(subset, "ports"):
            _fill(port, protocol="TCP")


def _endpoint_slice(content: Tree) -> None:
    for port in _items(content, "ports"):
        _fill(port, name="", protocol="TCP")


def _secret(content: Tree) -> None:
    _fill(content, type="Opaque")


def _claim(content: Tree) -> None:
    _fill(_spec(content), volumeMode="Filesystem")
    _fill(_part(content, "status"), phase="Pending")


def _volume(content: Tree) -> None:
    spec = _spec(content)
    _fill(spec, persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")
    _fill(_part(content, "status"), phase="Pending")
    defaults_pod.volume_source(spec)


def _autoscaler(content: Tree) -> None:
    spec = _spec(content)
    _fill(spec, minReplicas=1)
    if content.get("apiVersion") == "autoscaling/v1":
        return
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    up, down = _part(behavior, "scaleUp"), _part(behavior, "scaleDown")
    _fill(
        up,
        stabilizationWindowSeconds=0,
        selectPolicy="Max",
        policies=[_policy("Pods", 4), _policy("Percent", 100)],
    )
    _fill(down, selectPolicy="Max", policies=[_policy("Percent", 100)])


def _policy(kind: str, value: int) -> Tree:
    return {"type": kind, "value": value, "periodSeconds": 15}


def _network_policy(content: Tree) -> None:
    spec = _spec(content)
    for direction in ("ingress", "egress"):
        for rule in _items(spec, direction):
            for port in _items(rule, "ports"):
                _fill(port, protocol="TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress"] + (["Egress"] if spec.get("egress") else [])


def _ingress_class(content: Tree) -> None:
    parameters = _spec(content).get("parameters")
    if parameters:
        _fill(parameters, scope="Cluster")


def _binding(content: Tree) -> None:
    reference = _part(content, "roleRef")
    if not reference.get("apiGroup"):
        reference["apiGroup"] = _RBAC
    for subject in _items(content, "subjects"):
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _RBAC


def _storage_class(content: Tree) -> None:
    _fill(content, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _csi_driver(content: Tree) -> None:
    _fill(
        _spec(content),
        attachRequired=True,
        podInfoOnMount=False,
        storageCapacity=False,
        fsGroupPolicy="ReadWriteOnceWithFSType",
        volumeLifecycleModes=["Persistent"],
        requiresRepublish=False,
        seLinuxMount=False,
    )


def _priority_class(content: Tree) -> None:
    _fill(content, preemptionPolicy="PreemptLowerPriority")


def _webhooks(content: Tree) -> None:
    mutating = content.get("kind") == "MutatingWebhookConfiguration"
    for webhook in _items(content, "webhooks"):
        _fill(
            webhook,
            failurePolicy="Fail",
            matchPolicy="Equivalent",
            namespaceSelector={},
            objectSelector={},
            timeoutSeconds=10,
        )
        if mutating:
            _fill(webhook, reinvocationPolicy="Never")
        _rules(webhook, "rules")
        _port(webhook.get("clientConfig"))


def _rules(content: Tree, name: str) -> None:
    for rule in _items(content, name):
        _fill(rule, scope="*")


def _port(config: Tree | None) -> None:
    service = (config or {}).get("service")
    if service is not None:
        _fill(service, port=443)


def _match(resources: Tree) -> None:
    _fill(resources, matchPolicy="Equivalent", namespaceSelector={}, objectSelector={})
    _rules(resources, "resourceRules")
    _rules(resources, "excludeResourceRules")


def _admission_policy(content: Tree) -> None:
    spec = _spec(content)
    _fill(spec, failurePolicy="Fail")
    if spec.get("matchConstraints") is not None:
        _match(spec["matchConstraints"])


def _admission_policy_binding(content: Tree) -> None:
    spec = _spec(content)
    if spec.get("matchResources") is not None:
        _match(spec["matchResources"])
    if spec.get("paramRef") is not None:
        _fill(spec["paramRef"], parameterNotFoundAction="Deny")


def _api_service(content: Tree) -> None:
    _port(_spec(content))


def _definition(content: Tree) -> None:
    spec = _spec(content)
    names = _part(spec, "names")
    kind = names.get("kind") or ""
    if not names.get("singular") and kind:
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = kind + "List"
    conversion = _part(spec, "conversion")
    _fill(conversion, strategy="None")
    _port((conversion.get("webhook") or {}).get("clientConfig"))


def _flow_schema(content: Tree) -> None:
    _fill(_spec(content), matchingPrecedence=1000)


_BY_KIND: Final[Mapping[GroupKind, Callable[[Tree], None]]] = {
    ("", "Endpoints"): _endpoints,
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "PodTemplate"): _pod_template,
    ("", "ReplicationController"): _replication_controller,
    ("", "Secret"): _secret,
    ("", "Service"): _service,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _webhooks,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _admission_policy,
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): _admission_policy_binding,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _webhooks,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): _cron_job,
    ("batch", "Job"): _job,
    ("discovery.k8s.io", "EndpointSlice"): _endpoint_slice,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): _flow_schema,
    ("networking.k8s.io", "IngressClass"): _ingress_class,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    (_RBAC, "ClusterRoleBinding"): _binding,
    (_RBAC, "RoleBinding"): _binding,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    ("storage.k8s.io", "CSIDriver"): _csi_driver,
    ("storage.k8s.io", "StorageClass"): _storage_class,
}
