"""How one live object is: the kstatus rules, with the fixes users asked for.

Pure.  Source: kubernetes-sigs/cli-utils `pkg/kstatus` and Argo CD's built-in checks.  Different
here, on purpose: a failed Pod is Degraded and a running Job is Progressing (kstatus: both
Current), a paused Deployment is Suspended, an update strategy of OnDelete is not waited for, a
LoadBalancer or Ingress without address is Progressing, and what cannot be read is Unknown, never
healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clusters.model import Body, GroupKind, Health


@dataclass(frozen=True, slots=True)
class HealthResult:
    """Health and, where it is not healthy, what a person needs to know."""

    health: Health
    message: str = ""


HEALTHY = HealthResult(Health.HEALTHY)
Part = Mapping[str, Any]


def _progressing(message: str) -> HealthResult:
    return HealthResult(Health.PROGRESSING, message)


def _degraded(message: str) -> HealthResult:
    return HealthResult(Health.DEGRADED, message)


def health_of(kind: GroupKind, body: Body) -> HealthResult:
    """Judge one object of `kind`.  Never raises: an object of unexpected shape is Unknown."""
    try:
        return _judge(kind, body)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        return HealthResult(Health.UNKNOWN, f"cannot read its status: {type(error).__name__}")


def being_deleted(since: str | None, finalizers: Sequence[str] | None) -> HealthResult:
    """An object on its way out: since when (RFC 3339, of the server), and what holds it."""
    started = f" since {since.replace('T', ' ').removesuffix('Z')} UTC" if since else ""
    holding = f", waits for {', '.join(finalizers)}" if finalizers else ""
    return _progressing(f"being deleted{started}{holding}")


def needs_body(kind: GroupKind) -> bool:
    """Whether health depends on more than metadata; if not, a metadata watch is enough."""
    return kind not in _METADATA_ONLY


def before_rules(body: Body) -> HealthResult | None:
    """What holds of every kind before its own rule is asked, or None."""
    metadata = body.get("metadata") or {}
    if metadata.get("deletionTimestamp"):
        return being_deleted(metadata["deletionTimestamp"], metadata.get("finalizers"))
    status = body.get("status") or {}
    observed = status.get("observedGeneration") if isinstance(status, Mapping) else None
    if observed is not None and observed != metadata.get("generation", observed):
        return _progressing("its controller has not seen the newest version yet")
    return None


def _judge(group_kind: GroupKind, body: Body) -> HealthResult:
    if early := before_rules(body):
        return early
    status: Part = body.get("status") or {}
    observed = status.get("observedGeneration")
    conditions = _conditions(status)
    for kind, health in (("Stalled", Health.DEGRADED), ("Reconciling", Health.PROGRESSING)):
        if _is(conditions, kind, "True"):
            return HealthResult(health, _words(conditions[kind]))
    if observed is None and group_kind in _OBSERVED:
        return _progressing("its controller has not seen it yet")
    rule = _RULES.get((group_kind.group, group_kind.kind))
    if rule:
        return rule(body.get("spec") or {}, status, conditions)
    return _by_ready_condition(conditions)


def _by_ready_condition(conditions: Mapping[str, Part]) -> HealthResult:
    ready = conditions.get("Ready") or conditions.get("Available")
    if ready is None or ready.get("status") == "True":
        return HEALTHY
    return _progressing(_words(ready))


def _conditions(status: Part) -> Mapping[str, Part]:
    found = status.get("conditions")
    if not isinstance(found, Sequence) or isinstance(found, str):
        return {}
    return {str(c.get("type")): c for c in found if isinstance(c, Mapping)}


def _is(conditions: Mapping[str, Part], kind: str, status: str) -> bool:
    return kind in conditions and conditions[kind].get("status") == status


def _words(condition: Part) -> str:
    reason, message = condition.get("reason") or "", condition.get("message") or ""
    if reason and message:
        return f"{reason}: {message}"
    bare = f"{condition['type']} is {condition.get('status')}" if "type" in condition else ""
    return str(message or reason or bare)


def _deployment(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    wanted = spec.get("replicas", 1)
    progressing = conditions.get("Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _degraded(_words(progressing))
    if _is(conditions, "ReplicaFailure", "True"):
        return _degraded(_words(conditions["ReplicaFailure"]))
    if spec.get("paused"):
        return HealthResult(Health.SUSPENDED, "paused")
    if behind := _rolling_out(wanted, status):
        return _progressing(behind)
    if "Available" not in conditions:
        return _progressing("its controller has not said whether it is available")
    if not _is(conditions, "Available", "True"):
        return _progressing(_words(conditions["Available"]))
    return HEALTHY


def _rolling_out(wanted: int, status: Part) -> str:
    """What the counts of a Deployment's Pods still wait for; empty: nothing."""
    total, updated = status.get("replicas", 0), status.get("updatedReplicas", 0)
    ready, available = status.get("readyReplicas", 0), status.get("availableReplicas", 0)
    if updated < wanted:
        return f"{updated} of {wanted} replicas updated"
    if total > updated:
        return f"{total - updated} old replicas still running"
    if total > wanted:
        return f"{total - wanted} replicas too many"
    if available < wanted or ready < wanted:
        return f"{min(available, ready)} of {wanted} replicas ready"
    return ""


