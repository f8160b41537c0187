"""Actions of a view: which it offers, what they mean for what is selected, and why not.

A view names the actions it `OFFERS`; each is carried out by its method `do_<id>`, or, when it
writes, by the commands that `tui.orders.choosing` makes of `subjects()`; the rest is the app's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tui import messages
from tui.actions import BY_ID, QUIET, Action, offered
from tui.fetching import Fetching
from tui.keymap import bindings
from tui.model.store import FleetStore
from tui.orders.choosing import plan
from tui.orders.plans import NotNow
from tui.session import Session


class Acting(Fetching):
    """A screen with actions."""

    VIEW: ClassVar[str] = ""
    OFFERS: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.BINDINGS = list(bindings(cls.OFFERS))
        super().__init_subclass__()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    @property
    def store(self) -> FleetStore:
        """What is known of the fleet."""
        return self.session.store

    def subjects(self) -> Sequence[object]:
        """What an action that writes is meant for."""
        return ()

    def footer(self) -> list[Action]:
        """Actions for the line at the bottom, most telling first."""
        own = [BY_ID[name] for name in self.OFFERS if name not in QUIET]
        rest = [BY_ID[name] for name in ("help", "command", "palette", "back")]
        return own + rest

    @property
    def actions(self) -> list[Action]:
        """Everything this view offers, for help and palette."""
        return offered(self.OFFERS)

    def action_do(self, name: str) -> None:
        """Run an action by its id, or say why not."""
        action = BY_ID[name]
        if reason := self.why_not(action):
            self.app.clear_notifications()  # the newest reason is the one that was asked for
            self.notify(f"{action.label}: {reason}.", severity="warning", timeout=4, markup=False)
        elif action.writes:
            made = plan(name, self.subjects(), self.store)
            if not isinstance(made, NotNow):
                self.post_message(messages.Confirm(made))
        elif own := getattr(self, f"do_{name}", None):
            own()
        else:
            self.post_message(messages.Do(name))

    def why_not(self, action: Action) -> str:
        """Say why an action cannot be done now; empty when it can."""
        if not action.writes:
            return ""
        if reason := self.session.why_no_writes():
            return reason
        made = plan(action.id, self.subjects(), self.store)
        return made.reason if isinstance(made, NotNow) else ""
