"""What parts of the TUI tell each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.message import Message

from fleet.view import CommandResult
from tui.config import Config
from tui.orders.plans import Plan


class Arrived(Message):
    """The feed has something to take.  Posted from its thread; many are as good as one."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest is needed."""
        return isinstance(message, Arrived)


@dataclass
class Open(Message):
    """Show something in its own view: a cluster, bundle, rollout, drift, or `kind/name`."""

    subject: object


@dataclass
class Go(Message):
    """Switch to a top view, with a filter if one is given."""

    view: str
    filter: str | None = None


@dataclass
class Back(Message):
    """Take this screen away, and run an action where one comes to."""

    then: str = ""


@dataclass
class Do(Message):
    """Run an action of the current view, as if its key had been pressed."""

    action: str


@dataclass
class Answered(Message):
    """The server answered commands, or did not."""

    title: str
    results: Sequence[CommandResult] = field(default_factory=tuple)
    failures: Sequence[str] = field(default_factory=tuple)


@dataclass
class Confirm(Message):
    """A plan that a person asked for: to be confirmed as its tier says, then sent."""

    plan: Plan


@dataclass
class Typed(Message):
    """A `:` command was entered."""

    line: str


@dataclass
class OpenK9s(Message):
    """Hand the terminal over to k9s or kubectl on a cluster."""

    cluster: str


@dataclass
class OpenText(Message):
    """Show a text in the pager or the editor."""

    name: str
    text: str


@dataclass
class Configure(Message):
    """A setting was changed: `value` is what stands in the file for `name`, None for nothing."""

    config: Config
    name: str
    value: str | bool | Sequence[str] | None
