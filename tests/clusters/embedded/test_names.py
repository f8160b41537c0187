"""What names, labels and keys may look like."""

from __future__ import annotations

import pytest

from clusters.embedded import names
from clusters.embedded.names import Check


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (names.dns_label, "a-1"),
        (names.dns_label, "1a"),
        (names.dns_subdomain, "a.b-c.d1"),
        (names.dns_1035_label, "a-1"),
        (names.path_segment, "system:node"),
        (names.qualified_name, "example.com/My_Name.1"),
        (names.qualified_name, "A"),
        (names.label_value, ""),
        (names.label_value, "A_b.c-1"),
        (names.config_key, "_.key"),
        (names.env_name, "a.b-c d"),
        (names.port_name, "http-1"),
        (names.prefix_of(names.dns_label), "gen-"),
    ],
)
def test_good_names(check: Check, value: str) -> None:
    assert check(value) == []


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        (names.dns_label, "", "a lowercase RFC 1123 label must consist of"),
        (names.dns_label, "a.b", "(e.g. 'my-name',  or '123-abc', regex used for validation is"),
        (names.dns_label, "a" * 64, "must be no more than 63 bytes"),
        (names.dns_subdomain, "A", "a lowercase RFC 1123 subdomain must consist of"),
        (names.dns_subdomain, "a" * 254, "must be no more than 253 bytes"),
        (names.dns_1035_label, "1a", "a DNS-1035 label must consist of"),
        (names.path_segment, "a/b", "may not contain '/'"),
        (names.path_segment, "..", "may not be '..'"),
        (names.qualified_name, "a/b/c", "a qualified name must consist of"),
        (names.qualified_name, "/a", "prefix part must be non-empty"),
        (names.qualified_name, "a/", "name part must be non-empty"),
        (names.qualified_name, "A_/b", "prefix part a lowercase RFC 1123 subdomain"),
        (names.qualified_name, "a" * 64, "name part must be no more than 63 bytes"),
        (names.label_value, "a b", "a valid label must be an empty string or consist of"),
        (names.config_key, "a b", "a valid config key must consist of"),
        (names.config_key, "..", "must not be '..'"),
        (names.config_key, "..a", "must not start with '..'"),
        (names.env_name, "a=b", "a valid environment variable name must consist only"),
        (names.env_name, "", "must be non-empty"),
        (names.port_name, "80", "must contain at least one letter (a-z)"),
        (names.port_name, "a--b", "must not contain consecutive hyphens"),
        (names.port_name, "a" * 16, "must be no more than 15 characters"),
    ],
)
def test_bad_names(check: Check, value: str, message: str) -> None:
    assert any(message in said for said in check(value))
