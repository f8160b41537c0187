"""What all views have in common: the bars, the prompt, actions, and data that arrives.

Data is given by the app: at once to the view that is seen, on return to those that are not.
Actions are `tui.screens.acting`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from tui import messages
from tui.command_line import completions
from tui.content.filtering import pattern_of
from tui.keymap import keys_of
from tui.model.store import Touched
from tui.places import log_of
from tui.screens.acting import Acting
from tui.session import Session
from tui.themes import AUTO
from tui.widgets.cursor import CursorTable
from tui.widgets.key_bar import KeyBar
from tui.widgets.lines_view import LinesView
from tui.widgets.notice import Notice
from tui.widgets.painting import Painter
from tui.widgets.prompt import FIND, Prompt
from tui.widgets.status_bar import StatusBar, TooSmall


class ViewScreen(Acting):
    """Base of all views."""

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

    def __init__(self, session: Session, *, crumbs: Sequence[str] = ()) -> None:
        super().__init__(session)
        self.crumbs = tuple(crumbs)
        self.subject: object = None
        """What was opened to come here, by which one can come here again; None for top views."""
        self._missed = Touched(all=True)
        self._configured = session.config
        self._searched: LinesView | None = None

    def compose(self) -> ComposeResult:
        """Bars around the body."""
        yield StatusBar(self.session, view=self.VIEW, crumbs=self.crumbs)
        with Vertical(id="body"):
            yield from self.body()
        yield Notice(self.session)
        yield TooSmall(id="too-small")
        yield KeyBar(
            self.footer(),
            keys=lambda action: keys_of(action, self.session.config.keys),
            why_not=self.why_not,
            coach=lambda: self.session.coach,
        )
        yield Prompt(
            lambda typed: completions(
                typed,
                self.store,
                [*self.app.available_themes, AUTO],
                list(self.session.config.servers),
            )
        )

    def body(self) -> Iterable[Widget]:
        """The widgets of this view."""
        raise NotImplementedError

    def arrived(self, touched: Touched) -> None:
        """Show what changed; called only while this view is seen."""
        raise NotImplementedError

    # Data

    def deliver(self, touched: Touched) -> None:
        """Take news: shown now if this view is seen, else on return."""
        self._missed.merge(touched)
        if self.is_current and self.is_mounted:
            self._catch_up()

    def on_mount(self) -> None:
        """From now on, this view is told what changes."""
        self.session.views.add(self)
        self.stands = True
        if self.is_built:  # the app may be on its way out already, without having made the widgets
            self.begin()

    def begin(self) -> None:
        """The widgets are there for the first time."""

    def tick(self) -> None:
        """A second passed: paint what shows ages and countdowns."""
        self.refresh_bars()
        for table in self.query(CursorTable):
            table.repaint()

    def on_screen_resume(self) -> None:
        """Show what was missed."""
        if self.is_built and self._configured is not self.session.config:
            self.update_node_styles(animate=False)
            self.configured()
        self.refresh_bars()
        self._catch_up()

    def _catch_up(self) -> None:
        missed, self._missed = self._missed, Touched()
        if not self.is_built:
            self._missed = missed
        elif missed and self.store.loaded:
            self.arrived(missed)
            self.refresh_bars()

    def refresh_bars(self) -> None:
        """Paint the lines at the top and the bottom again."""
        self.set_class(not self.store.loaded, "-unloaded")
        for bar in (*self.query(StatusBar), *self.query(KeyBar), *self.query(Notice)):
            bar.refresh()

    def repaint(self) -> None:
        """Paint everything again: the link changed."""
        self.refresh_bars()
        for painter in self.query(Painter):
            painter.repaint()

    def configured(self) -> None:
        """Follow settings that were changed: at once if this view is seen, else on return."""
        self._configured = self.session.config
        self.repaint()

    def do_log(self) -> None:
        """Follow the log of what is selected, or of everything."""
        self.post_message(messages.Open(log_of(self.store, self.subjects())))

    def do_command(self) -> None:
        """Open the `:` line."""
        self.query_one(Prompt).open(":")

    def search_in_text(self) -> bool:
        """Type what to search for, if a text has the focus; say whether one has."""
        text = self.focused
        if not isinstance(text, LinesView):
            return False
        self._searched = text
        self.query_one(Prompt).open(FIND, text.pattern.pattern if text.pattern else "")
        return True

    def stop_searching(self) -> bool:
        """End the search in a text; say whether there was one."""
        found = [text for text in self.query(LinesView) if text.pattern is not None]
        for text in found:
            text.search(None)
        return bool(found)

    @on(Prompt.Typed)
    def _search(self, event: Prompt.Typed) -> None:
        if event.kind == FIND and self._searched is not None:
            typed = event.value
            self._searched.search(pattern_of(typed) if typed else None)

    @on(Prompt.Entered)
    def _searched_for(self, event: Prompt.Entered) -> None:
        if event.kind == FIND:
            self.close_prompt()

    def close_prompt(self) -> bool:
        """Close the line one types into; say whether it was open."""
        prompt = self.query_one(Prompt)
        if not prompt.is_open:
            return False
        prompt.close()
        if prompt.kind == FIND and self._searched is not None:
            self._searched.focus()
        else:
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
        closed = self.close_prompt()
        return self.stop_searching() or closed

    @on(Prompt.Entered)
    def _entered(self, event: Prompt.Entered) -> None:
        if event.kind == ":":
            self.close_prompt()
            if event.value.strip():
                self.post_message(messages.Typed(event.value))
