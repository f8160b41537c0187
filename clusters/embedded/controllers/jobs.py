"""The Job controller: Pods that run to their end, until enough have, or too many failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clusters.embedded.controllers import podset
from clusters.embedded.controllers.runtime import Controller, own_key, with_condition
from clusters.embedded.controllers.writing import write_status
from clusters.embedded.deleting import DeleteOptions
from clusters.embedded.kinds import JOBS, PODS

if TYPE_CHECKING:
    from clusters.embedded.cluster import EmbeddedCluster

Body = dict[str, Any]


def reconcile(cluster: EmbeddedCluster, key: str) -> None:
    """Start the Pods that are missing, and report."""
    stored = cluster.storage.get(JOBS.storage_key, key)
    if stored is None or b'"deletionTimestamp"' in stored.raw:
        return
    job = stored.load()
    if _is_finished(job):
        _expire(cluster, key, job)
        return
    pods = [pod.load() for pod in podset.owned(cluster, job, PODS)]
    failed = sum(pod["status"].get("phase") == "Failed" for pod in pods)
    succeeded = sum(pod["status"].get("phase") == "Succeeded" for pod in pods)
    spec = job["spec"]
    limit = spec.get("backoffLimit", 6)
    completions = spec.get("completions")
    needed = completions if completions is not None else 1
    if not spec.get("suspend") and failed <= limit and succeeded < needed:
        active = sum(map(podset.is_active, pods))
        room = min(spec.get("parallelism", 1), needed - succeeded) - active
        for _ in range(max(room, 0)):
            podset.make_pod(cluster, JOBS, job, spec["template"])
    _report(cluster, key, job, succeeded, failed)


def _is_finished(job: Body) -> bool:
    return any(
        held["type"] in ("Complete", "Failed") and held["status"] == "True"
        for held in (job.get("status") or {}).get("conditions") or ()
    )


def _report(cluster: EmbeddedCluster, key: str, job: Body, succeeded: int, failed: int) -> None:
    spec, now = job["spec"], cluster.now()
    pods = [pod.load() for pod in podset.owned(cluster, job, PODS)]
    active = [pod for pod in pods if podset.is_active(pod)]
    before = job.get("status") or {}
    status: Body = {"uncountedTerminatedPods": {}, "ready": 0}
    status["ready"] = sum(podset.ready_since(pod) is not None for pod in active)
    if not spec.get("suspend"):
        status["startTime"] = before.get("startTime", now)
    counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
    conditions = list(before.get("conditions") or ())
    completions = spec.get("completions")
    if succeeded >= (completions if completions is not None else 1):
        status["completionTime"] = now
        reached = "Reached expected number of succeeded pods"
        conditions = _ended(conditions, "SuccessCriteriaMet", "CompletionsReached", reached, now)
        conditions = _ended(conditions, "Complete", "CompletionsReached", reached, now)
        counts["active"] = 0
    elif failed > spec.get("backoffLimit", 6):
        why = "Job has reached the specified backoff limit"
        conditions = _ended(conditions, "FailureTarget", "BackoffLimitExceeded", why, now)
        conditions = _ended(conditions, "Failed", "BackoffLimitExceeded", why, now)
        counts["active"] = 0
    elif spec.get("suspend"):
        conditions = _ended(conditions, "Suspended", "JobSuspended", "Job suspended", now)
    if conditions:
        status["conditions"] = conditions
    write_status(cluster, JOBS, key, status | {name: n for name, n in counts.items() if n})


def _ended(conditions: list[Body], kind: str, reason: str, message: str, now: str) -> list[Body]:
    new = {"type": kind, "status": "True", "reason": reason, "message": message}
    return with_condition(conditions, {**new, "lastProbeTime": now}, now)


def _expire(cluster: EmbeddedCluster, key: str, job: Body) -> None:
    """Delete a finished Job when its time is up."""
    life_s = job["spec"].get("ttlSecondsAfterFinished")
    if life_s is None:
        return
    ended = job["status"].get("completionTime")
    if ended is None:
        ended = max(held["lastTransitionTime"] for held in job["status"]["conditions"])
    left_s = life_s - (cluster.time() - podset.parse_time(ended)).total_seconds()
    if left_s > 0:
        cluster.runtime.wake(CONTROLLER, key, left_s + 0.1)
        return
    stored = cluster.storage.get(JOBS.storage_key, key)
    if stored is not None:
        cluster.deleter.delete(JOBS, stored, DeleteOptions(policy="Foreground"))


CONTROLLER = Controller(
    name="jobs",
    reconcile=reconcile,
    watches={JOBS.storage_key: own_key, PODS.storage_key: podset.owner_key("Job")},
)
