"""Turns pydantic's errors into problems: where it is, what was found, what is allowed.

Values are shown only where they cannot be secret: texts in free content (values, patches) are not,
and a refusal marked as secret keeps its value to itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from fleet.model.problems import Problem
from fleet.schema.document import Path
from fleet.schema.fields import REFUSED

_SHOWN_MAX = 60
_MAY_BE_SECRET = frozenset({"connection", "inline", "merge", "json6902", "manifest", "url"})
"""Fields below which a text is never shown: free content, or where credentials are pasted."""

_TYPES = {
    "string_type": "a text (put it in quotes)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

_BOUNDS = {
    "greater_than_equal": ("ge", "at least {}"),
    "less_than_equal": ("le", "at most {}"),
    "greater_than": ("gt", "more than {}"),
    "less_than": ("lt", "less than {}"),
    "too_short": ("min_length", "at least {}"),
    "string_too_short": ("min_length", "at least {} characters"),
    "string_pattern_mismatch": ("pattern", "a text that matches {}"),
}


def problems_of(
    error: ValidationError, model: type[BaseModel], *, file: str, line_of: Callable[[Path], int]
) -> list[Problem]:
    """Translate all errors of one document."""
    return [
        _problem(detail, model, file=file, line_of=line_of)
        for detail in error.errors(include_url=False)
        if not _is_echo(detail)
    ]


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list counts as too short only because its items are wrong."""
    return detail["type"] == "too_short" and bool(detail["input"])


def _problem(
    detail: ErrorDetails, model: type[BaseModel], *, file: str, line_of: Callable[[Path], int]
) -> Problem:
    path: Path = tuple(part for part in detail["loc"] if part != "[key]")
    message, found, allowed = _texts(detail, model, path)
    return Problem(
        file=file,
        line=line_of(path),
        field=dotted(path),
        message=message,
        found=found,
        allowed=allowed,
    )


def _texts(
    detail: ErrorDetails, model: type[BaseModel], path: Path
) -> tuple[str, str | None, str | None]:
    """Give message, found and allowed."""
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    found = "a text" if isinstance(given, str) and _MAY_BE_SECRET & set(path) else shown(given)
    if kind == REFUSED:
        hidden = context["secret"] or isinstance(given, dict)
        return context["message"], None if hidden else found, context["allowed"]
    if kind == "missing":
        return "is required and missing", None, None
    if kind == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        return f"unknown field{guess(str(path[-1]), known)}", None, ", ".join(known)
    if kind in ("enum", "literal_error"):
        words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        return f"unknown value{guess(str(given), words)}", found, ", ".join(words)
    if kind in _TYPES:
        return "has the wrong type", found, _TYPES[kind]
    if kind in _BOUNDS:
        key, text = _BOUNDS[kind]
        return "is out of range", found, text.format(context[key])
    return detail["msg"], None, None


def shown(value: object) -> str:
    """A value as a message may show it: short, one line, contents of collections left out."""
    match value:
        case str():
            text = value if len(value) <= _SHOWN_MAX else value[: _SHOWN_MAX - 3] + "..."
            return repr(text)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping" if value else "an empty mapping"
        case list() | tuple():
            return "a list" if value else "an empty list"
        case _:
            return str(value)[:_SHOWN_MAX]


def guess(word: str, known: Sequence[str]) -> str:
    """` (did you mean 'x'?)` where a known word is near, else nothing."""
    folded = {one.casefold(): one for one in known}
    near = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f", did you mean {folded[near[0]]!r}?" if near else ""


def dotted(path: Path) -> str:
    """`spec.stages[2].maxFailures`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _fields_at(model: type[BaseModel], path: Path) -> list[str]:
    """The fields that may stand at `path`; empty where anything may."""
    found: Any = model
    for part in path:
        found = _inside(_bare(found), part)
    found = _bare(found)
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return []
    return [field.alias or name for name, field in found.model_fields.items()]


def _inside(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next(
            (field.annotation for name, field in fields if part in (field.alias, name)), None
        )
    arguments = get_args(annotation)
    if not arguments:
        return None
    return arguments[0] if isinstance(part, int) else arguments[-1]


def _bare(annotation: Any) -> Any:
    """Strip `| None` and `Annotated`."""
    while (origin := get_origin(annotation)) in (Annotated, Union, UnionType):
        choices = [one for one in get_args(annotation) if one is not type(None)]
        if origin is not Annotated and len(choices) != 1:
            return None
        annotation = choices[0]
    return annotation
