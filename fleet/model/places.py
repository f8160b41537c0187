"""Shared words of all documents: names, places in files, amounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NewType

GroupName = NewType("GroupName", str)
StrategyName = NewType("StrategyName", str)
StageName = NewType("StageName", str)
GateName = NewType("GateName", str)
WindowName = NewType("WindowName", str)

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in Git something is written: for messages, and for the person who mends it."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Amount:
    """A count (`n`) or a percentage (`p%`) of something whose size is known later."""

    value: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.value:g}%" if self.percent else f"{self.value:g}"

    def floor_of(self, total: int) -> int:
        """Resolve for failures and deferrals: rounded down, so 3% of 20 is 0."""
        return int(self.value * total / 100) if self.percent else int(self.value)

    def at_least_one_of(self, total: int) -> int:
        """Resolve for concurrency and ramps: rounded down, but never so low that nothing moves."""
        return max(1, self.floor_of(total))
