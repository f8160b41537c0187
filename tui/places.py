"""Places one can go to that are no entity of the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlace:
    """A cluster at one of its tabs, or at one of its objects."""

    name: str
    tab: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPlace:
    """The search for a text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpPlace:
    """The keys of a view."""

    view: str
    actions: Sequence[Action]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsPlace:
    """The settings."""
