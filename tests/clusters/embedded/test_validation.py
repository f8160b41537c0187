"""What objects of built-in kinds may be and become, in the causes of the real server."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded.defaults import stored_form
from clusters.embedded.schema import Schemas
from clusters.embedded.validation import (
    RULES,
    validate_create,
    validate_metadata_update,
    validate_update,
)

LABELS = {"metadata": {"labels": {"app": "a"}}}
CONTAINER = {"name": "a", "image": "i:1"}
SELECTOR = {"matchLabels": {"app": "a"}}


def formed(api_version: str, kind: str, **content: Any) -> dict[str, Any]:
    group, _, version = api_version.rpartition("/")
    schema = Schemas().builtin(group, version, kind)
    assert schema is not None
    metadata = {
        "name": "a",
        "namespace": "n",
        "resourceVersion": "1",
        **content.pop("metadata", {}),
    }
    body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}
    return stored_form(body, schema, group=group, kind=kind).content


def group_of(content: dict[str, Any]) -> str:
    group: str = content["apiVersion"].rpartition("/")[0]
    return group


def created(content: dict[str, Any]) -> list[str]:
    named = {"group": group_of(content), "kind": content["kind"]}
    return [str(cause) for cause in validate_create(content, namespaced=True, **named)]


def changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    named = {"group": group_of(new), "kind": new["kind"]}
    return [str(cause) for cause in validate_update(new, old, **named)]


def template(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**LABELS, "spec": {"containers": list(containers or (CONTAINER,)), **spec}}


def deployment(**spec: Any) -> dict[str, Any]:
    spec = {"selector": SELECTOR, "template": template(), **spec}
    return formed("apps/v1", "Deployment", spec=spec)


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return formed("v1", "Pod", spec=template(*containers, **spec)["spec"])


def service(**spec: Any) -> dict[str, Any]:
    return formed("v1", "Service", spec={"ports": [{"port": 80}], **spec})


def job(**spec: Any) -> dict[str, Any]:
    return formed("batch/v1", "Job", spec={"template": template(restartPolicy="Never"), **spec})


def claim(**spec: Any) -> dict[str, Any]:
    requests = {"resources": {"requests": {"storage": "1Gi"}}}
    body = {"accessModes": ["ReadWriteOnce"], **requests, **spec}
    return formed("v1", "PersistentVolumeClaim", spec=body)


def config_map(**content: Any) -> dict[str, Any]:
    return formed("v1", "ConfigMap", **content)


def stateful_set(**spec: Any) -> dict[str, Any]:
    spec = {"selector": SELECTOR, "template": template(), **spec}
    return formed("apps/v1", "StatefulSet", spec=spec)


@pytest.mark.parametrize(
    "content",
    [
        deployment(),
        pod(),
        service(),
        job(),
        claim(),
        config_map(data={"a.b": "c"}),
        stateful_set(
            volumeClaimTemplates=[{"metadata": {"name": "v"}}],
            template=template({**CONTAINER, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
        ),
        formed("apps/v1", "DaemonSet", spec={"selector": SELECTOR, "template": template()}),
        formed("apps/v1", "ReplicaSet", spec={"selector": SELECTOR, "template": template()}),
        formed(
            "batch/v1",
            "CronJob",
            spec={
                "schedule": "*/5 * * * *",
                "jobTemplate": {"spec": {"template": template(restartPolicy="Never")}},
            },
        ),
        formed("v1", "Service", spec={"type": "ExternalName", "externalName": "x.example.com"}),
        formed("v1", "Secret", data={"a": "aGk="}),
        formed(
            "networking.k8s.io/v1",
            "Ingress",
            spec={
                "rules": [
                    {
                        "http": {
                            "paths": [
                                {
                                    "path": "/",
                                    "pathType": "Prefix",
                                    "backend": {"service": {"name": "s", "port": {"number": 1}}},
                                }
                            ]
                        }
                    }
                ]
            },
        ),
        formed(
            "rbac.authorization.k8s.io/v1",
            "Role",
            metadata={"name": "system:x"},
            rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
        ),
        formed(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            spec={"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}},
        ),
    ],
    ids=lambda content: str(content["kind"]),
)
def test_sound_objects_pass_and_may_stay(content: dict[str, Any]) -> None:
    assert created(content) == []
    assert changed(content, content) == []


NOT_SELECTED = (
    'spec.template.metadata.labels: Invalid value: {"app":"a"}: '
    "`selector` does not match template `labels`"
)


@pytest.mark.parametrize(
    ("content", "causes"),
    [
        (
            config_map(metadata={"name": ""}),
            ["metadata.name: Required value: name or generateName"],
        ),
        (
            config_map(metadata={"name": "A"}),
            ['metadata.name: Invalid value: "A": a lowercase RFC'],
        ),
        (
            config_map(metadata={"labels": {"a b": "c"}}),
            ['metadata.labels: Invalid value: "a b": name part must consist of'],
        ),
        (
            config_map(metadata={"labels": {"a": "c d"}}),
            ['metadata.labels: Invalid value: "c d": a valid label must be'],
        ),
        (
            config_map(metadata={"annotations": {"a": "x" * 300_000}}),
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        (
            config_map(metadata={"finalizers": ["no/such/thing"]}),
            ['metadata.finalizers: Invalid value: "no/such/thing": a qualified name'],
        ),
        (
            config_map(metadata={"ownerReferences": [{"apiVersion": "v1", "kind": "Pod"}]}),
            [
                'metadata.ownerReferences.name: Invalid value: "": must not be empty',
                'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
            ],
        ),
        (config_map(data={"a b": ""}), ['data[a b]: Invalid value: "a b": a valid config key']),
        (
            config_map(data={"a": "x"}, binaryData={"a": "aGk="}),
            ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
        ),
        (service(ports=[]), ["spec.ports: Required value"]),
        (
            service(ports=[{"port": 80}, {"port": 80, "name": "b"}]),
            [
                "spec.ports[0].name: Required value",
                'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}',
            ],
        ),
        (
            service(ports=[{"port": 0, "protocol": "ICMP"}]),
            [
                "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
                'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP"',
                "spec.ports[0].targetPort: Invalid value: 0",
            ],
        ),
        (
            formed("v1", "Service", metadata={"name": "1a"}, spec={"ports": [{"port": 1}]}),
            ['metadata.name: Invalid value: "1a": a DNS-1035 label must consist of'],
        ),
        (
            deployment(selector=None),
            ["spec.selector: Required value", NOT_SELECTED],
        ),
        (deployment(selector={}), ["spec.selector: Invalid value: {}: empty selector is invalid"]),
        (deployment(selector={"matchLabels": {"app": "b"}}), [NOT_SELECTED]),
        (
            deployment(template={**LABELS, "spec": {"containers": []}}),
            ["spec.template.spec.containers: Required value"],
        ),
        (
            deployment(replicas=-1),
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"],
        ),
        (
            deployment(strategy={"type": "Recreate", "rollingUpdate": {}}),
            ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type`"],
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
            ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0'],
        ),
        (
            deployment(template=template(restartPolicy="Never")),
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Al'],
        ),
        (
            pod({"name": "a"}, {"name": "a", "image": "i"}),
            [
                "spec.containers[0].image: Required value",
                'spec.containers[1].name: Duplicate value: "a"',
            ],
        ),
        (
            pod({**CONTAINER, "ports": [{"containerPort": 70000, "name": "80"}]}),
            [
                'spec.containers[0].ports[0].name: Invalid value: "80": must contain at least one',
                "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between",
            ],
        ),
        (
            pod({**CONTAINER, "imagePullPolicy": "Sometimes"}),
            ['spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported'],
        ),
        (
            pod({**CONTAINER, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
        ),
        (
            pod({**CONTAINER, "env": [{"name": "A", "valueFrom": {}}]}),
            ['spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of'],
        ),
        (
            pod(
                {
                    **CONTAINER,
                    "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}},
                }
            ),
            ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or'],
        ),
        (
            pod({**CONTAINER, "livenessProbe": {"periodSeconds": 5}}),
            ["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
        ),
        (
            pod(CONTAINER, volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
            ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            job(template=template()),
            ["spec.template.spec.restartPolicy: Required value: valid values:"],
        ),
        (
            formed(
                "batch/v1",
                "CronJob",
                spec={
                    "schedule": "every day",
                    "jobTemplate": {"spec": {"template": template(restartPolicy="Never")}},
                },
            ),
            ['spec.schedule: Invalid value: "every day": expected exactly 5 fields, found 2'],
        ),
        (
            claim(accessModes=[]),
            ["spec.accessModes: Required value: at least 1 access mode is required"],
        ),
        (
            formed("v1", "Secret", type="kubernetes.io/tls"),
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"],
        ),
        (
            formed("networking.k8s.io/v1", "Ingress", spec={}),
            ["spec: Invalid value: []: either `defaultBackend` or `rules` must be specified"],
        ),
        (
            formed("rbac.authorization.k8s.io/v1", "Role", rules=[{"resources": ["pods"]}]),
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api",
            ],
        ),
        (
            formed(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                spec={"maxReplicas": 1, "minReplicas": 2, "scaleTargetRef": {"name": "d"}},
            ),
            [
                "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `min",
                "spec.scaleTargetRef.kind: Required value",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_new_object(content: dict[str, Any], causes: list[str]) -> None:
    found = created(content)
    assert len(found) == len(causes), found
    assert all(said.startswith(cause) for said, cause in zip(found, causes, strict=True)), found


FROZEN = {"immutable": True, "data": {"a": "1"}}


@pytest.mark.parametrize(
    ("old", "new", "causes"),
    [
        (
            deployment(),
            deployment(selector={"matchLabels": {"app": "b"}}),
            [
                NOT_SELECTED,
                'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
            ],
        ),
        (
            stateful_set(),
            stateful_set(serviceName="other"),
            ["spec: Forbidden: updates to statefulset spec for fields other than 'replicas'"],
        ),
        (stateful_set(), stateful_set(replicas=5, minReadySeconds=3), []),
        (
            job(),
            job(completions=3, parallelism=2),
            ["spec.completions: Invalid value: 3: field is immutable"],
        ),
        (
            job(),
            job(template=template({**CONTAINER, "image": "i:2"}, restartPolicy="Never")),
            ["spec.template: Invalid value: {"],
        ),
        (
            service(clusterIP="10.0.0.1"),
            service(clusterIP="10.0.0.2"),
            ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
        ),
        (
            claim(volumeName="v"),
            claim(volumeName="w"),
            ["spec: Forbidden: spec is immutable after creation except resources.requests"],
        ),
        (claim(), claim(resources={"requests": {"storage": "2Gi"}}), []),
        (
            config_map(**FROZEN),
            config_map(immutable=True, data={"a": "2"}),
            ["data: Forbidden: field is immutable when `immutable` is set"],
        ),
        (
            config_map(**FROZEN),
            config_map(data={"a": "1"}),
            ["immutable: Forbidden: field is immutable when `immutable` is set"],
        ),
        (
            formed("v1", "Secret", type="a"),
            formed("v1", "Secret", type="b"),
            ['type: Invalid value: "b": field is immutable'],
        ),
        (
            formed(
                "rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"kind": "Role", "name": "a"}
            ),
            formed(
                "rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"kind": "Role", "name": "b"}
            ),
            ["roleRef: Invalid value: {", "cannot change roleRef"],
        ),
        (pod(), pod({**CONTAINER, "image": "i:2"}), []),
        (pod(), pod(CONTAINER, nodeName="n"), ["spec: Forbidden: pod updates may not change"]),
        (
            config_map(metadata={"uid": "1"}),
            config_map(metadata={"uid": "2"}),
            ['metadata.uid: Invalid value: "2": field is immutable'],
        ),
        (
            config_map(metadata={"deletionTimestamp": "t"}),
            config_map(metadata={"deletionTimestamp": "t", "finalizers": ["a/b"]}),
            ["metadata.finalizers: Forbidden: no new finalizers can be added if the object is b"],
        ),
    ],
)
def test_what_may_not_become_of_an_object(
    old: dict[str, Any], new: dict[str, Any], causes: list[str]
) -> None:
    found = changed(old, new)
    assert bool(found) is bool(causes), found
    assert all(any(cause in said for said in found) for cause in causes), found


def test_status_writes_are_judged_by_metadata_alone() -> None:
    old, broken = deployment(), deployment(replicas=-1)
    assert validate_metadata_update(broken, old) == []


def test_every_rule_is_about_a_kind_that_there_is() -> None:
    kinds = {(group, kind) for group, version, kind in Schemas.kinds()}
    assert set(RULES) <= kinds
