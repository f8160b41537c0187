"""Whatever a client sends, the pure functions answer, or refuse in the server's way."""

from __future__ import annotations

import contextlib
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.embedded import cel, custom_validation
from clusters.embedded.apply import server_side_apply
from clusters.embedded.conversion import Undecodable, duplicate_fields, yaml_duplicates
from clusters.embedded.defaults import stored_form
from clusters.embedded.ownership import settle, track_update
from clusters.embedded.patches import json_patch, merge_patch
from clusters.embedded.schema import Schema, Schemas
from clusters.embedded.status import ApiStatus
from clusters.embedded.strategic import strategic_merge
from clusters.embedded.validation import validate_create, validate_update
from tests.clusters.embedded.world import schema_of

TEMPLATE = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {
        "containers": [
            {
                "name": "a",
                "image": "i:1",
                "env": [{"name": "A", "value": "1"}],
                "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "1"}},
                "livenessProbe": {"httpGet": {"port": 80}},
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }
        ],
        "volumes": [{"name": "v", "emptyDir": {}}],
    },
}
METADATA: dict[str, Any] = {
    "name": "a",
    "namespace": "n",
    "labels": {"l": "1"},
    "finalizers": ["a/b"],
    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}],
}
SELECTOR = {"matchLabels": {"app": "a"}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}
CRD_SPEC = {
    "group": "e.com",
    "scope": "Namespaced",
    "names": {"plural": "ts", "kind": "T"},
    "versions": [
        {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {
                "openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "spec": {"type": "array", "x-kubernetes-list-type": "set", "items": {}}
                    },
                }
            },
        }
    ],
}
WEBHOOK = {"name": "w", "clientConfig": {"service": {"name": "s"}}, "rules": [{"scope": "*"}]}
BODIES: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}},
    {"apiVersion": "v1", "kind": "Secret", "data": {"a": "Yg=="}, "type": "Opaque"},
    {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80, "name": "http"}]}},
    {"apiVersion": "v1", "kind": "Pod", "spec": TEMPLATE["spec"]},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "spec": {
            "selector": SELECTOR,
            "template": TEMPLATE,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
        },
    },
    {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "spec": {
            "selector": SELECTOR,
            "template": TEMPLATE,
            "volumeClaimTemplates": [{"metadata": {"name": "w"}}],
        },
    },
    {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": TEMPLATE}}},
    },
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "spec": {
            "rules": [{"http": {"paths": [{"backend": {"service": {"name": "s", "port": {}}}}]}}]
        },
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "name": "u"}],
    },
    {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "spec": {
            "maxReplicas": 2,
            "scaleTargetRef": {"kind": "D", "name": "d"},
            "behavior": {"scaleUp": {}},
        },
    },
    {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "webhooks": [WEBHOOK],
    },
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": CRD_SPEC,
    },
]
CUSTOM = Schemas().from_crd(
    {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "required": ["a"],
                "properties": {
                    "a": {"type": "string", "default": "x", "enum": ["x", "y"]},
                    "l": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["id"],
                        "items": {
                            "type": "object",
                            "properties": {"id": {"type": "string"}},
                            "x-kubernetes-validations": [{"rule": "self.id != 'no'"}],
                        },
                    },
                    "s": {
                        "type": "array",
                        "x-kubernetes-list-type": "set",
                        "items": {"type": "string"},
                    },
                    "n": {"type": "integer", "minimum": 1, "multipleOf": 2},
                    "q": {"x-kubernetes-int-or-string": True},
                    "f": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        },
    }
)
# The CEL evaluator raises the recursion limit with its first rule, which Hypothesis minds.
assert cel.compiled(CUSTOM) is not None
CUSTOM_BODY: dict[str, Any] = {
    "apiVersion": "e.com/v1",
    "kind": "T",
    "spec": {"a": "x", "l": [{"id": "i"}], "s": ["t"], "n": 2, "q": "1", "f": {"g": [1]}},
}
TEXT = st.sampled_from(("", "a", "name", "$patch", "x/y", "1", "app", "Always", "é", "-1", "1Gi"))
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99999) | st.floats(-2, 2) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn, bodies: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a body, and the same with one or two places replaced by anything."""
    body = draw(st.sampled_from(bodies))
    sound = orjson.loads(orjson.dumps({**body, "metadata": METADATA}))
    broken = orjson.loads(orjson.dumps(sound))
    for _ in range(draw(st.integers(1, 2))):
        node: Any = broken
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            keys = [key for key in keys if key not in ("apiVersion", "kind") or node is not broken]
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(node[key], dict | list) or draw(st.booleans()):
                node[key] = draw(JSON)
                break
            node = node[key]
    if not isinstance(broken["metadata"], dict):
        broken["metadata"] = {}
    return sound, broken


def formed(body: dict[str, Any], schema: Schema) -> dict[str, Any]:
    group = body["apiVersion"].rpartition("/")[0]
    return stored_form(body, schema, group=group, kind=body["kind"]).content


def write(sound: dict[str, Any], broken: dict[str, Any], schema: Schema) -> None:
    """Take a body through everything that a server does with it."""
    how = {"schema": schema, "now": "t", "api_version": sound["apiVersion"], "manager": "m"}
    live = track_update(None, formed(sound, schema), **how)
    for body in (broken, sound):
        try:
            merged = server_side_apply(live, body, force=True, **how)
            judge(formed(dict(merged), schema), live, schema)
        except (ApiStatus, Undecodable):
            continue
    try:
        new = formed(broken, schema)
    except Undecodable:
        return
    assert formed(new, schema) == new
    judge(new, live, schema)
    tracked = track_update(live, new, **how)
    assert settle(tracked, tracked) is tracked


def judge(new: Any, old: Any, schema: Schema) -> None:
    if schema is CUSTOM:
        custom_validation.validate_create(new, schema=schema, namespaced=True)
        custom_validation.validate_update(new, old, schema=schema)
    else:
        named = {"group": new["apiVersion"].rpartition("/")[0], "kind": new["kind"]}
        validate_create(new, namespaced=True, **named)
        validate_update(new, old, **named)


@given(mutated(BODIES))
@settings(max_examples=150, deadline=None)
def test_built_in_kinds(bodies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    write(*bodies, schema_of(bodies[0]))


@given(mutated([CUSTOM_BODY]))
@settings(max_examples=80, deadline=None)
def test_custom_kinds(bodies: tuple[dict[str, Any], dict[str, Any]]) -> None:
    write(*bodies, CUSTOM)


@given(mutated(BODIES), JSON)
@settings(max_examples=100, deadline=None)
def test_patches(bodies: tuple[dict[str, Any], dict[str, Any]], anything: Any) -> None:
    sound, broken = bodies
    operation = {"op": "replace", "path": "/spec", "value": anything}
    for patch in (broken, anything):
        for apply in (
            lambda: merge_patch(sound, patch),  # noqa: B023  called at once
            lambda: strategic_merge(sound, patch, schema_of(sound)),  # noqa: B023
            lambda: json_patch(sound, [operation, patch]),  # noqa: B023
        ):
            with contextlib.suppress(ApiStatus):
                assert isinstance(apply(), dict)


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
@settings(max_examples=100, deadline=None)
def test_raw_bodies(raw: bytes) -> None:
    duplicate_fields(raw)
    yaml_duplicates(raw)
