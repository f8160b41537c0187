"""What an answer means, and that a Secret's values are in no error."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clusters.client.answers import error_of
from clusters.errors import (
    ClusterError,
    Conflict,
    FieldConflict,
    Forbidden,
    Gone,
    InvalidObject,
    NotFound,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from clusters.model import ObjectRef

CONFIG = ObjectRef("", "ConfigMap", "default", "a")
SECRET = ObjectRef("", "Secret", "default", "a")
JSON = {"Content-Type": "application/json"}


def meant(code: int, ref: ObjectRef | None = CONFIG, **status: Any) -> ClusterError:
    body = orjson.dumps({"kind": "Status", "code": code, **status})
    return error_of(code, JSON, body, ref)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (400, InvalidObject),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (405, InvalidObject),
        (409, Conflict),
        (410, Gone),
        (413, InvalidObject),
        (415, InvalidObject),
        (418, Unreachable),
        (422, InvalidObject),
        (429, Throttled),
        (500, ServerFault),
        (503, ServerFault),
        (504, ServerFault),
    ],
)
def test_by_status(code: int, error: type[ClusterError]) -> None:
    found = meant(code, reason="R", message="words")
    assert type(found) is error
    assert found.ref == CONFIG


def test_a_field_conflict_names_its_holders() -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using apps/v1',
            "field": field,
        }
        for manager, field in [
            ("hpa", ".spec.replicas"),
            (r"kubectl \"x\"", ".a"),
            ("m", ".b"),
            ("n", ".c"),
        ]
    ]
    found = meant(409, reason="Conflict", message="Apply failed", details={"causes": causes})
    assert isinstance(found, FieldConflict)
    assert found.holders[0] == ("hpa", ".spec.replicas")
    assert found.message.startswith(".spec.replicas is held by hpa, .a is held by kubectl")
    assert found.message.endswith("and 1 more fields")


def test_a_namespace_in_deletion_is_no_matter_of_rights() -> None:
    causes = [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]
    found = meant(403, reason="Forbidden", message="no", details={"causes": causes})
    assert type(found) is Conflict


def test_the_bodys_own_wish_to_wait() -> None:
    assert meant(429, details={"retryAfterSeconds": 4}).retry_after_s == 4.0


CANARY = "canary-7d1f"
REFUSED: dict[str, Any] = {
    "reason": "Invalid",
    "message": f'Secret "a" is invalid: data[k]: Invalid value: "{CANARY}"',
    "details": {
        "name": "a",
        "causes": [{"field": "data[k]", "reason": "FieldValueInvalid", "message": CANARY}],
    },
}


@pytest.mark.parametrize("code", [400, 403, 404, 409, 410, 422, 429, 500, 503])
def test_cve_2025_23216_a_refused_secret_keeps_its_values(code: int) -> None:
    """A refused patch printed what it held (CVE-2025-23216): the field is named, no value is."""
    found = meant(code, SECRET, **REFUSED)
    assert CANARY not in str(found)
    assert CANARY not in repr(getattr(found, "causes", ""))
    assert code != 422 or "data[k]" in found.message


def test_other_kinds_are_told_in_full() -> None:
    found = meant(422, CONFIG, **REFUSED)
    assert CANARY in found.message
    assert isinstance(found, InvalidObject)
    assert found.causes == (("data[k]", "FieldValueInvalid", CANARY),)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
answers = (
    st.binary(max_size=20)
    | json_values.map(orjson.dumps)
    | st.fixed_dictionaries(
        {
            "kind": st.just("Status"),
            "message": json_values,
            "details": json_values | st.fixed_dictionaries({"causes": json_values}),
        }
    ).map(orjson.dumps)
)


@settings(max_examples=100)
@given(st.integers(200, 599), answers, st.sampled_from([CONFIG, SECRET, None]))
def test_whatever_is_answered_it_is_one_of_our_errors(
    code: int, body: bytes, ref: ObjectRef | None
) -> None:
    assert isinstance(error_of(code, JSON, body, ref), ClusterError)
