"""CEL expressions about one object, written in Git: checked when read, bounded when evaluated.

Pure.  The names are `self` (the object) and its `metadata`, `spec` and `status`; functions and
macros are those of the language (github.com/google/cel-spec).  The evaluator, cel-python, is slow
and has no limit of its own: so an expression is short, and what it may loop over is limited by the
object.  It is heavy, too, and loaded with the first expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

NAMES = ("self", "metadata", "spec", "status")
TEXT_MAX = 1_000
TERMS_MAX = 60
"""Most names, literals and calls of one expression."""
NESTED_MAX = 2
"""Deepest macro within a macro."""
ITERATIONS_MAX = 200
"""Most rounds of macros that one object may cost: about 0.1 s."""
VALUES_MAX = 20_000
"""Most values of an object that is looked at."""
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})


class Unevaluable(Exception):
    """An expression says nothing about this object; the message quotes no value of it."""


@dataclass(frozen=True)
class Expression:
    """A checked expression."""

    text: str
    program: Any
    nested: int
    """Depth of macros within macros; 0: there is none."""

    def holds(self, subject: Subject) -> bool:
        """Whether it is true of an object.

        Raises:
            Unevaluable: it is neither true nor false, or would take too long.
        """
        from celpy import celtypes
        from celpy.evaluation import CELEvalError

        if self.nested and subject.longest**self.nested > ITERATIONS_MAX:
            raise Unevaluable(f"a list or mapping of {subject.longest} is too long for it")
        try:
            result = self.program.evaluate(subject.bindings)
        except CELEvalError as error:
            raise Unevaluable(_reason(error)) from None
        except (TypeError, ValueError, KeyError, ArithmeticError, RecursionError):
            raise Unevaluable("it cannot be evaluated") from None
        if not isinstance(result, bool | celtypes.BoolType):
            raise Unevaluable(f"it gives no true or false, but a {type(result).__name__}")
        return bool(result)


@dataclass(frozen=True)
class Subject:
    """An object as expressions see it."""

    bindings: Mapping[str, Any]
    longest: int
    """Length of its longest list or mapping."""

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Subject:
        """Make an object ready.

        Raises:
            Unevaluable: it is too large.
        """
        from celpy.adapter import json_to_cel

        values, longest = _measure(body)
        if values > VALUES_MAX:
            raise Unevaluable(f"the object has more than {VALUES_MAX:,} values")
        parts = {name: body.get(name) or {} for name in NAMES[1:]}
        named = {"self": dict(body), **parts}
        return cls({name: json_to_cel(value) for name, value in named.items()}, longest)


def _measure(body: Any) -> tuple[int, int]:
    values, longest, waiting = 0, 0, [body]
    while waiting and values <= VALUES_MAX:
        value = waiting.pop()
        values += 1
        if isinstance(value, Mapping | list):
            longest = max(longest, len(value))
            waiting.extend(value.values() if isinstance(value, Mapping) else value)
    return values, longest


@lru_cache(maxsize=1_024)
def compile_expression(text: str) -> Expression:
    """Check an expression and make it ready.

    Raises:
        ValueError: what is wrong with it, and where.
    """
    from celpy.celparser import CELParseError

    if len(text) > TEXT_MAX:
        raise ValueError(f"an expression of at most {TEXT_MAX} characters is read")
    try:
        tree = _environment().compile(text)
    except CELParseError as error:
        where = f" at column {error.column}" if error.column else ""
        raise ValueError(f"no valid CEL{where}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    terms = list(_terms(tree, frozenset(NAMES), 0))
    if len(terms) > TERMS_MAX:
        raise ValueError(f"{len(terms)} names, literals and calls are too many; {TERMS_MAX} may be")
    nested = max(terms, default=0)
    if nested > NESTED_MAX:
        raise ValueError("a macro within a macro within a macro would take too long")
    return Expression(text, _environment().program(tree), nested)


@cache
def _environment() -> Any:
    import celpy

    return celpy.Environment()


@cache
def _functions() -> frozenset[str]:
    from celpy.evaluation import base_functions

    named = {str(name) for name in base_functions if str(name).isidentifier()}
    return frozenset(named | {"has", "dyn"})


def _terms(tree: Any, known: frozenset[str], depth: int) -> Iterator[int]:
    """For each name, literal and call, in how many macros it is.

    Raises:
        ValueError: a name or function is not known.
    """
    kind = getattr(tree, "data", None)
    if kind is None:
        return
    if kind == "literal":
        yield depth
    elif kind == "ident":
        name = str(tree.children[0])
        if name not in known:
            raise ValueError(f"there is no {name!r} here; there is {', '.join(NAMES)}")
        yield depth
    elif kind in ("ident_arg", "dot_ident_arg"):
        yield from _call(str(tree.children[0]), tree.children[1:], known, depth)
    elif kind == "member_dot_arg":
        yield from _terms(tree.children[0], known, depth)
        yield from _call(str(tree.children[1]), tree.children[2:], known, depth)
    else:
        for child in tree.children:
            yield from _terms(child, known, depth)


def _call(name: str, arguments: list[Any], known: frozenset[str], depth: int) -> Iterator[int]:
    if name not in _MACROS and name not in _functions():
        raise ValueError(f"there is no function {name!r}")
    if name in _MACROS:
        depth += 1
        known |= frozenset(_variable(arguments))
    yield depth
    for argument in arguments:
        yield from _terms(argument, known, depth)


def _variable(arguments: list[Any]) -> Iterator[str]:
    """The name that a macro gives to what it looks at: its first argument."""
    node = arguments[0] if arguments else None
    while node is not None and getattr(node, "children", None):
        if node.data == "ident":
            yield str(node.children[0])
            return
        node = node.children[0]


def _reason(error: Exception) -> str:
    said = str(error.args[0]) if error.args else ""
    if said.startswith("no such member"):
        return said  # names a field of the expression, and no value
    if "overload" in said:
        return "its types do not fit together"
    if "zero" in said:
        return "division by zero"
    if said == "invalid_argument":
        return "an index or argument is out of range"
    return "it cannot be evaluated"
