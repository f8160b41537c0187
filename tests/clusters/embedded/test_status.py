"""Failures in the words of apimachinery."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded import status
from clusters.embedded.status import ApiStatus, Cause

ONE = Cause(status.REQUIRED, "Required value", "spec.a")
TWO = Cause(status.INVALID, "Invalid value: 0: no", "spec.b")


@pytest.mark.parametrize(
    ("failure", "code", "reason", "message", "details"),
    [
        (
            status.not_found("deployments", "a", group="apps"),
            404,
            "NotFound",
            'deployments.apps "a" not found',
            {"name": "a", "group": "apps", "kind": "deployments"},
        ),
        (
            status.already_exists("configmaps", "a"),
            409,
            "AlreadyExists",
            'configmaps "a" already exists',
            {"name": "a", "kind": "configmaps"},
        ),
        (
            status.conflict("configmaps", "a"),
            409,
            "Conflict",
            f'Operation cannot be fulfilled on configmaps "a": {status.MODIFIED}',
            {"name": "a", "kind": "configmaps"},
        ),
        (
            status.invalid("Deployment", "a", [ONE], group="apps"),
            422,
            "Invalid",
            'Deployment.apps "a" is invalid: spec.a: Required value',
            {"name": "a", "group": "apps", "kind": "Deployment", "causes": [ONE.body()]},
        ),
        (
            status.invalid("Pod", "a", [ONE, TWO, ONE]),
            422,
            "Invalid",
            'Pod "a" is invalid: [spec.a: Required value, spec.b: Invalid value: 0: no]',
            {"name": "a", "kind": "Pod", "causes": [ONE.body(), TWO.body(), ONE.body()]},
        ),
        (
            status.forbidden("pods", "a", "no"),
            403,
            "Forbidden",
            'pods "a" is forbidden: no',
            {"name": "a", "kind": "pods"},
        ),
        (
            status.too_many_requests("later", 3),
            429,
            "TooManyRequests",
            "later",
            {"retryAfterSeconds": 3},
        ),
        (
            status.method_not_allowed("list", "widgets", group="e.com"),
            405,
            "MethodNotAllowed",
            'list is not supported on resources of kind "widgets.e.com"',
            {"group": "e.com", "kind": "widgets"},
        ),
        (
            status.internal_error("boom"),
            500,
            "InternalError",
            "Internal error occurred: boom",
            {"causes": [{"message": "boom"}]},
        ),
    ],
)
def test_words(failure: ApiStatus, code: int, reason: str, message: str, details: Any) -> None:
    assert failure.body() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }
    assert str(failure) == message


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (status.bad_request("x"), 400),
        (status.unauthorized(), 401),
        (status.expired("x"), 410),
        (status.gone("x"), 410),
        (status.not_acceptable(["a/b"]), 406),
        (status.unsupported_media_type(["a/b"]), 415),
        (status.request_too_large("x"), 413),
        (status.service_unavailable("x"), 503),
        (status.untyped("x"), 500),
    ],
)
def test_failures_without_details(failure: ApiStatus, code: int) -> None:
    body = failure.body()
    assert body["code"] == code
    assert "details" not in body
    assert ("reason" in body) is bool(failure.reason)
