"""Requests: which resource, object and options a path and query name."""

from __future__ import annotations

import pytest

from clusters.embedded.requests import (
    ResourcePath,
    parse_path,
    parse_query,
    verb_of,
    write_options,
)
from clusters.embedded.status import ApiStatus


def path(group: str, version: str, **parts: str) -> ResourcePath:
    return ResourcePath(group=group, version=version, **parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api/v1", path("", "v1")),
        ("api/v1/nodes", path("", "v1", plural="nodes")),
        ("api/v1/namespaces", path("", "v1", plural="namespaces")),
        ("api/v1/namespaces/a", path("", "v1", plural="namespaces", name="a")),
        (
            "api/v1/namespaces/a/status",
            path("", "v1", plural="namespaces", name="a", subresource="status"),
        ),
        (
            "api/v1/namespaces/a/finalize",
            path("", "v1", plural="namespaces", name="a", subresource="finalize"),
        ),
        ("api/v1/namespaces/a/pods", path("", "v1", namespace="a", plural="pods")),
        (
            "apis/apps/v1/namespaces/a/deployments/b/scale",
            path("apps", "v1", namespace="a", plural="deployments", name="b", subresource="scale"),
        ),
        (
            "api/v1/namespaces/a/services/b/proxy/x/y",
            path(
                "",
                "v1",
                namespace="a",
                plural="services",
                name="b",
                subresource="proxy",
                below="x/y",
            ),
        ),
        ("version", None),
        ("apis/apps", None),
    ],
)
def test_paths(text: str, expected: ResourcePath | None) -> None:
    assert parse_path(text.split("/")) == expected


@pytest.mark.parametrize(
    ("method", "name", "query", "verb"),
    [
        ("GET", "", {}, "list"),
        ("GET", "a", {}, "get"),
        ("GET", "", {"watch": "true"}, "watch"),
        ("GET", "", {"watch": "1"}, "watch"),
        ("GET", "", {"watch": "false"}, "list"),
        ("POST", "", {}, "create"),
        ("PUT", "a", {}, "update"),
        ("PATCH", "a", {}, "patch"),
        ("DELETE", "a", {}, "delete"),
        ("DELETE", "", {}, "deletecollection"),
        ("OPTIONS", "", {}, ""),
    ],
)
def test_verbs(method: str, name: str, query: dict[str, str], verb: str) -> None:
    assert verb_of(method, path("", "v1", plural="pods", name=name), query) == verb


def test_the_first_of_a_repeated_parameter_counts() -> None:
    assert parse_query("a=1&a=2&b=&c=%20x") == {"a": "1", "b": "", "c": " x"}


@pytest.mark.parametrize(
    ("query", "agent", "manager"),
    [
        ({"fieldManager": "me"}, "kubectl/v1", "me"),
        ({}, "kubectl/v1.32 (linux)", "kubectl"),
        ({}, "", "unknown"),
    ],
)
def test_managers(query: dict[str, str], agent: str, manager: str) -> None:
    assert write_options(query, "create", agent).manager == manager


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"dryRun": "Some"}, 422, "dryRun"),
        ({"fieldManager": "x" * 129}, 422, "fieldManager"),
        ({"fieldManager": "a\n"}, 422, "fieldManager"),
        ({"fieldValidation": "Maybe"}, 422, "fieldValidation"),
        ({"force": "maybe"}, 400, ""),
    ],
)
def test_refused_options(query: dict[str, str], code: int, field: str) -> None:
    with pytest.raises(ApiStatus) as caught:
        write_options(query, "patch", "x")
    assert caught.value.code == code
    details = caught.value.details
    assert (details.causes[0].field if details else "") == field
