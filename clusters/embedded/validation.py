"""Whether an object of a built-in kind may be stored: the table of rules by kind.

Objects come in the form that `defaults.stored_form` gives them.  The causes are the real server's
in reason, wording and field; that of custom kinds is in `structural`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clusters.embedded import names, validation_crd, validation_metadata
from clusters.embedded import validation_jobs as jobs
from clusters.embedded import validation_kinds as kinds
from clusters.embedded import validation_network as network
from clusters.embedded import validation_pod as pods
from clusters.embedded import validation_workloads as workloads
from clusters.embedded.names import Check
from clusters.embedded.status import Cause

Object = Mapping[str, Any]


def _nothing(_: Object) -> Iterable[Cause]:
    return ()


def _free(_: Object, __: Object) -> Iterable[Cause]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one kind: its name, what it must be, what it may become."""

    name: Check = names.dns_subdomain
    content: Callable[[Object], Iterable[Cause]] = _nothing
    change: Callable[[Object, Object], Iterable[Cause]] = _free


def validate_create(content: Object, *, group: str, kind: str, namespaced: bool) -> list[Cause]:
    """Give everything that is wrong with a new object."""
    rules = RULES.get((group, kind), _DEFAULT)
    metadata = content.get("metadata") or {}
    return [
        *validation_metadata.created(metadata, rules.name, namespaced=namespaced),
        *rules.content(content),
    ]


def validate_update(new: Object, old: Object, *, group: str, kind: str) -> list[Cause]:
    """Give everything that is wrong with a changed object, and with the change."""
    rules = RULES.get((group, kind), _DEFAULT)
    return [
        *validation_metadata.updated(new.get("metadata") or {}, old.get("metadata") or {}),
        *rules.content(new),
        *rules.change(new, old),
    ]


def validate_metadata_update(new: Object, old: Object) -> list[Cause]:
    """Give what is wrong with a change through `status`: of metadata alone."""
    return list(validation_metadata.updated(new.get("metadata") or {}, old.get("metadata") or {}))


def _pod(content: Object) -> Iterable[Cause]:
    return pods.pod_spec(content.get("spec") or {}, "spec")


_DEFAULT: Final = Rules()
_RBAC: Final = "rbac.authorization.k8s.io"

RULES: Final[Mapping[tuple[str, str], Rules]] = {
    ("", "ConfigMap"): Rules(content=kinds.config_map, change=kinds.config_map_changed),
    ("", "Namespace"): Rules(name=names.dns_label),
    ("", "PersistentVolume"): Rules(content=kinds.volume),
    ("", "PersistentVolumeClaim"): Rules(content=kinds.claim, change=kinds.claim_changed),
    ("", "Pod"): Rules(content=_pod, change=pods.pod_changed),
    ("", "Secret"): Rules(content=kinds.secret, change=kinds.secret_changed),
    ("", "Service"): Rules(
        name=names.dns_1035_label, content=network.service, change=network.service_changed
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): Rules(
        content=validation_crd.definition, change=validation_crd.definition_changed
    ),
    ("apps", "DaemonSet"): Rules(content=workloads.daemon_set, change=workloads.selector_fixed),
    ("apps", "Deployment"): Rules(content=workloads.deployment, change=workloads.selector_fixed),
    ("apps", "ReplicaSet"): Rules(content=workloads.replica_set, change=workloads.selector_fixed),
    ("apps", "StatefulSet"): Rules(
        content=workloads.stateful_set, change=workloads.stateful_set_changed
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): Rules(content=kinds.autoscaler),
    ("batch", "CronJob"): Rules(content=jobs.cron_job),
    ("batch", "Job"): Rules(content=jobs.job, change=jobs.job_changed),
    ("networking.k8s.io", "Ingress"): Rules(content=network.ingress),
    ("networking.k8s.io", "IngressClass"): Rules(change=network.ingress_class_changed),
    ("networking.k8s.io", "NetworkPolicy"): Rules(content=network.network_policy),
    ("policy", "PodDisruptionBudget"): Rules(content=kinds.disruption_budget),
    (_RBAC, "ClusterRole"): Rules(name=names.path_segment, content=kinds.role),
    (_RBAC, "ClusterRoleBinding"): Rules(
        name=names.path_segment, content=kinds.binding, change=kinds.binding_changed
    ),
    (_RBAC, "Role"): Rules(name=names.path_segment, content=kinds.role),
    (_RBAC, "RoleBinding"): Rules(
        name=names.path_segment, content=kinds.binding, change=kinds.binding_changed
    ),
    ("scheduling.k8s.io", "PriorityClass"): Rules(change=kinds.priority_class_changed),
    ("storage.k8s.io", "StorageClass"): Rules(
        content=kinds.storage_class, change=kinds.storage_class_changed
    ),
}
