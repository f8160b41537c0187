"""What the published OpenAPI definitions leave out of the Go types.

The definitions of the `kubernetes-validate` package carry neither default values nor which
fields a typed server writes although nobody set them (struct values, in Go terms).  Only what
merging, tracking and serialising need is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_CORE = "io.k8s.api.core.v1."
_APPS = "io.k8s.api.apps.v1."
_BATCH = "io.k8s.api.batch.v1."
_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

FIELD_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    _CORE + "ContainerPort": {"protocol": "TCP"},
    _CORE + "ServicePort": {"protocol": "TCP"},
    _CORE + "LocalObjectReference": {"name": ""},
}
"""Defaults of fields that are keys of list items: they name an item that omits them."""

_POD_TEMPLATE: Final[Mapping[str, Any]] = {"metadata": {}, "spec": {}}
_WORKLOAD: Final[Mapping[str, Any]] = {"metadata": {}, "spec": {}, "status": {}}

ALWAYS_PRESENT: Final[Mapping[str, Mapping[str, Any]]] = {
    **{
        _APPS + kind: _WORKLOAD for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
    },
    **{_BATCH + kind: _WORKLOAD for kind in ("Job", "CronJob")},
    **{
        _CORE + kind: _WORKLOAD
        for kind in (
            "Pod",
            "Service",
            "Node",
            "Namespace",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "ReplicationController",
            "ResourceQuota",
        )
    },
    "io.k8s.api.policy.v1.PodDisruptionBudget": _WORKLOAD,
    "io.k8s.api.networking.v1.Ingress": _WORKLOAD,
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler": _WORKLOAD,
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": _WORKLOAD,
    "io.k8s.api.flowcontrol.v1.FlowSchema": _WORKLOAD,
    "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration": _WORKLOAD,
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService": _WORKLOAD,
    _CRD + "CustomResourceDefinition": {"metadata": {}, "spec": {}},
    "io.k8s.api.networking.v1.NetworkPolicy": {"metadata": {}, "spec": {}},
    "io.k8s.api.coordination.v1.Lease": {"metadata": {}, "spec": {}},
    _CORE + "LimitRange": {"metadata": {}, "spec": {}},
    _CORE + "PodTemplate": {"metadata": {}, "template": {}},
    _CORE + "PodTemplateSpec": _POD_TEMPLATE,
    _CORE + "Container": {"resources": {}},
    _CORE + "EphemeralContainer": {"resources": {}},
    _CORE + "PersistentVolumeClaimSpec": {"resources": {}},
    _CORE + "PersistentVolumeClaimTemplate": {"spec": {}},
    _CORE + "ServiceStatus": {"loadBalancer": {}},
    "io.k8s.api.networking.v1.IngressStatus": {"loadBalancer": {}},
    _CORE + "NodeStatus": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}},
    _APPS + "DeploymentSpec": {"template": {}, "strategy": {}},
    _APPS + "StatefulSetSpec": {"template": {}, "updateStrategy": {}},
    _APPS + "DaemonSetSpec": {"template": {}, "updateStrategy": {}},
    _APPS + "ReplicaSetSpec": {"template": {}},
    _BATCH + "JobSpec": {"template": {}},
    _BATCH + "JobTemplateSpec": {"metadata": {}, "spec": {}},
    _BATCH + "CronJobSpec": {"jobTemplate": {}},
    _CRD + "CustomResourceDefinitionSpec": {"names": {}},
    "io.k8s.api.rbac.v1.RoleBinding": {"roleRef": {}},
    "io.k8s.api.rbac.v1.ClusterRoleBinding": {"roleRef": {}},
    "io.k8s.api.autoscaling.v1.HorizontalPodAutoscalerSpec": {"scaleTargetRef": {}},
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {"scaleTargetRef": {}},
    "io.k8s.api.admissionregistration.v1.ValidatingWebhook": {"clientConfig": {}},
    "io.k8s.api.admissionregistration.v1.MutatingWebhook": {"clientConfig": {}},
}
"""Definition -> fields written even when unset, with the value then written."""

KEPT_EMPTY_STRINGS: Final = frozenset(
    {
        "storageClassName",
        "volumeAttributesClassName",
        "ingressClassName",
        "appProtocol",
        "apiGroup",
        "dataSource",
        "loadBalancerClass",
        "policyTypes",
    }
)
"""Optional strings that are pointers in Go: an empty one is not an unset one."""

OMITTED_ZERO: Final = frozenset(
    {
        "minReadySeconds",
        "hostPort",
        "nodePort",
        "healthCheckNodePort",
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
        "observedGeneration",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "updatedReplicas",
        "currentReplicas",
        "fullyLabeledReplicas",
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "active",
        "succeeded",
        "failed",
        "generation",
        "count",
    }
)
"""Optional numbers that are plain integers in Go: zero is unset."""

OMITTED_FALSE: Final = frozenset(
    {
        "hostNetwork",
        "hostPID",
        "hostIPC",
        "paused",
        "stdin",
        "stdinOnce",
        "tty",
        "readOnly",
        "publishNotReadyAddresses",
        "unschedulable",
        "globalDefault",
        "insecureSkipTLSVerify",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "uniqueItems",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "nullable",
        "deprecated",
    }
)
"""Optional flags that are plain booleans in Go: false is unset."""

STATUS_RESETS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    _APPS + "Deployment": (("spec",), ("metadata", "labels")),
    _CORE + "Pod": (
        ("spec",),
        ("metadata", "deletionTimestamp"),
        ("metadata", "ownerReferences"),
    ),
    _CRD + "CustomResourceDefinition": (("spec",), ("metadata",)),
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService": (("spec",), ("metadata",)),
}
"""Definition -> fields that a write of `status` resets, where that is more than `spec`."""
