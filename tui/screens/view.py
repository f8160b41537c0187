"""What all views have in common: the bars, the prompt, actions, and data that arrives.

A view names the actions it `OFFERS`; each is carried out by its method `do_<id>`, or, when it
writes, by the commands that `tui.orders` makes of `subjects()`.  Data is given by the app: at once
to the view that is seen, on return to those that are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from textual.widget import Widget

from tui import messages
from tui.actions import BY_ID, Action, offered
from tui.command_line import completions
from tui.fetching import Fetching
from tui.keymap import bindings, keys_of
from tui.orders import NotNow, plan
from tui.session import Session
from tui.store import FleetStore, Touched
from tui.widgets.key_bar import KeyBar
from tui.widgets.painting import Painter
from tui.widgets.prompt import Prompt
from tui.widgets.status_bar import StatusBar, TooSmall


class ViewScreen(Fetching):
    """Base of all views."""

    VIEW: ClassVar[str] = ""
    OFFERS: ClassVar[tuple[str, ...]] = ()
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - Textual declares it
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-flat"),
        (15, "-low"),
        (30, "-high"),
    ]

    def __init_subclass__(cls) -> None:
        cls.BINDINGS = list(bindings(cls.OFFERS))
        super().__init_subclass__()

    def __init__(self, session: Session, *, crumbs: Sequence[str] = ()) -> None:
        super().__init__()
        self.session = session
        self.crumbs = tuple(crumbs)
        self._missed = Touched(all=True)

    @property
    def store(self) -> FleetStore:
        """What is known of the fleet."""
        return self.session.store

    def compose(self) -> ComposeResult:
        """Bars around the body."""
        yield StatusBar(self.session, view=self.VIEW, crumbs=self.crumbs)
        with Vertical(id="body"):
            yield from self.body()
        yield TooSmall(id="too-small")
        yield KeyBar(
            self._footer(),
            keys=lambda action: keys_of(action, self.session.config.keys),
            why_not=self.why_not,
            coach=lambda: self.session.coach,
        )
        yield Prompt(lambda typed: completions(typed, self.store, list(self.app.available_themes)))

    def body(self) -> Iterable[Widget]:
        """The widgets of this view."""
        raise NotImplementedError

    def arrived(self, touched: Touched) -> None:
        """Show what changed; called only while this view is seen."""
        raise NotImplementedError

    def subjects(self) -> Sequence[object]:
        """What an action that writes is meant for."""
        return ()

    def _footer(self) -> list[Action]:
        own = [BY_ID[name] for name in self.OFFERS]
        rest = [BY_ID[name] for name in ("help", "command", "palette", "back")]
        return own + rest

    # Data

    def deliver(self, touched: Touched) -> None:
        """Take news: shown now if this view is seen, else on return."""
        self._missed.merge(touched)
        if self.is_current and self.is_mounted:
            self._catch_up()

    def on_mount(self) -> None:
        """From now on, this view is told what changes."""
        self.session.views.add(self)

    def tick(self) -> None:
        """A second passed: paint what shows ages and countdowns."""
        self.refresh_bars()

    def on_screen_resume(self) -> None:
        """Show what was missed."""
        self._catch_up()

    def _catch_up(self) -> None:
        missed, self._missed = self._missed, Touched()
        if missed and self.store.loaded:
            self.arrived(missed)
            self.refresh_bars()

    def refresh_bars(self) -> None:
        """Paint the lines at the top and the bottom again."""
        for bar in (*self.query(StatusBar), *self.query(KeyBar)):
            bar.refresh()

    def repaint(self) -> None:
        """Paint everything again: the link changed."""
        for painter in self.query(Painter):
            painter.repaint()

    # Actions

    def action_do(self, name: str) -> None:
        """Run an action by its id, or say why not."""
        action = BY_ID[name]
        if reason := self.why_not(action):
            self.notify(f"{action.label}: {reason}.", severity="warning", markup=False)
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

    @property
    def actions(self) -> list[Action]:
        """Everything this view offers, for help and palette."""
        return offered(self.OFFERS)

    def do_command(self) -> None:
        """Open the `:` line."""
        self.query_one(Prompt).open(":")

    def close_prompt(self) -> bool:
        """Close the line one types into; say whether it was open."""
        prompt = self.query_one(Prompt)
        if not prompt.is_open:
            return False
        prompt.close()
        self.focus_main()
        return True

    def focus_main(self) -> None:
        """Give the keys to the main widget of the view."""
        for widget in self.query("#body VirtualTable, #body LinesView"):
            if widget.focusable:
                widget.focus()
                return

    def leave_once(self) -> bool:
        """What escape does before it goes back: close, clear; say whether there was something."""
        return self.close_prompt()

    @on(Prompt.Entered)
    def _entered(self, event: Prompt.Entered) -> None:
        if event.kind == ":":
            self.close_prompt()
            if event.value.strip():
                self.post_message(messages.Typed(event.value))
