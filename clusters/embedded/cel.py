"""Rules of custom kinds written in CEL (`x-kubernetes-validations`).

After apiextensions-apiserver pkg/apiserver/schema/cel: a rule sees its value as `self` and, when
it names it, the value before the change as `oldSelf`; such a transition rule is only asked when
there was one.  Rules are compiled once per schema.  The evaluator is cel-python; a rule that it
cannot parse (CEL's optional types) is not enforced; it is heavy, and loaded with the first rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from clusters.embedded import cel_functions, field_errors, status
from clusters.embedded.schema import Scalar, Schema, Shape
from clusters.embedded.status import Cause
from clusters.embedded.typed import equal, item_element

_ABSENT: Final = object()
_OLD: Final = re.compile(r"\boldSelf\b")
_CUT: Final = 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule.  `program` is None when the evaluator cannot parse it."""

    text: str
    message: str
    message_program: Any
    reason: str
    field_path: str
    program: Any
    transition: bool
    old_optional: bool


@dataclass(slots=True)
class RuleNode:
    """The rules of a schema node, and the nodes below it that have any."""

    schema: Schema
    rules: Sequence[Rule] = ()
    fields: dict[str, RuleNode] = field(default_factory=dict)
    extra: RuleNode | None = None
    items: RuleNode | None = None


@lru_cache(maxsize=512)
def compiled(schema: Schema) -> RuleNode | None:
    """Compile the rules of a schema; None if it has none anywhere."""
    if not _has_rules(schema.raw):
        return None
    node = RuleNode(
        schema, [_rule(raw) for raw in schema.raw.get("x-kubernetes-validations") or ()]
    )
    if schema.shape is Shape.MAP:
        for name, raw in schema.properties.items():
            child = schema.child(name) if _has_rules(raw) else None
            below = compiled(child) if child is not None else None
            if below is not None:
                node.fields[name] = below
        if isinstance(schema.raw.get("additionalProperties"), Mapping):
            node.extra = compiled(schema.extra)
    elif schema.shape is Shape.LIST and schema.raw.get("items"):
        node.items = compiled(schema.items)
    return node


def _has_rules(raw: Any) -> bool:
    """Say whether a schema as written has a rule anywhere."""
    if not isinstance(raw, Mapping):
        return False
    if raw.get("x-kubernetes-validations"):
        return True
    below = (*(raw.get("properties") or {}).values(), raw.get("items"))
    return any(map(_has_rules, below)) or _has_rules(raw.get("additionalProperties"))


def _rule(raw: Mapping[str, Any]) -> Rule:
    text = str(raw.get("rule") or "")
    expression = raw.get("messageExpression")
    return Rule(
        text=text,
        message=str(raw.get("message") or "").strip(),
        message_program=_program(expression) if expression else None,
        reason=str(raw.get("reason") or status.INVALID),
        field_path=str(raw.get("fieldPath") or ""),
        program=_program(text),
        transition=_OLD.search(text) is not None,
        old_optional=bool(raw.get("optionalOldSelf")),
    )


@lru_cache(maxsize=1)
def _environment() -> Any:
    import celpy

    return celpy.Environment()


@lru_cache(maxsize=4096)
def _program(text: str) -> Any:
    from celpy.celparser import CELParseError

    environment = _environment()
    try:
        return environment.program(environment.compile(text), functions=cel_functions.FUNCTIONS)
    except (CELParseError, ValueError, TypeError):
        return None


def validate(
    schema: Schema, content: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """Give what the rules of a schema find wrong with a custom object.

    Rules without `oldSelf` about a value that did not change are not asked again.
    """
    node = compiled(schema)
    if node is not None:
        yield from _visit(node, content, _ABSENT if old is None else old, "")


def _visit(node: RuleNode, value: Any, old: Any, path: str) -> Iterator[Cause]:
    if value is None:
        return
    if node.rules:
        yield from _ask(node, value, old, path)
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for key, item in value.items():
            below = node.fields.get(key) or (None if node.schema.declares(key) else node.extra)
            if below is not None:
                where = f"{path}.{key}" if path else key
                yield from _visit(below, item, before.get(key, _ABSENT), where)
    elif isinstance(value, list) and node.items is not None:
        keyed = node.schema.keys and isinstance(old, list)
        was = {item_element(node.schema, item): item for item in old} if keyed else {}
        for position, item in enumerate(value):
            before_item = was.get(item_element(node.schema, item), _ABSENT) if was else _ABSENT
            yield from _visit(node.items, item, before_item, f"{path}[{position}]")


def _ask(node: RuleNode, value: Any, old: Any, path: str) -> Iterator[Cause]:
    bindings: dict[str, Any] | None = None
    unchanged = old is not _ABSENT and equal(old, value)
    for rule in node.rules:
        if rule.program is None or (rule.transition and old is _ABSENT and not rule.old_optional):
            continue
        if unchanged and not rule.transition:
            continue
        if bindings is None:
            bindings = {"self": to_cel(node.schema, value)}
            bindings["oldSelf"] = None if old is _ABSENT else to_cel(node.schema, old)
        problem = _problem(rule, bindings)
        if problem is not None:
            yield _cause(rule, node.schema, path, problem)


def _problem(rule: Rule, bindings: Mapping[str, Any]) -> str | None:
    """Evaluate; give what to say if the rule does not hold."""
    from celpy.evaluation import CELEvalError

    try:
        if bool(rule.program.evaluate(dict(bindings))):
            return None
    except (CELEvalError, TypeError, ValueError, KeyError) as error:
        said = str(error.args[0]) if error.args else "evaluation failed"
        return f"{said[:_CUT]} evaluating rule: {_said(rule)}"
    if rule.message_program is not None:
        try:
            message = str(rule.message_program.evaluate(dict(bindings))).strip()
        except (CELEvalError, TypeError, ValueError, KeyError):
            message = ""
        if message:
            return message
    return _said(rule)


def _said(rule: Rule) -> str:
    return rule.message or f"failed rule: {rule.text.strip()}"


def _cause(rule: Rule, schema: Schema, path: str, message: str) -> Cause:
    where = path + rule.field_path if path else rule.field_path.removeprefix(".")
    kind = {Shape.MAP: "object", Shape.LIST: "array"}.get(schema.shape, str(schema.scalar or ""))
    match rule.reason:
        case status.REQUIRED:
            return field_errors.required(where, message)
        case status.FORBIDDEN:
            return field_errors.forbidden(where, message)
        case status.DUPLICATE:
            return field_errors.duplicate(where, kind)
        case _:
            return field_errors.invalid(where, kind, message)


def to_cel(schema: Schema, value: Any) -> Any:
    """Turn a value into CEL's, by its schema: a number is a double even when it is whole."""
    from celpy import celtypes

    match value:
        case None:
            return None
        case bool():
            return celtypes.BoolType(value)
        case dict():
            return celtypes.MapType(
                {
                    celtypes.StringType(key): to_cel(schema.child(key) or schema, item)
                    for key, item in value.items()
                }
            )
        case list():
            items = schema.items if schema.shape is Shape.LIST else schema
            return celtypes.ListType([to_cel(items, item) for item in value])
        case int() | float() if schema.scalar is Scalar.NUMBER or isinstance(value, float):
            return celtypes.DoubleType(value)
        case int():
            return celtypes.IntType(value)
        case _:
            return _text(schema.raw.get("format"), str(value))


def _text(form: object, value: str) -> Any:
    from celpy import celtypes

    try:
        if form == "date-time":
            return celtypes.TimestampType(value)
        if form == "duration":
            return celtypes.DurationType(value)
    except ValueError:
        pass
    return celtypes.StringType(value)
