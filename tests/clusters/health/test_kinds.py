"""Health of every kind that has a rule, with what users asked kstatus to fix."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.health.kinds import health_of, needs_body
from clusters.model import GroupKind, Health

H, P, D, S, U = (
    Health.HEALTHY,
    Health.PROGRESSING,
    Health.DEGRADED,
    Health.SUSPENDED,
    Health.UNKNOWN,
)
Body = dict[str, Any]
DEPLOYMENT = GroupKind("apps", "Deployment")
STATEFUL_SET = GroupKind("apps", "StatefulSet")
DAEMON_SET = GroupKind("apps", "DaemonSet")
REPLICA_SET = GroupKind("apps", "ReplicaSet")
JOB = GroupKind("batch", "Job")
CRON_JOB = GroupKind("batch", "CronJob")
POD = GroupKind("", "Pod")
CLAIM = GroupKind("", "PersistentVolumeClaim")
SERVICE = GroupKind("", "Service")
NAMESPACE = GroupKind("", "Namespace")
CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")
API_SERVICE = GroupKind("apiregistration.k8s.io", "APIService")
AUTOSCALER = GroupKind("autoscaling", "HorizontalPodAutoscaler")
INGRESS = GroupKind("networking.k8s.io", "Ingress")
CONTROLLER = GroupKind("", "ReplicationController")
BUDGET = GroupKind("policy", "PodDisruptionBudget")
CUSTOM = GroupKind("example.com", "Widget")


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Body:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def conditions(*items: Body) -> Body:
    return {"conditions": list(items)}


def judged(kind: GroupKind, spec: Body, status: Body, **metadata: Any) -> tuple[Health, str]:
    body = {"metadata": {"generation": 2, **metadata}, "spec": spec, "status": status}
    result = health_of(kind, body)
    return result.health, result.message


def check(kind: GroupKind, spec: Body, status: Body, health: Health, message: str) -> None:
    found, words = judged(kind, spec, status)
    assert found is health
    assert message in words
    assert bool(words) is (health is not H), "an ill object says why, a healthy one is silent"


def rolled_out(**changes: int) -> Body:
    counts = {
        "observedGeneration": 2,
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
    }
    return {**counts, **changes}


AVAILABLE = conditions(condition("Available", "True"))


@pytest.mark.parametrize(
    ("spec", "status", "health", "message"),
    [
        pytest.param({"replicas": 3}, rolled_out() | AVAILABLE, H, "", id="complete"),
        pytest.param({"replicas": 3}, rolled_out(), P, "whether it is available", id="mute"),
        pytest.param(
            {"replicas": 3},
            rolled_out(replicas=5, updatedReplicas=5, readyReplicas=5, availableReplicas=5)
            | AVAILABLE,
            P,
            "2 replicas too many",
            id="scaled down, not gone yet",
        ),
        pytest.param({"replicas": 3}, {}, P, "not seen it yet", id="no status at all"),
        pytest.param({"replicas": 0}, {}, P, "not seen it yet", id="no status, none wanted"),
        pytest.param(
            {"replicas": 0}, {"observedGeneration": 2} | AVAILABLE, H, "", id="scaled to nothing"
        ),
        pytest.param(
            {},
            rolled_out(replicas=1, updatedReplicas=1, readyReplicas=1) | AVAILABLE,
            H,
            "",
            id="one is usual",
        ),
        pytest.param(
            {"replicas": 3}, rolled_out(observedGeneration=1), P, "newest version", id="old news"
        ),
        pytest.param(
            {"replicas": 3}, rolled_out(updatedReplicas=1), P, "1 of 3 replicas updated", id="half"
        ),
        pytest.param({"replicas": 3}, rolled_out(replicas=5), P, "2 old replicas", id="old remain"),
        pytest.param(
            {"replicas": 3}, rolled_out(readyReplicas=2), P, "2 of 3 replicas ready", id="unready"
        ),
        pytest.param(
            {"replicas": 3},
            rolled_out(availableReplicas=1),
            P,
            "1 of 3 replicas ready",
            id="ready, but not for long enough",
        ),
        pytest.param(
            {"replicas": 3},
            rolled_out() | conditions(condition("Available", "False", "MinimumReplicas")),
            P,
            "MinimumReplicas",
            id="says itself that it is not available",
        ),
        pytest.param(
            {"replicas": 3},
            rolled_out(readyReplicas=0)
            | conditions(
                condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")
            ),
            D,
            "ProgressDeadlineExceeded: timed out",
            id="deadline exceeded",
        ),
        pytest.param(
            {"replicas": 3},
            rolled_out(readyReplicas=0)
            | conditions(condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")),
            D,
            "exceeded quota",
            id="pods are refused",
        ),
        pytest.param(
            {"replicas": 3, "paused": True}, rolled_out(updatedReplicas=0), S, "paused", id="paused"
        ),
    ],
)
def test_deployment(spec: Body, status: Body, health: Health, message: str) -> None:
    check(DEPLOYMENT, spec, status, health, message)


STATEFUL = {**rolled_out(), "currentRevision": "b", "updateRevision": "b"}


@pytest.mark.parametrize(
    ("spec", "status", "health", "message"),
    [
        pytest.param({"replicas": 3}, STATEFUL, H, "", id="complete"),
        pytest.param({"replicas": 3}, {}, P, "not seen it yet", id="no status"),
        pytest.param({"replicas": 3}, STATEFUL | {"readyReplicas": 1}, P, "1 of 3", id="unready"),
        pytest.param({"replicas": 2}, STATEFUL, P, "1 replicas too many", id="shrinking"),
        pytest.param(
            {"replicas": 3},
            STATEFUL | {"updatedReplicas": 1, "currentRevision": "a"},
            P,
            "1 of 3 replicas updated",
            id="rolling",
        ),
        pytest.param(
            {"replicas": 3, "updateStrategy": {"type": "OnDelete"}},
            STATEFUL | {"updatedReplicas": 0, "currentRevision": "a"},
            H,
            "",
            id="OnDelete is not waited for",
        ),
        pytest.param(
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
            STATEFUL | {"updatedReplicas": 1, "currentRevision": "a"},
            H,
            "",
            id="a partition is complete at its border",
        ),
        pytest.param(
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            STATEFUL | {"updatedReplicas": 1, "currentRevision": "a"},
            P,
            "1 of 2 replicas updated",
            id="a partition on its way",
        ),
        pytest.param(
            {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 9}}},
            STATEFUL | {"updatedReplicas": 0, "currentRevision": "a"},
            H,
            "",
            id="a partition beyond all replicas",
        ),
    ],
)
def test_stateful_set(spec: Body, status: Body, health: Health, message: str) -> None:
    check(STATEFUL_SET, spec, status, health, message)


SCHEDULED = {
    "observedGeneration": 2,
    "desiredNumberScheduled": 4,
    "currentNumberScheduled": 4,
    "updatedNumberScheduled": 4,
    "numberAvailable": 4,
    "numberReady": 4,
}


@pytest.mark.parametrize(
    ("spec", "status", "health", "message"),
    [
        pytest.param({}, SCHEDULED, H, "", id="complete"),
        pytest.param({}, {"desiredNumberScheduled": 0}, P, "not seen it yet", id="not observed"),
        pytest.param({}, {"observedGeneration": 2}, P, "not scheduled yet", id="not counted"),
        pytest.param(
            {},
            {"observedGeneration": 2, "desiredNumberScheduled": 0},
            H,
            "",
            id="no node wants it",
        ),
        pytest.param(
            {}, SCHEDULED | {"currentNumberScheduled": 3}, P, "3 of 4 pods scheduled", id="placing"
        ),
        pytest.param(
            {}, SCHEDULED | {"numberAvailable": 2}, P, "2 of 4 pods available", id="unavailable"
        ),
        pytest.param(
            {}, SCHEDULED | {"updatedNumberScheduled": 1}, P, "1 of 4 pods updated", id="rolling"
        ),
        pytest.param({}, SCHEDULED | {"numberReady": 0}, P, "0 of 4 pods ready", id="unready"),
        pytest.param(
            {"updateStrategy": {"type": "OnDelete"}},
            SCHEDULED | {"updatedNumberScheduled": 0},
            H,
            "",
            id="OnDelete is not waited for",
        ),
    ],
)
def test_daemon_set(spec: Body, status: Body, health: Health, message: str) -> None:
    check(DAEMON_SET, spec, status, health, message)


@pytest.mark.parametrize(
    ("kind", "spec", "status", "health", "message"),
    [
        (REPLICA_SET, {"replicas": 3}, rolled_out(), H, ""),
        (REPLICA_SET, {"replicas": 3}, rolled_out(readyReplicas=2), P, "2 of 3"),
        (REPLICA_SET, {"replicas": 2}, rolled_out(), P, "3"),
        (
            REPLICA_SET,
            {"replicas": 3},
            rolled_out() | conditions(condition("ReplicaFailure", "True", "FailedCreate")),
            D,
            "FailedCreate",
        ),
        (JOB, {}, {}, P, "0 of 1 completed"),
        (JOB, {"completions": 3}, {"active": 1, "succeeded": 2}, P, "2 of 3 completed"),
        (JOB, {}, conditions(condition("Complete", "True")), H, ""),
        (
            JOB,
            {},
            conditions(condition("Failed", "True", "BackoffLimitExceeded", "too many failures")),
            D,
            "BackoffLimitExceeded: too many failures",
        ),
        (JOB, {}, conditions(condition("Failed", "False", "WasOnceFailed")), P, "0 of 1"),
        (JOB, {"suspend": True}, conditions(condition("Suspended", "True")), S, "suspended"),
        (CRON_JOB, {}, {}, H, ""),
        (CRON_JOB, {"suspend": True}, {}, S, "suspended"),
        (CLAIM, {}, {"phase": "Bound"}, H, ""),
        (CLAIM, {}, {"phase": "Pending"}, P, "no volume bound"),
        (CLAIM, {}, {"phase": "Lost"}, D, "lost"),
        (SERVICE, {"type": "ClusterIP"}, {}, H, ""),
        (SERVICE, {}, {}, H, ""),
        (SERVICE, {"type": "LoadBalancer"}, {"loadBalancer": {}}, P, "no load balancer address"),
        (
            SERVICE,
            {"type": "LoadBalancer"},
            {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
            H,
            "",
        ),
        (CRD, {}, {}, P, "not established"),
        (CRD, {}, conditions(condition("Established", "True")), H, ""),
        (
            CRD,
            {},
            conditions(condition("NamesAccepted", "False", "MultipleNames", "taken")),
            D,
            "taken",
        ),
        (NAMESPACE, {}, {"phase": "Active"}, H, ""),
        (NAMESPACE, {}, {}, P, "not active"),
        (API_SERVICE, {}, {}, P, "not checked"),
        (
            API_SERVICE,
            {},
            conditions(condition("Available", "False", "MissingEndpoints")),
            P,
            "MissingEndpoints",
        ),
        (API_SERVICE, {}, conditions(condition("Available", "True")), H, ""),
        (AUTOSCALER, {}, {}, P, "has not looked at its target yet"),
        (AUTOSCALER, {}, conditions(condition("AbleToScale", "True")), H, ""),
        (AUTOSCALER, {}, conditions(condition("ScalingLimited", "True")), H, ""),
        (INGRESS, {}, {}, P, "no address yet"),
        (INGRESS, {}, {"loadBalancer": {}}, P, "no address yet"),
        (INGRESS, {}, {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}, H, ""),
        (CONTROLLER, {"replicas": 2}, {"readyReplicas": 1}, P, "0 of 2 replicas ready"),
        (
            CRD,
            {},
            conditions(condition("Established", "False", "Installing")),
            P,
            "not established",
        ),
        (CRD, {}, conditions(condition("Established", "False", "NotAccepted", "no")), D, "no"),
        (
            AUTOSCALER,
            {},
            conditions(condition("AbleToScale", "False", "FailedGetScale", "no such target")),
            D,
            "no such target",
        ),
        (
            AUTOSCALER,
            {},
            conditions(condition("ScalingActive", "False", "FailedGetResourceMetric")),
            D,
            "FailedGetResourceMetric",
        ),
        (
            AUTOSCALER,
            {},
            conditions(
                condition("AbleToScale", "True"),
                condition("ScalingActive", "False", "ScalingDisabled"),
            ),
            H,
            "",
        ),
        (BUDGET, {}, {}, H, ""),
        (
            BUDGET,
            {},
            conditions(condition("DisruptionAllowed", "False", "SyncFailed", "two owners")),
            D,
            "two owners",
        ),
        (
            BUDGET,
            {},
            conditions(condition("DisruptionAllowed", "False", "InsufficientPods")),
            H,
            "",
        ),
        (CUSTOM, {}, {}, H, ""),
        (CUSTOM, {}, conditions(condition("Ready", "True")), H, ""),
        (CUSTOM, {}, conditions(condition("Ready", "False", "Pulling", "slow")), P, "Pulling"),
        (CUSTOM, {}, conditions(condition("Ready", "Unknown", "Pulling")), P, "Pulling"),
        (CUSTOM, {}, conditions(condition("Available", "False", "NoPods")), P, "NoPods"),
        (CUSTOM, {}, conditions(condition("Ready", "False")), P, "Ready is False"),
        (CUSTOM, {}, conditions(condition("Stalled", "True", "BadSpec", "no url")), D, "no url"),
        (
            CUSTOM,
            {},
            conditions(condition("Ready", "True"), condition("Reconciling", "True", "New")),
            P,
            "New",
        ),
    ],
)
def test_other_kinds(
    kind: GroupKind, spec: Body, status: Body, health: Health, message: str
) -> None:
    check(kind, spec, status, health, message)


def waiting(reason: str) -> Body:
    return {"name": "web", "state": {"waiting": {"reason": reason, "message": "why"}}}


@pytest.mark.parametrize(
    ("status", "health", "message"),
    [
        pytest.param({}, P, "phase not set yet", id="new"),
        pytest.param({"phase": "Succeeded"}, H, "", id="succeeded"),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "low on memory"},
            D,
            "Evicted: low on memory",
            id="failed is not current",
        ),
        pytest.param({"phase": "Failed"}, D, "failed", id="failed without a word"),
        pytest.param(
            {"phase": "Running"} | conditions(condition("Ready", "True")), H, "", id="running"
        ),
        pytest.param(
            {"phase": "Running"} | conditions(condition("Ready", "False")),
            P,
            "phase Running",
            id="running, not ready",
        ),
        pytest.param(
            {"phase": "Running", "containerStatuses": [waiting("CrashLoopBackOff")]},
            D,
            "container web: CrashLoopBackOff: why",
            id="crash loop",
        ),
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [
                    waiting("CrashLoopBackOff")
                    | {"lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}
                ],
            },
            D,
            "container web: CrashLoopBackOff: why (last: OOMKilled, exit code 137)",
            id="crash loop, and why",
        ),
        pytest.param(
            {"phase": "Pending", "initContainerStatuses": [waiting("ImagePullBackOff")]},
            D,
            "container web: image pull failed: why",
            id="image of an init container",
        ),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]},
            P,
            "phase Pending",
            id="being created",
        ),
        pytest.param(
            {"phase": "Pending"}
            | conditions(condition("PodScheduled", "False", "Unschedulable", "no node fits")),
            P,
            "cannot be scheduled: Unschedulable: no node fits",
            id="no node",
        ),
    ],
)
def test_pod(status: Body, health: Health, message: str) -> None:
    check(POD, {}, status, health, message)


@pytest.mark.parametrize("kind", [DEPLOYMENT, JOB, CUSTOM, SERVICE], ids=str)
def test_what_is_being_deleted_is_not_healthy(kind: GroupKind) -> None:
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/hold"]}
    health, message = judged(kind, {}, rolled_out(), **gone)
    assert health is P
    assert message == "being deleted since 2026-01-01 00:00:00 UTC, waits for example.com/hold"


@pytest.mark.parametrize(
    "status",
    [
        "words",
        ["list"],
        {"conditions": "words", "observedGeneration": 2, "updatedReplicas": "many"},
        {"observedGeneration": 2, "readyReplicas": [1]},
    ],
)
def test_a_status_of_another_shape_is_unknown_never_healthy(status: Any) -> None:
    health, message = judged(DEPLOYMENT, {"replicas": 3}, status)
    assert health is not H
    assert message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
PARTS = ("phase", "conditions", "replicas", "readyReplicas", "loadBalancer", "containerStatuses")
statuses = st.dictionaries(st.sampled_from(PARTS), json_values) | json_values
ALL = (
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    REPLICA_SET,
    JOB,
    CRON_JOB,
    POD,
    CLAIM,
    SERVICE,
    NAMESPACE,
    CRD,
    API_SERVICE,
    AUTOSCALER,
    BUDGET,
    CUSTOM,
)


@given(st.sampled_from(ALL), json_values, statuses, json_values)
def test_whatever_a_cluster_says_there_is_an_answer(
    kind: GroupKind, spec: Any, status: Any, metadata: Any
) -> None:
    result = health_of(kind, {"metadata": metadata, "spec": spec, "status": status})
    assert result.health in Health
    assert result.health is H or result.message


def test_secrets_are_watched_without_their_values() -> None:
    """Drift tools showed real Secret values (CVE-2026-42880): what is not read cannot leak."""
    assert not needs_body(GroupKind("", "Secret"))
    assert not needs_body(GroupKind("", "ConfigMap"))
    assert needs_body(DEPLOYMENT)
    assert needs_body(CUSTOM)
