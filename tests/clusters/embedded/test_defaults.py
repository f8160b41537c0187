"""What the server fills in, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded import defaults_pod
from clusters.embedded.defaults import stored_form
from clusters.embedded.schema import Schemas

TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "i:1"}]}}


def formed(api_version: str, kind: str, **content: Any) -> dict[str, Any]:
    group, _, version = api_version.rpartition("/")
    schema = Schemas().builtin(group, version, kind)
    assert schema is not None
    body = {"apiVersion": api_version, "kind": kind, **content}
    once = stored_form(body, schema, group=group, kind=kind).content
    assert stored_form(once, schema, group=group, kind=kind).content == once
    return once


def has(content: Any, wanted: Any) -> bool:
    """Say whether `content` holds all of `wanted`."""
    if isinstance(wanted, dict):
        return all(key in content and has(content[key], value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return len(content) == len(wanted) and all(map(has, content, wanted))
    return bool(content == wanted)


POD_SPEC = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "containers": [
        {
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "resources": {},
        }
    ],
}


@pytest.mark.parametrize(
    ("api_version", "kind", "content", "filled"),
    [
        (
            "apps/v1",
            "Deployment",
            {"spec": {"template": TEMPLATE}},
            {
                "spec": {
                    "replicas": 1,
                    "revisionHistoryLimit": 10,
                    "progressDeadlineSeconds": 600,
                    "strategy": {
                        "type": "RollingUpdate",
                        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
                    },
                    "template": {"spec": POD_SPEC},
                }
            },
        ),
        (
            "apps/v1",
            "Deployment",
            {"spec": {"strategy": {"type": "Recreate"}}},
            {"spec": {"strategy": {"type": "Recreate"}}},
        ),
        (
            "apps/v1",
            "StatefulSet",
            {"spec": {"volumeClaimTemplates": [{"metadata": {"name": "v"}}]}},
            {
                "spec": {
                    "podManagementPolicy": "OrderedReady",
                    "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                    "persistentVolumeClaimRetentionPolicy": {
                        "whenDeleted": "Retain",
                        "whenScaled": "Retain",
                    },
                    "volumeClaimTemplates": [
                        {
                            "kind": "PersistentVolumeClaim",
                            "apiVersion": "v1",
                            "spec": {"volumeMode": "Filesystem"},
                            "status": {"phase": "Pending"},
                        }
                    ],
                }
            },
        ),
        (
            "apps/v1",
            "DaemonSet",
            {},
            {
                "spec": {
                    "revisionHistoryLimit": 10,
                    "updateStrategy": {
                        "type": "RollingUpdate",
                        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
                    },
                }
            },
        ),
        (
            "batch/v1",
            "Job",
            {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}},
            {
                "metadata": {"labels": {"a": "b"}},
                "spec": {
                    "completions": 1,
                    "parallelism": 1,
                    "backoffLimit": 6,
                    "completionMode": "NonIndexed",
                    "suspend": False,
                    "podReplacementPolicy": "TerminatingOrFailed",
                },
            },
        ),
        (
            "batch/v1",
            "CronJob",
            {"spec": {"jobTemplate": {"spec": {"template": TEMPLATE}}}},
            {
                "spec": {
                    "concurrencyPolicy": "Allow",
                    "suspend": False,
                    "successfulJobsHistoryLimit": 3,
                    "failedJobsHistoryLimit": 1,
                    "jobTemplate": {"spec": {"template": {"spec": POD_SPEC}}},
                }
            },
        ),
        (
            "v1",
            "Service",
            {"spec": {"ports": [{"port": 80}]}},
            {
                "spec": {
                    "type": "ClusterIP",
                    "sessionAffinity": "None",
                    "internalTrafficPolicy": "Cluster",
                    "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
                }
            },
        ),
        (
            "v1",
            "Service",
            {"spec": {"type": "LoadBalancer", "sessionAffinity": "ClientIP"}},
            {
                "spec": {
                    "externalTrafficPolicy": "Cluster",
                    "allocateLoadBalancerNodePorts": True,
                    "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
                }
            },
        ),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            {"spec": {"behavior": {}}},
            {
                "spec": {
                    "minReplicas": 1,
                    "metrics": [
                        {
                            "type": "Resource",
                            "resource": {
                                "name": "cpu",
                                "target": {"type": "Utilization", "averageUtilization": 80},
                            },
                        }
                    ],
                    "behavior": {
                        "scaleDown": {
                            "selectPolicy": "Max",
                            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
                        },
                        "scaleUp": {"stabilizationWindowSeconds": 0},
                    },
                }
            },
        ),
        (
            "v1",
            "PersistentVolumeClaim",
            {"spec": {"resources": {"requests": {"storage": "1024Mi"}}}},
            {
                "spec": {
                    "volumeMode": "Filesystem",
                    "resources": {"requests": {"storage": "1Gi"}},
                },
                "status": {"phase": "Pending"},
            },
        ),
        (
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            {
                "roleRef": {"kind": "Role", "name": "r"},
                "subjects": [
                    {"kind": "User", "name": "u"},
                    {"kind": "ServiceAccount", "name": "s"},
                ],
            },
            {
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io"}, {"name": "s"}],
            },
        ),
        (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            {"spec": {"podSelector": {}, "egress": [{"ports": [{"port": 53}]}]}},
            {
                "spec": {
                    "policyTypes": ["Ingress", "Egress"],
                    "egress": [{"ports": [{"protocol": "TCP"}]}],
                }
            },
        ),
        (
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration",
            {
                "webhooks": [
                    {
                        "name": "w",
                        "clientConfig": {"service": {"name": "s", "namespace": "n"}},
                        "rules": [{"operations": ["*"]}],
                    }
                ]
            },
            {
                "webhooks": [
                    {
                        "failurePolicy": "Fail",
                        "matchPolicy": "Equivalent",
                        "timeoutSeconds": 10,
                        "reinvocationPolicy": "Never",
                        "namespaceSelector": {},
                        "objectSelector": {},
                        "clientConfig": {"service": {"port": 443}},
                        "rules": [{"scope": "*"}],
                    }
                ]
            },
        ),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            {"spec": {"names": {"kind": "Widget"}}},
            {
                "spec": {
                    "conversion": {"strategy": "None"},
                    "names": {"singular": "widget", "listKind": "WidgetList"},
                }
            },
        ),
        (
            "storage.k8s.io/v1",
            "StorageClass",
            {"provisioner": "p"},
            {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
        ),
    ],
)
def test_defaults(api_version: str, kind: str, content: Any, filled: Any) -> None:
    assert has(formed(api_version, kind, **content), filled)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.25", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:2", "IfNotPresent"),
        ("nginx@sha256:" + "0" * 64, "IfNotPresent"),
    ],
)
def test_image_pull_policy_goes_by_the_tag(image: str, policy: str) -> None:
    pod = formed("v1", "Pod", spec={"containers": [{"name": "a", "image": image}]})
    assert pod["spec"]["containers"][0]["imagePullPolicy"] == policy


def test_a_pod_gets_its_defaults_and_then_what_admission_gives_it() -> None:
    container = {
        "name": "a",
        "image": "i:1",
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
        "livenessProbe": {"httpGet": {"port": 80}},
        "ports": [{"containerPort": 80}],
        "env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    }
    volumes = [{"name": "e"}, {"name": "c", "configMap": {"name": "c"}}]
    pod = formed("v1", "Pod", spec={"containers": [container], "volumes": volumes})
    assert "tolerations" not in pod["spec"]
    defaults_pod.admitted(pod)
    assert has(
        pod["spec"],
        {
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "priority": 0,
            "enableServiceLinks": True,
            "volumes": [{"emptyDir": {}}, {"configMap": {"defaultMode": 420}}],
            "containers": [
                {
                    "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}},
                    "ports": [{"protocol": "TCP"}],
                    "livenessProbe": {
                        "timeoutSeconds": 1,
                        "periodSeconds": 10,
                        "failureThreshold": 3,
                        "httpGet": {"path": "/", "scheme": "HTTP"},
                    },
                    "env": [{"valueFrom": {"fieldRef": {"apiVersion": "v1"}}}],
                }
            ],
        },
    )
    assert {item["key"] for item in pod["spec"]["tolerations"]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }


def test_what_a_client_sent_is_not_changed() -> None:
    body = {"spec": {"template": TEMPLATE}}
    frozen = repr(body)
    formed("apps/v1", "Deployment", **body)
    assert repr(body) == frozen
