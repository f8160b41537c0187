"""Protobuf: reading what kubectl sends, whatever it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusters.embedded.protobuf import MAGIC, openapi_document, read_object
from clusters.embedded.status import ApiStatus


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def envelope(api_version: str, kind: str, content: bytes) -> bytes:
    return MAGIC + field(1, field(1, api_version) + field(2, kind)) + field(2, content)


def test_a_namespace() -> None:
    metadata = field(1, "shop") + field(8, b"") + field(11, field(1, "a") + field(2, "b"))
    raw = envelope("v1", "Namespace", field(1, metadata) + field(2, b"") + field(3, b""))
    assert read_object(raw) == {
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {"name": "shop", "labels": {"a": "b"}},
        "spec": {},
    }


def test_numbers_bytes_and_either() -> None:
    port = field(3, 80) + field(4, field(1, 1) + field(2, 0) + field(3, "http"))
    spec = field(1, port) + field(1, field(3, 81) + field(4, field(2, 8080)))
    service = read_object(envelope("v1", "Service", field(2, spec)))
    assert service["spec"]["ports"] == [
        {"port": 80, "targetPort": "http"},
        {"port": 81, "targetPort": 8080},
    ]
    entry = field(1, "key") + field(2, b"\x00\x01")
    assert read_object(envelope("v1", "Secret", field(2, entry)))["data"] == {"key": "AAE="}
    minus_one = (1 << 64) - 1
    job = read_object(envelope("batch/v1", "Job", field(2, field(7, minus_one))))
    assert job["spec"] == {"backoffLimit": -1}


def test_a_kind_that_is_not_known_is_no_media_type_of_ours() -> None:
    with pytest.raises(ApiStatus) as caught:
        read_object(envelope("v1", "Gadget", b""))
    assert caught.value.code == 415


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused(raw: bytes, framed: bool) -> None:
    code = 200
    try:
        read_object(envelope("v1", "ConfigMap", raw) if framed else MAGIC + raw)
    except ApiStatus as refused:
        code = refused.code
    assert code in (200, 400, 415)


def test_an_openapi_document_carries_its_definitions() -> None:
    schema = {"type": "object", "properties": {"spec": {"$ref": "#/definitions/Spec"}}}
    written = openapi_document("K", "v1", {"Boat": schema})
    for part in (b"2.0", b"Boat", b"spec", b"#/definitions/Spec", b"object"):
        assert part in written
