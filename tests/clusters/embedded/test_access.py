"""Access: who somebody is, and what Roles and Bindings let them do."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from clusters.embedded.access import (
    ADMIN,
    ANONYMOUS,
    REVIEWS,
    Attributes,
    User,
    allows,
    authenticate,
    authorise,
    impersonated,
)
from clusters.embedded.kinds import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    Resource,
)
from clusters.embedded.status import ApiStatus
from clusters.embedded.storage import Storage

TOKENS = {"good": ADMIN}
APP = impersonated("system:serviceaccount:ns:app", ())


def put(storage: Storage, resource: Resource, key: str, **content: Any) -> None:
    name = key.rpartition("/")[2]
    head = {"kind": resource.kind, "apiVersion": resource.api_version}
    storage.put(resource.storage_key, key, {**head, "metadata": {"name": name}, **content})


def rule(verbs: str, resources: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {
        "verbs": verbs.split(),
        "apiGroups": [group],
        "resources": resources.split(),
        **more,
    }


@pytest.fixture
def storage() -> Storage:
    """Roles for an app in `ns`, and a ClusterRole that it has there and bob has everywhere."""
    out = Storage()
    own = [rule("get list", "configmaps"), rule("*", "deployments */scale", "apps")]
    named = rule("update", "secrets", resourceNames=["mine"])
    put(out, ROLES, "ns/own", rules=[*own, named])
    put(out, CLUSTER_ROLES, "watcher", rules=[rule("watch", "*", "*"), URLS])
    account = {"kind": "ServiceAccount", "name": "app"}
    for name, kind in (("own", "Role"), ("watcher", "ClusterRole")):
        reference = {"kind": kind, "name": name}
        put(out, ROLE_BINDINGS, f"ns/{name}", roleRef=reference, subjects=[account])
    group = {"kind": "Group", "name": "watchers"}
    reference = {"kind": "ClusterRole", "name": "watcher"}
    put(out, CLUSTER_ROLE_BINDINGS, "watcher", roleRef=reference, subjects=[group])
    return out


URLS = {"verbs": ["get"], "nonResourceURLs": ["/healthz", "/metrics/*"]}
BOB = User(name="bob", groups=("watchers",))


@pytest.mark.parametrize(
    ("user", "wanted", "allowed"),
    [
        (ADMIN, Attributes(verb="delete", plural="nodes"), True),
        (APP, Attributes(verb="get", plural="configmaps", namespace="ns"), True),
        (APP, Attributes(verb="get", plural="configmaps", namespace="other"), False),
        (APP, Attributes(verb="get", plural="configmaps"), False),
        (APP, Attributes(verb="delete", plural="configmaps", namespace="ns"), False),
        (APP, Attributes(verb="x", group="apps", plural="deployments", namespace="ns"), True),
        (
            APP,
            Attributes(
                verb="patch",
                group="apps",
                plural="replicasets",
                subresource="scale",
                namespace="ns",
            ),
            True,
        ),
        (APP, Attributes(verb="update", plural="secrets", name="mine", namespace="ns"), True),
        (APP, Attributes(verb="update", plural="secrets", name="theirs", namespace="ns"), False),
        (APP, Attributes(verb="watch", group="a.b", plural="c", namespace="ns"), True),
        (APP, Attributes(verb="watch", plural="nodes"), False),
        (BOB, Attributes(verb="watch", plural="nodes"), True),
        (BOB, Attributes(verb="get", path="/healthz"), True),
        (BOB, Attributes(verb="get", path="/metrics/cadvisor"), True),
        (BOB, Attributes(verb="get", path="/logs"), False),
        (ANONYMOUS, Attributes(verb="watch", plural="nodes"), False),
    ],
)
def test_rules_add_up(storage: Storage, user: User, wanted: Attributes, allowed: bool) -> None:
    assert allows(storage, user, wanted) is allowed


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (
            Attributes(verb="get", plural="pods", namespace="ns", name="a", subresource="log"),
            (
                'pods "a" is forbidden: User "bob" cannot get resource "pods/log" in API group "" '
                'in the namespace "ns"'
            ),
        ),
        (
            Attributes(verb="list", group="apps", plural="deployments"),
            (
                'deployments.apps is forbidden: User "bob" cannot list resource "deployments" in '
                'API group "apps" at the cluster scope'
            ),
        ),
        (
            Attributes(verb="get", path="/logs"),
            'forbidden: User "bob" cannot get path "/logs"',
        ),
    ],
)
def test_refusals_say_who_may_not_do_what_where(
    storage: Storage, wanted: Attributes, message: str
) -> None:
    with pytest.raises(ApiStatus) as caught:
        authorise(storage, BOB, wanted)
    assert (caught.value.code, caught.value.message) == (403, message)


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ({}, ANONYMOUS),
        ({"Authorization": "Bearer good"}, ADMIN),
        (
            {
                "Authorization": "bearer good",
                "Impersonate-User": "eve",
                "Impersonate-Group": "staff",
            },
            User(name="eve", groups=("staff", "system:authenticated")),
        ),
        (
            {"Authorization": "Bearer good", "Impersonate-User": "system:serviceaccount:ns:app"},
            User(
                name="system:serviceaccount:ns:app",
                groups=(
                    "system:serviceaccounts",
                    "system:serviceaccounts:ns",
                    "system:authenticated",
                ),
            ),
        ),
    ],
)
def test_who_somebody_is(headers: dict[str, str], user: User) -> None:
    assert authenticate(CIMultiDict(headers), TOKENS) == user


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": "Bearer bad"}, 401),
        ({"Authorization": "Basic good"}, 401),
        ({"Impersonate-User": "eve"}, 403),
        ({"Authorization": "Bearer good", "Impersonate-Group": "staff"}, 500),
    ],
)
def test_who_is_turned_away(headers: dict[str, str], code: int) -> None:
    with pytest.raises(ApiStatus) as caught:
        authenticate(CIMultiDict(headers), TOKENS)
    assert caught.value.code == code


def test_questions_about_oneself_are_answered_by_the_same_rules(storage: Storage) -> None:
    asked = {"verb": "get", "resource": "configmaps", "namespace": "ns"}
    body = {"spec": {"resourceAttributes": asked}}
    assert REVIEWS["selfsubjectaccessreviews"](storage, APP, body, "") == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "own/ns" of Role "own" to ServiceAccount "app/"',
    }
    assert REVIEWS["selfsubjectaccessreviews"](storage, BOB, body, "") == {"allowed": False}
    rules = REVIEWS["selfsubjectrulesreviews"](storage, APP, {"spec": {"namespace": "ns"}}, "")
    assert {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]} in rules[
        "resourceRules"
    ]
