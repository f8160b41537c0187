"""What the server fills in in workloads and the claims that they make.

After the `SetDefaults_*` functions of k8s.io/kubernetes pkg/apis/apps, batch and core.
"""

from __future__ import annotations

from clusters.embedded import defaults_pod
from clusters.embedded.tree import Tree, fill, items, part, spec_of


def _template(content: Tree) -> None:
    defaults_pod.template(part(spec_of(content), "template"))


def deployment(content: Tree) -> None:
    """Fill in a Deployment."""
    _template(content)
    spec = spec_of(content)
    fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = part(spec, "strategy")
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(part(strategy, "rollingUpdate"), maxUnavailable="25%", maxSurge="25%")


def stateful_set(content: Tree) -> None:
    """Fill in a StatefulSet."""
    _template(content)
    spec = spec_of(content)
    fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    strategy = part(spec, "updateStrategy")
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(part(strategy, "rollingUpdate"), partition=0)
    policy = part(spec, "persistentVolumeClaimRetentionPolicy")
    fill(policy, whenDeleted="Retain", whenScaled="Retain")
    for wanted in items(spec, "volumeClaimTemplates"):
        fill(wanted, apiVersion="v1", kind="PersistentVolumeClaim")
        claim(wanted)


def daemon_set(content: Tree) -> None:
    """Fill in a DaemonSet."""
    _template(content)
    spec = spec_of(content)
    fill(spec, revisionHistoryLimit=10)
    strategy = part(spec, "updateStrategy")
    fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        fill(part(strategy, "rollingUpdate"), maxUnavailable=1, maxSurge=0)


def replica_set(content: Tree) -> None:
    """Fill in a ReplicaSet."""
    _template(content)
    fill(spec_of(content), replicas=1)


def replication_controller(content: Tree) -> None:
    """Fill in a ReplicationController."""
    spec = spec_of(content)
    labels = (spec.get("template") or {}).get("metadata", {}).get("labels")
    if labels:
        fill(spec, selector=dict(labels))
        fill(part(content, "metadata"), labels=dict(labels))
    _template(content)
    fill(spec, replicas=1)


def job(content: Tree) -> None:
    """Fill in a Job."""
    _template(content)
    spec = spec_of(content)
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    fill(spec, parallelism=1, completionMode="NonIndexed", suspend=False)
    if spec.get("backoffLimitPerIndex") is None:
        fill(spec, backoffLimit=6)
    else:
        fill(spec, backoffLimit=2**31 - 1)
    replaced = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    fill(spec, podReplacementPolicy=replaced)
    labels = spec["template"].get("metadata", {}).get("labels")
    if labels:
        fill(part(content, "metadata"), labels=dict(labels))
    for rule in items(spec.get("podFailurePolicy") or {}, "rules"):
        for pattern in items(rule, "onPodConditions"):
            fill(pattern, status="True")


def cron_job(content: Tree) -> None:
    """Fill in a CronJob."""
    spec = spec_of(content)
    _template(part(spec, "jobTemplate"))
    fill(
        spec,
        concurrencyPolicy="Allow",
        suspend=False,
        successfulJobsHistoryLimit=3,
        failedJobsHistoryLimit=1,
    )


def claim(content: Tree) -> None:
    """Fill in a PersistentVolumeClaim."""
    fill(spec_of(content), volumeMode="Filesystem")
    fill(part(content, "status"), phase="Pending")
