"""Selectors as a document may write them: as a text, or as Kubernetes' mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import PlainValidator

from fleet.model.selector import Selector, parse_selector
from fleet.schema.fields import check_label_key, check_label_value, refused

_EXPRESSIONS = {"In": "in", "NotIn": "notin", "Exists": "", "DoesNotExist": "!"}


def read_selector(value: object) -> Selector:
    """Read a selector in text form, or as the mapping that Kubernetes uses.

    Raises:
        PydanticCustomError: what is wrong with it; an empty one is refused.
    """
    match value:
        case str():
            text = value
        case Mapping() if value and not value.keys() - {"matchLabels", "matchExpressions"}:
            text = ",".join(_terms(value))
        case _:
            raise refused(
                "no selector",
                "a text like 'env=prod,region in (eu,us)', or matchLabels and matchExpressions",
            )
    try:
        return parse_selector(text)
    except ValueError as error:
        raise refused(str(error)) from None


def _terms(selector: Mapping[str, Any]) -> list[str]:
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or []
    if not isinstance(labels, Mapping) or not isinstance(expressions, list):
        raise refused("no selector", "matchLabels as a mapping, matchExpressions as a list")
    terms = [f"{check_label_key(key)}={check_label_value(value)}" for key, value in labels.items()]
    return terms + [_expression(one) for one in expressions]


def _expression(one: object) -> str:
    match one:
        case {"key": str(key), "operator": "In" | "NotIn" as operator, "values": [_, *_] as values}:
            listed = ",".join(map(check_label_value, values))
            return f"{check_label_key(key)} {_EXPRESSIONS[operator]} ({listed})"
        case {"key": str(key), "operator": "Exists" | "DoesNotExist" as operator}:
            return f"{_EXPRESSIONS[operator]}{check_label_key(key)}"
    raise refused(
        "no expression of a selector",
        "key, operator (In, NotIn, Exists, DoesNotExist) and, for the first two, values",
    )


SelectorField = Annotated[Selector, PlainValidator(read_selector)]