def _stateful_set(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del conditions
    wanted = spec.get("replicas", 1)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return _progressing(f"{ready} of {wanted} replicas ready")
    if status.get("replicas", 0) > wanted:
        return _progressing(f"{status['replicas'] - wanted} replicas too many")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return HEALTHY
    partition = (strategy.get("rollingUpdate") or {}).get("partition") or 0
    if updated < wanted - partition:
        return _progressing(f"{updated} of {wanted - partition} replicas updated")
    if not partition and status.get("currentRevision") != status.get("updateRevision"):
        return _progressing(f"{updated} of {wanted} replicas updated")
    return HEALTHY


def _daemon_set(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del conditions
    wanted = status.get("desiredNumberScheduled")
    if wanted is None:
        return _progressing("not scheduled yet")
    on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    fields = [("currentNumberScheduled", "scheduled"), ("numberAvailable", "available")]
    if not on_delete:
        fields.append(("updatedNumberScheduled", "updated"))
    fields.append(("numberReady", "ready"))
    for field, word in fields:
        if status.get(field, 0) < wanted:
            return _progressing(f"{status.get(field, 0)} of {wanted} pods {word}")
    return HEALTHY


def _replica_set(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    if _is(conditions, "ReplicaFailure", "True"):
        return _degraded(_words(conditions["ReplicaFailure"]))
    wanted = spec.get("replicas", 1)
    ready = min(status.get("readyReplicas", 0), status.get("availableReplicas", 0))
    if ready < wanted or status.get("replicas", 0) > wanted:
        return _progressing(f"{ready} of {wanted} replicas ready")
    return HEALTHY


def _job(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    if _is(conditions, "Failed", "True"):
        return _degraded(_words(conditions["Failed"]))
    if _is(conditions, "Complete", "True"):
        return HEALTHY
    if spec.get("suspend"):
        return HealthResult(Health.SUSPENDED, "suspended")
    return _progressing(f"{status.get('succeeded', 0)} of {spec.get('completions', 1)} completed")


def _cron_job(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del status, conditions
    return HealthResult(Health.SUSPENDED, "suspended") if spec.get("suspend") else HEALTHY


def _pod(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec
    phase = status.get("phase")
    if phase == "Succeeded":
        return HEALTHY
    if phase == "Failed":
        return _degraded(_words(status) or "failed")
    for container in [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in _STUCK:
            words = _words(waiting)
            if waiting["reason"] in _NO_IMAGE:
                words = f"image pull failed: {waiting.get('message') or waiting['reason']}"
            return _degraded(f"container {container.get('name')}: {words}{_last_end(container)}")
    if phase == "Running" and _is(conditions, "Ready", "True"):
        return HEALTHY
    if _is(conditions, "PodScheduled", "False"):
        return _progressing(f"cannot be scheduled: {_words(conditions['PodScheduled'])}")
    return _progressing(f"phase {phase or 'not set yet'}")


def _last_end(container: Part) -> str:
    """How the last run of a container ended, which is why it does not start again."""
    ended = (container.get("lastState") or {}).get("terminated") or {}
    if not ended:
        return ""
    reason = ended.get("reason") or "ended"
    return f" (last: {reason}, exit code {ended.get('exitCode')})"


def is_unschedulable(pod: Body) -> bool:
    """Whether no node takes this Pod.  Never raises."""
    status = pod.get("status")
    conditions = _conditions(status) if isinstance(status, Mapping) else {}
    return _is(conditions, "PodScheduled", "False")


_NO_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName"})
_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)


def _claim(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, conditions
    match status.get("phase"):
        case "Bound":
            return HEALTHY
        case "Lost":
            return _degraded("its volume is lost")
        case _:
            return _progressing("no volume bound yet")


def _service(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del conditions
    if spec.get("type") != "LoadBalancer":
        return HEALTHY
    if (status.get("loadBalancer") or {}).get("ingress"):
        return HEALTHY
    return _progressing("no load balancer address yet")


def _crd(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, status
    if _is(conditions, "NamesAccepted", "False"):
        return _degraded(_words(conditions["NamesAccepted"]))
    established = conditions.get("Established") or {}
    if established.get("status") == "True":
        return HEALTHY
    if established.get("status") == "False" and established.get("reason") != "Installing":
        return _degraded(_words(established))
    return _progressing("not established yet")


def _namespace(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, conditions
    return HEALTHY if status.get("phase") == "Active" else _progressing("not active yet")


def _api_service(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, status
    available = conditions.get("Available")
    if available is None:
        return _progressing("not checked yet")
    return HEALTHY if available.get("status") == "True" else _progressing(_words(available))


def _autoscaler(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, status
    for kind, reasons in (
        ("AbleToScale", ("FailedGetScale", "FailedUpdateScale")),
        ("ScalingActive", ("FailedGet", "InvalidSelector")),
    ):
        condition = conditions.get(kind) or {}
        if condition.get("status") == "False" and str(condition.get("reason")).startswith(reasons):
            return _degraded(_words(condition))
    if _is(conditions, "AbleToScale", "True") or _is(conditions, "ScalingLimited", "True"):
        return HEALTHY
    return _progressing("its controller has not looked at its target yet")


def _ingress(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, conditions
    if (status.get("loadBalancer") or {}).get("ingress"):
        return HEALTHY
    return _progressing("no address yet")


def _disruption_budget(spec: Part, status: Part, conditions: Mapping[str, Part]) -> HealthResult:
    del spec, status
    failed = conditions.get("DisruptionAllowed") or {}
    return _degraded(_words(failed)) if failed.get("reason") == "SyncFailed" else HEALTHY


_RULES: Mapping[tuple[str, str], Callable[[Part, Part, Mapping[str, Part]], HealthResult]] = {
    ("", "Namespace"): _namespace,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "ReplicationController"): _replica_set,
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _crd,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("batch", "CronJob"): _cron_job,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
}

_OBSERVED = frozenset(
    GroupKind("apps", kind) for kind in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
)
"""Kinds whose controllers always say which generation they saw: until then nothing is known."""

_METADATA_ONLY = frozenset(
    GroupKind(group, kind)
    for group, kinds in {
        "": ("ConfigMap", "Secret", "ServiceAccount", "LimitRange", "ResourceQuota"),
        "rbac.authorization.k8s.io": ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
        "networking.k8s.io": ("NetworkPolicy", "IngressClass"),
        "scheduling.k8s.io": ("PriorityClass",),
        "storage.k8s.io": ("StorageClass",),
        "admissionregistration.k8s.io": (
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ),
    }.items()
    for kind in kinds
)
"""Kinds whose existence is their health.  Their values, Secrets' first of all, are not read."""
