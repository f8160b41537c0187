import pytest
from pydantic_core import PydanticCustomError

from fleet.schema.selectors import read_selector


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({"matchLabels": {"a": "1", "b": ""}}, "a=1,b="),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]},
            "a in (x,y)",
        ),
        (
            {
                "matchLabels": {"example.com/a": "1"},
                "matchExpressions": [
                    {"key": "b", "operator": "NotIn", "values": ["x"]},
                    {"key": "c", "operator": "Exists"},
                    {"key": "d", "operator": "DoesNotExist"},
                ],
            },
            "example.com/a=1,b notin (x),c,!d",
        ),
    ],
)
def test_selectors_as_kubernetes_writes_them(mapping: object, text: str) -> None:
    assert read_selector(mapping) == read_selector(text)


@pytest.mark.parametrize(
    "value",
    [
        "", "  ", {}, [], 3, {"matchLabels": {}}, {"matchlabels": {"a": "b"}},
        {"matchLabels": {"a": 1}}, {"matchLabels": {"a": "b,c=d"}}, {"matchLabels": ["a"]},
        {"matchExpressions": [{"key": "a", "operator": "in", "values": ["x"]}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": []}]},
        {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x) ,b"]}]},
        {"matchExpressions": [{"key": "a b", "operator": "Exists"}]},
    ],
)  # fmt: skip
def test_no_selectors(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        read_selector(value)
