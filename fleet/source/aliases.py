"""Copies what YAML aliases stand for, within a budget: JSON has no aliases, only their size.

A few lines of nested aliases can stand for gigabytes; they are counted before they are copied.
"""

from __future__ import annotations

from fleet.source.scalars import Json, ScalarError


class Anchored:
    """A value with an anchor, complete once its end was read."""

    __slots__ = ("complete", "value")

    def __init__(self, value: Json = None, *, complete: bool = True) -> None:
        self.value = value
        self.complete = complete


class AliasBudget:
    """Copies what aliases stand for, while it is little: JSON has no aliases, only their size."""

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._weight = 0

    def copy(self, value: Json, depth_max: int) -> Json:
        """Copy `value`, so that nobody changes two places at once.

        Raises:
            ScalarError: all aliases of the file together stand for too much, or nest too deep.
        """
        self._weight += 1 + (len(value) if isinstance(value, str) else 0)
        if self._weight > self._weight_max:
            raise ScalarError(
                f"the aliases of this file stand for more than {self._weight_max:,} "
                "values and characters; write them out, or in several files"
            )
        if not isinstance(value, dict | list):
            return value
        if depth_max <= 0:
            raise ScalarError("nested too deep through aliases")
        if isinstance(value, list):
            return [self.copy(item, depth_max - 1) for item in value]
        self._weight += sum(map(len, value))
        return {key: self.copy(item, depth_max - 1) for key, item in value.items()}
