"""How a revision would travel, as the API says it; and what all values of the read model are.

`view` has the other values, and names these as well.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all read-model values."""


class StagePlanView(View, frozen=True, kw_only=True):
    """One stage of a rollout that a revision would start, its amounts as numbers."""

    name: str
    clusters: Sequence[str]
    """In the order in which they would be started; those that change come first."""
    changing: int
    """How many of them change."""
    max_concurrency: int
    at_once: str = ""
    """How many of them can really be in flight, and why no more; in words."""
    max_failures: int
    ramp: Sequence[int] = ()
    """How many clusters have been reached after each batch."""
    soak_s: float = 0.0
    on_breach: str = ""
    bound: str = ""
    gates: Sequence[str] = ()
    """Each gate with its position and what it asks for."""


class RolloutPlanView(View, frozen=True, kw_only=True):
    """How a revision would carry one bundle across the fleet."""

    bundle: str
    strategy: str = ""
    """Empty: none, so it goes everywhere at once."""
    clusters: int = 0
    stages: Sequence[StagePlanView] = ()
    problems: Sequence[str] = ()
    """Why it could not travel."""
