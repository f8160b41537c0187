"""The comparisons of metric gates: `value < 0.01`.  One number against another, nothing more."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from fleet.model import PrometheusCheck
from fleet.rollout.events import Measurement

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISON = re.compile(
    r"\s*value\s*(?P<operator><=|>=|==|!=|<|>)\s*"
    r"(?P<number>[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A measured value against a fixed number."""

    operator: str
    number: float

    def holds(self, value: float) -> bool:
        """Whether `value` fulfils the comparison.  Not a number fulfils none."""
        return not math.isnan(value) and _OPERATORS[self.operator](value, self.number)


def parse_comparison(text: str) -> Comparison:
    """Read a comparison.

    Raises:
        ValueError: what is allowed.
    """
    found = _COMPARISON.fullmatch(text)
    if found is None:
        raise ValueError(
            f"cannot read the comparison {text!r}; it must be like `value < 0.01`, with one of "
            f"{' '.join(_OPERATORS)}"
        )
    return Comparison(operator=found["operator"], number=float(found["number"]))


def judge(check: PrometheusCheck, value: float | None) -> Measurement:
    """Say what a measured value means.  No value, or neither yes nor no, is inconclusive.

    Raises:
        ValueError: a comparison of the check cannot be read.
    """
    if value is None:
        return Measurement.INCONCLUSIVE
    if check.failure is not None and parse_comparison(check.failure).holds(value):
        return Measurement.FAILURE
    if parse_comparison(check.success).holds(value):
        return Measurement.SUCCESS
    return Measurement.INCONCLUSIVE
