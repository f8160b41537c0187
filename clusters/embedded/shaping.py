"""From what a write asks to the object that is stored: decoding, defaults, strategy, judgement.

Puts the pure rules of `defaults`, `structural`, `strategies` and `validation` in the order in
which the real server goes through them, and words what they refuse by the way the object came:
a body that cannot be decoded is a bad request, a patch that leads there is invalid.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from clusters.embedded import custom_validation, strategies, structural
from clusters.embedded.conversion import Undecodable
from clusters.embedded.defaults import set_defaults, stored_form
from clusters.embedded.kinds import Resource
from clusters.embedded.schema import Schema
from clusters.embedded.status import ApiStatus, Cause, bad_request, invalid
from clusters.embedded.validation import (
    validate_create,
    validate_metadata_update,
    validate_update,
)

Body = dict[str, Any]

_METADATA_ONLY = frozenset({"status", "binding", "finalize"})
"""Subresources whose own rules are kept by who may write them; metadata is judged always."""


class Source(StrEnum):
    """How an object came to the server."""

    BODY = "body"
    PATCH = "patch"
    APPLY = "apply"
    OWN = "own"
    """A controller of this cluster made it: well-formed, only defaults are missing."""


def decode(
    resource: Resource, schema: Schema, body: Body, source: Source, field_validation: str
) -> tuple[Body, Sequence[str]]:
    """Bring an object to the form of its kind, with defaults; gives the warnings it earns.

    Raises:
        ApiStatus: 400 or 422 for values of the wrong type, and for unknown fields if strict.
    """
    if source is Source.OWN:
        set_defaults(body, group=resource.group, kind=resource.kind)
        return body, ()
    try:
        if resource.custom:
            decoded = structural.stored_form(body, schema)
        else:
            decoded = stored_form(body, schema, group=resource.group, kind=resource.kind)
    except Undecodable as error:
        raise _undecodable(resource, source, str(error)) from error
    strategies.normalise(resource, decoded.content)
    errors = decoded.strict_errors if decoded.unknown else []
    if not errors or field_validation == "Ignore":
        return decoded.content, ()
    if field_validation == "Strict":
        listed = "strict decoding error: " + ", ".join(errors)
        raise _undecodable(resource, source, listed)
    return decoded.content, errors


def _undecodable(resource: Resource, source: Source, why: str) -> ApiStatus:
    if source is Source.BODY:
        return bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a '
            f"{resource.kind}: {why}"
        )
    return invalid("", "", [Cause("FieldValueInvalid", f"Invalid value: {why}", "patch")])


def prepare(resource: Resource, subresource: str, old: Body | None, new: Body) -> None:
    """Let the kind's strategy fill in, reset and count, in place."""
    if old is None:
        strategies.prepare_create(resource, new)
    else:
        strategies.prepare_update(resource, subresource, old, new)


def judge(
    resource: Resource, schema: Schema, subresource: str, old: Body | None, new: Body
) -> None:
    """Refuse an object that may not be stored.

    Raises:
        ApiStatus: 422 with every cause.
    """
    named = {"group": resource.group, "kind": resource.kind}
    if resource.custom:
        causes = _custom_causes(resource, schema, old, new)
    elif old is None:
        causes = validate_create(new, namespaced=resource.namespaced, **named)
    elif subresource in _METADATA_ONLY:
        causes = validate_metadata_update(new, old)
    else:
        causes = validate_update(new, old, **named)
    if causes:
        name = new["metadata"].get("name", "")
        raise invalid(resource.kind, name, causes, group=resource.group)


def _custom_causes(resource: Resource, schema: Schema, old: Body | None, new: Body) -> list[Cause]:
    if old is None:
        return custom_validation.validate_create(new, schema=schema, namespaced=resource.namespaced)
    return custom_validation.validate_update(new, old, schema=schema)
