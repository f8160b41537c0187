"""Values as Go prints them."""

from __future__ import annotations

from typing import Any

import pytest

from clusters.embedded import gofmt


@pytest.mark.parametrize(
    ("value", "plain", "syntax", "kind"),
    [
        (None, "<nil>", "interface {}(nil)", "<nil>"),
        (True, "true", "true", "bool"),
        (5, "5", "5", "int64"),
        (5.0, "5", "5", "float64"),
        (1.5, "1.5", "1.5", "float64"),
        ('a"b', 'a"b', '"a\\"b"', "string"),
        ([1, "x"], "[1 x]", '[]interface {}{1, "x"}', "[]interface {}"),
        (
            {"b": 1, "a": {}},
            "map[a:map[] b:1]",
            'map[string]interface {}{"a":map[string]interface {}{}, "b":1}',
            "map[string]interface {}",
        ),
    ],
)
def test_printing(value: Any, plain: str, syntax: str, kind: str) -> None:
    assert gofmt.plain(value) == plain
    assert gofmt.syntax(value) == syntax
    assert gofmt.type_name(value) == kind
    assert gofmt.unstructured(value) == "&{" + plain + "}"
