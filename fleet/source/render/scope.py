"""Which kinds live in a namespace, as far as that is known without a cluster.

Only the API server knows about custom resources whose definition is elsewhere: those are neither.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusters.model import GroupKind
from fleet.source.render.files import Json

DEFAULT_NAMESPACE = "default"

_BUILTIN_GROUPS = frozenset(
    (
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    )
)

_CLUSTER_SCOPED = frozenset(
    GroupKind(group, kind)
    for group, kinds in {
        "": "Namespace Node PersistentVolume ComponentStatus",
        "admissionregistration.k8s.io": (
            "MutatingWebhookConfiguration ValidatingWebhookConfiguration "
            "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
            "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding"
        ),
        "apiextensions.k8s.io": "CustomResourceDefinition",
        "apiregistration.k8s.io": "APIService",
        "authentication.k8s.io": "TokenReview SelfSubjectReview",
        "authorization.k8s.io": (
            "SubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview"
        ),
        "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
        "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
        "internal.apiserver.k8s.io": "StorageVersion",
        "networking.k8s.io": "IngressClass IPAddress ServiceCIDR",
        "node.k8s.io": "RuntimeClass",
        "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
        "resource.k8s.io": "DeviceClass ResourceSlice DeviceTaintRule",
        "scheduling.k8s.io": "PriorityClass",
        "storage.k8s.io": "StorageClass CSIDriver CSINode VolumeAttachment VolumeAttributesClass",
        "storagemigration.k8s.io": "StorageVersionMigration",
    }.items()
    for kind in kinds.split()
)


def is_namespaced(kind: GroupKind, defined: Mapping[GroupKind, bool]) -> bool | None:
    """Whether objects of `kind` live in a namespace; None: only the cluster knows.

    `defined` is what custom resource definitions say (`definition_of`).
    """
    if kind in defined:
        return defined[kind]
    if kind.group in _BUILTIN_GROUPS:
        return kind not in _CLUSTER_SCOPED
    return None


def definition_of(content: Mapping[str, Json]) -> tuple[GroupKind, bool] | None:
    """Read from a CustomResourceDefinition which kind it defines, and whether it is namespaced."""
    match content:
        case {
            "kind": "CustomResourceDefinition",
            "spec": {
                "group": str(group),
                "names": {"kind": str(kind)},
                "scope": "Namespaced" | "Cluster" as scope,
            },
        }:
            return GroupKind(group, kind), scope == "Namespaced"
        case _:
            return None
