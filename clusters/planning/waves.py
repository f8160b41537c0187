"""In which order kinds are applied inside one cluster, and pruned: the reverse.

The table merges the orders of Flux and Argo CD: what others refer to comes first, what intercepts
others comes last.  A wave is finished before the next begins; wave 0 and 1 must also be ready
(namespaces active, CRDs established), since the server refuses what depends on them.
"""

from __future__ import annotations

from functools import lru_cache

from clusters.model import GroupKind, ObjectRef

_WAVES: tuple[tuple[str, ...], ...] = (
    ("Namespace", "CustomResourceDefinition.apiextensions.k8s.io"),
    (
        "PriorityClass.scheduling.k8s.io",
        "RuntimeClass.node.k8s.io",
        "StorageClass.storage.k8s.io",
        "VolumeSnapshotClass.snapshot.storage.k8s.io",
        "IngressClass.networking.k8s.io",
        "GatewayClass.gateway.networking.k8s.io",
        "ClusterRole.rbac.authorization.k8s.io",
        "ResourceQuota",
        "LimitRange",
        "NetworkPolicy.networking.k8s.io",
        "ServiceAccount",
        "Role.rbac.authorization.k8s.io",
    ),
    (
        "ClusterRoleBinding.rbac.authorization.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
        "ConfigMap",
        "Secret",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Service",
    ),
    (
        "DaemonSet.apps",
        "Deployment.apps",
        "StatefulSet.apps",
        "ReplicaSet.apps",
        "ReplicationController",
        "Pod",
        "Job.batch",
        "CronJob.batch",
        "PodDisruptionBudget.policy",
        "HorizontalPodAutoscaler.autoscaling",
        "Ingress.networking.k8s.io",
        "APIService.apiregistration.k8s.io",
    ),
)
_CUSTOM_WAVE = len(_WAVES)
_LAST_WAVE = _CUSTOM_WAVE + 1
_LAST = (
    "MutatingWebhookConfiguration.admissionregistration.k8s.io",
    "ValidatingWebhookConfiguration.admissionregistration.k8s.io",
    "MutatingAdmissionPolicyBinding.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io",
)
_WAVE_OF = {kind: number for number, wave in enumerate(_WAVES) for kind in wave} | dict.fromkeys(
    _LAST, _LAST_WAVE
)

FOUNDATION_WAVE = 0
"""Objects of this wave must be ready before the next wave starts."""


@lru_cache(maxsize=4096)
def wave_of(kind: GroupKind) -> int:
    """The wave in which objects of `kind` are applied.  Unlisted kinds go before webhooks."""
    return _WAVE_OF.get(str(kind), _CUSTOM_WAVE)


def apply_order(ref: ObjectRef) -> tuple[int, ObjectRef]:
    """Sort key for applying: by wave, then a total order so that a plan is reproducible.

    To prune, sort by the same key in reverse.
    """
    return (wave_of(ref.group_kind), ref)
