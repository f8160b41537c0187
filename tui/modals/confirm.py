"""What stands between a key and a command: a question, a word to type, or a refusal.

Cancel always has the focus first; production looks different.  Each modal answers the reason that
was given (perhaps empty), or None for no.
"""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tui.orders.plans import Plan
from tui.text.escape import one_line
from tui.text.format import Line, Tone
from tui.text.lines import wrapped
from tui.widgets.painting import LinesWidget

FACTS_MAX = 10


class Facts(LinesWidget):
    """What a plan means, as a list."""

    DEFAULT_CSS = "Facts { height: auto; max-height: 14; }"

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._plan = plan

    def lines(self, width: int) -> list[Line]:
        """One line for each fact; the rest is counted."""
        facts = list(self._plan.facts[:FACTS_MAX])
        hidden = len(self._plan.facts) - len(facts)
        if hidden > 0:
            facts.append(f"and {hidden} more")
        return [
            part
            for fact in facts
            for part in wrapped((("· ", Tone.MUTED), (one_line(fact), Tone.PLAIN)), width)
        ]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """As high as there are lines."""
        return len(self.lines(width))


class PlanModal(ModalScreen[str | None]):
    """Base: a box with the plan's title and facts; Cancel has the focus."""

    AUTO_FOCUS = "#cancel"
    BINDINGS = [  # noqa: RUF012
        Binding("escape", "cancel", "Cancel"),
        # Before what has the focus sees them: what is typed right after must not land there.
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("left,up", "app.focus_previous", show=False),
        Binding("right,down", "app.focus_next", show=False),
    ]

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def compose(self) -> ComposeResult:
        """The box."""
        box = Vertical(id="box", classes="-production" if self.plan.production else "")
        with box:
            if self.plan.production:
                yield Static(" PRODUCTION ", id="banner", markup=False)
            yield Static(f"{one_line(self.plan.title)}?", id="title", markup=False)
            yield Facts(self.plan)
            yield from self.questions()
            with Horizontal(id="buttons"):
                yield Button("Cancel", id="cancel")
                yield Button(self.plan.verb, id="go", disabled=self.blocked())
            yield Static(self.hint(), id="hint", markup=False)

    def questions(self) -> ComposeResult:
        """Inputs, if the tier has any."""
        yield from ()

    def hint(self) -> str:
        """How to answer."""
        return "tab or → to choose, enter to do it, esc to cancel"

    def blocked(self) -> bool:
        """Whether the answer may not be yes yet."""
        return False

    def reason(self) -> str:
        """The reason that was given."""
        return ""

    def action_cancel(self) -> None:
        """No."""
        self.dismiss(None)

    @on(Button.Pressed, "#cancel")
    def _no(self) -> None:
        self.dismiss(None)

    @on(Button.Pressed, "#go")
    def _yes(self) -> None:
        if not self.blocked():
            self.dismiss(self.reason())


class AskModal(PlanModal):
    """T1: a question; with a reason where the command wants one, and then the cursor is there."""

    AUTO_FOCUS = "#reason, #cancel"

    def questions(self) -> ComposeResult:
        """A reason, when one is needed."""
        if self.plan.needs_reason:
            yield Input(placeholder="reason (goes into the audit log)", id="reason")

    def hint(self) -> str:
        """How to answer."""
        if self.plan.needs_reason:
            return "type a reason, enter to do it, esc to cancel"
        return super().hint()

    def reason(self) -> str:
        """The reason that was given."""
        return self.query_one("#reason", Input).value.strip() if self.plan.needs_reason else ""

    def blocked(self) -> bool:
        """No reason, no command."""
        return self.plan.needs_reason and not (self.is_mounted and self.reason())

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#go", Button).disabled = self.blocked()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self._yes()


class TypeModal(PlanModal):
    """T2: the scope's name must be typed, and a reason given: an enter by habit does nothing."""

    AUTO_FOCUS = "#scope"

    def questions(self) -> ComposeResult:
        """The scope and the reason."""
        yield Static(f"Type  {one_line(self.plan.scope)}  to go on:", classes="ask", markup=False)
        yield Input(id="scope")
        yield Input(id="reason", placeholder="reason (goes into the audit log)")

    def hint(self) -> str:
        """How to answer."""
        return "type both, enter to do it, esc to cancel"

    def reason(self) -> str:
        """The reason that was given."""
        return self.query_one("#reason", Input).value.strip()

    def blocked(self) -> bool:
        """Scope and reason are both needed."""
        if not self.is_mounted:
            return True
        return self.query_one("#scope", Input).value != self.plan.scope or not self.reason()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#go", Button).disabled = self.blocked()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        if not self.blocked():
            self.dismiss(self.reason())
        elif event.input.id == "scope":
            self.query_one("#reason").focus()
        else:
            self.query_one("#scope").focus()


class RefusedModal(ModalScreen[None]):
    """T3: not here."""

    BINDINGS = [Binding("escape,enter,q", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def compose(self) -> ComposeResult:
        """The reason, and where to go instead."""
        with Vertical(id="box", classes="-production"):
            yield Static(f"{one_line(self.plan.title)}: not here", id="title", markup=False)
            yield Static(
                "This deletes everything of a bundle that left Git. It is done on the command "
                "line, where all of it can be read first:\n\n"
                f"  flotilla confirm-prune {self.plan.scope}",
                markup=False,
            )
            yield Static("esc closes", id="hint", markup=False)
