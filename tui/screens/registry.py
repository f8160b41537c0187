"""Which screen shows what: the top views by name, and details by the kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from textual.screen import Screen

from tui.screens.clusters import ClustersScreen
from tui.screens.overview import OverviewScreen
from tui.screens.view import ViewScreen
from tui.session import Session

_TOP: tuple[type[ViewScreen], ...] = (OverviewScreen, ClustersScreen)


def view_factories(session: Session) -> dict[str, Callable[[], ViewScreen]]:
    """The top views by name."""
    return {screen.VIEW: partial(screen, session) for screen in _TOP}


def detail_of(session: Session, subject: object) -> Screen[Any] | str | None:
    """The screen for one thing, the name of a top view that shows it, or None."""
    return None
