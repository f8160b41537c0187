"""Failures as a Kubernetes API server words them: the `Status` object.

Every refusal of the embedded API is an `ApiStatus` raised where it is decided and turned into a
response at the HTTP edge by `body()`.  The constructors follow k8s.io/apimachinery/pkg/api/errors
in code, reason, wording and details; this module decides nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

REQUIRED = "FieldValueRequired"
INVALID = "FieldValueInvalid"
NOT_SUPPORTED = "FieldValueNotSupported"
FORBIDDEN = "FieldValueForbidden"
DUPLICATE = "FieldValueDuplicate"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
TYPE_INVALID = "FieldValueTypeInvalid"
NOT_FOUND = "FieldValueNotFound"
MANAGER_CONFLICT = "FieldManagerConflict"


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason of a refusal: `field` is a path as the server writes it (`spec.ports[0].port`)."""

    reason: str
    message: str
    field: str

    def body(self) -> dict[str, str]:
        """Give the `StatusCause`; empty parts are left out."""
        parts = (("reason", self.reason), ("message", self.message), ("field", self.field))
        return {key: value for key, value in parts if value}

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a refusal is about (`StatusDetails`)."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: Sequence[Cause] = ()
    retry_after_seconds: int = 0

    def body(self) -> dict[str, Any]:
        """Give the `StatusDetails`; empty parts are left out."""
        parts: tuple[tuple[str, Any], ...] = (
            ("name", self.name),
            ("group", self.group),
            ("kind", self.kind),
            ("uid", self.uid),
            ("causes", [cause.body() for cause in self.causes]),
            ("retryAfterSeconds", self.retry_after_seconds),
        )
        return {key: value for key, value in parts if value}


class ApiStatus(Exception):
    """A refusal, with everything that its `Status` body says."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: Details | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def body(self) -> dict[str, Any]:
        """Give the `Status` object that a client reads."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details.body()
        body["code"] = self.code
        return body


def qualified(name: str, group: str) -> str:
    """Write a resource or kind with its group, as `deployments.apps` or `configmaps`."""
    return f"{name}.{group}" if group else name


def not_found(resource: str, name: str, *, group: str = "") -> ApiStatus:
    """404: no such object (`resource` is the plural)."""
    return ApiStatus(
        404,
        "NotFound",
        f'{qualified(resource, group)} "{name}" not found',
        details=Details(name=name, group=group, kind=resource),
    )


def already_exists(resource: str, name: str, *, group: str = "") -> ApiStatus:
    """409: the name is taken."""
    return ApiStatus(
        409,
        "AlreadyExists",
        f'{qualified(resource, group)} "{name}" already exists',
        details=Details(name=name, group=group, kind=resource),
    )


MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and try again"
)


def conflict(resource: str, name: str, *, group: str = "", why: str = MODIFIED) -> ApiStatus:
    """409: the object is not the one, or not the version, that the request named."""
    return ApiStatus(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {why}',
        details=Details(name=name, group=group, kind=resource),
    )


def apply_conflict(message: str, causes: Sequence[Cause]) -> ApiStatus:
    """409: an apply met fields that other managers hold."""
    return ApiStatus(409, "Conflict", message, details=Details(causes=causes))


def invalid(kind: str, name: str, causes: Sequence[Cause], *, group: str = "") -> ApiStatus:
    """422: the object breaks rules; the message lists each distinct cause once."""
    lines = list(dict.fromkeys(str(cause) for cause in causes))
    listed = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    return ApiStatus(
        422,
        "Invalid",
        f'{qualified(kind, group)} "{name}" is invalid: {listed}',
        details=Details(name=name, group=group, kind=kind, causes=causes),
    )


def unprocessable_patch() -> ApiStatus:
    """422: a JSON patch that does not fit the object; the real server gives no more details."""
    return ApiStatus(
        422,
        "Invalid",
        "the server rejected our request due to an error in our request",
        details=Details(),
    )


def bad_request(message: str) -> ApiStatus:
    """400: the request itself is malformed."""
    return ApiStatus(400, "BadRequest", message)


def unauthorized() -> ApiStatus:
    """401: no accepted credentials."""
    return ApiStatus(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, name: str, why: str, *, group: str = "") -> ApiStatus:
    """403: known, and not allowed."""
    subject = qualified(resource, group) + (f' "{name}"' if name else "")
    return ApiStatus(
        403,
        "Forbidden",
        f"{subject} is forbidden: {why}",
        details=Details(name=name, group=group, kind=resource),
    )


def method_not_allowed(action: str, resource: str, *, group: str = "") -> ApiStatus:
    """405: the resource exists and does not do this."""
    return ApiStatus(
        405,
        "MethodNotAllowed",
        f'{action} is not supported on resources of kind "{qualified(resource, group)}"',
        details=Details(group=group, kind=resource),
    )


def expired(message: str) -> ApiStatus:
    """410: the resourceVersion or continue token is too old."""
    return ApiStatus(410, "Expired", message)


def gone(message: str) -> ApiStatus:
    """410 without a way on from the token."""
    return ApiStatus(410, "Gone", message)


def not_acceptable(accepted: Sequence[str]) -> ApiStatus:
    """406: no answer in a form that the client takes."""
    return ApiStatus(
        406,
        "NotAcceptable",
        "only the following media types are accepted: " + ", ".join(accepted),
    )


def unsupported_media_type(accepted: Sequence[str]) -> ApiStatus:
    """415: a body in a form that is not read here."""
    return ApiStatus(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(accepted),
    )


def request_too_large(message: str) -> ApiStatus:
    """413: the body is larger than the server reads."""
    return ApiStatus(413, "RequestEntityTooLarge", f"Request entity is too large: {message}")


def too_many_requests(message: str, retry_after_seconds: int) -> ApiStatus:
    """429: come back later."""
    return ApiStatus(
        429,
        "TooManyRequests",
        message,
        details=Details(retry_after_seconds=retry_after_seconds),
    )


def untyped(message: str, code: int = 500) -> ApiStatus:
    """Fail as the real server does for an error that carries no reason (as an untyped apply)."""
    return ApiStatus(code, "", message)


def internal_error(why: str) -> ApiStatus:
    """500: the server failed."""
    return ApiStatus(
        500,
        "InternalError",
        f"Internal error occurred: {why}",
        details=Details(causes=(Cause("", why, ""),)),
    )


def service_unavailable(message: str) -> ApiStatus:
    """503: not now."""
    return ApiStatus(503, "ServiceUnavailable", message)


def timeout(message: str, retry_after_seconds: int = 0) -> ApiStatus:
    """504: the request could not be answered in time."""
    return ApiStatus(
        504,
        "Timeout",
        f"Timeout: {message}",
        details=Details(retry_after_seconds=retry_after_seconds),
    )
