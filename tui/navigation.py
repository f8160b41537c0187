"""Going from view to view: modes for the top views, screens on top of them for details.

Escape goes one step up and never quits: closes what is open, leaves a detail, returns to the fleet.
`-` returns to the place before this one, alt+← and alt+→ go along the way one came.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual import on

from tui import messages
from tui.handover import Handover
from tui.model.queries import name_of, subject_of
from tui.model.store import Touched
from tui.model.visited import Place, Visited
from tui.screens.registry import detail_of, view_factories
from tui.screens.table_view import TableView
from tui.screens.view import ViewScreen
from tui.session import Session

HOME = "fleet"


class Navigation(Handover):
    """The part of the app that knows where one is."""

    session: Session
    visited: Visited

    def add_views(self) -> None:
        """Make the top views known; each is built when first seen."""
        for name, factory in view_factories(self.session).items():
            self.add_mode(name, partial(self._make_view, factory))

    def _make_view(self, factory: Callable[[], ViewScreen]) -> ViewScreen:
        """Make a view that counts as styled: its widgets are, when they are mounted.

        Else Textual parses and applies the whole stylesheet twice when a view is first seen.
        """
        screen = factory()
        screen._css_update_count = self._css_update_count
        return screen

    def deliver(self, touched: Touched) -> None:
        """Tell every view that exists what changed; only the seen one works."""
        for screen in list(self.session.views):
            screen.deliver(touched)

    def go(self, view: str, filter_text: str | None = None) -> None:
        """Switch to a top view, at its root."""
        self._switch(view)
        self._note()
        if filter_text is not None:
            self.call_after_refresh(self._filter, filter_text)

    def _switch(self, view: str) -> None:
        if view != self.current_mode:
            self.switch_mode(view)
        while len(self.screen_stack) > 1:
            self.leave()

    def _note(self) -> None:
        """Remember where one is now."""
        opened = [each.subject for each in self.screen_stack if isinstance(each, ViewScreen)][1:]
        self.visited.went(Place(view=self.current_mode, opened=tuple(opened)))

    def on_do_last_view(self) -> None:
        """The place before this one; a second time, here again."""
        if before := self.visited.before:
            self._return_to(before)
            self._note()

    def on_do_history_back(self) -> None:
        """One step back on the way one came."""
        self._step(-1, "This is where you began.")

    def on_do_history_forward(self) -> None:
        """One step forward again."""
        self._step(1, "This is the newest place.")

    def _step(self, by: int, at_the_end: str) -> None:
        place = self.visited.step(by)
        if place is None:
            self.notify(at_the_end, timeout=2, markup=False)
        else:
            self._return_to(place)

    def _return_to(self, place: Place) -> None:
        self._switch(place.view)
        for subject in place.opened:
            self._push(subject)

    def _filter(self, text: str) -> None:
        if isinstance(self.screen, TableView):
            self.screen.filter_by(text)

    def show(self, subject: object) -> None:
        """Open a thing in its own view, or say that there is none."""
        self._push(subject)
        self._note()

    def _push(self, subject: object) -> None:
        found = subject
        if isinstance(subject, str):
            found = subject_of(self.session.store, subject)
        screen = detail_of(self.session, found) if found is not None else None
        if isinstance(screen, str):
            self._switch(screen)
        elif screen is not None:
            screen.subject = name_of(subject)
            self.push_screen(screen)
        else:
            self.notify("There is nothing more to open here.", markup=False)

    def leave(self) -> None:
        """Take the topmost screen away."""
        if isinstance(self.screen, ViewScreen):
            self.screen.stands = False
        self.pop_screen()

    def back(self) -> None:
        """One step back; at the root, nothing."""
        screen = self.screen
        if isinstance(screen, ViewScreen) and screen.leave_once():
            return
        if len(self.screen_stack) > 1:
            self.leave()
            self._note()
        elif self.current_mode != HOME:
            self.go(HOME)

    @on(messages.Go)
    def _go(self, event: messages.Go) -> None:
        self.go(event.view, event.filter)

    @on(messages.Open)
    def _open(self, event: messages.Open) -> None:
        self.show(event.subject)

    @on(messages.Back)
    def _leave_asked(self, event: messages.Back) -> None:
        self.leave()
        self._note()
        if event.then:
            self.call_after_refresh(self.post_message, messages.Do(event.then))

    @on(messages.OpenK9s)
    def _open_k9s(self, event: messages.OpenK9s) -> None:
        self.open_k9s(event.cluster)

    @on(messages.OpenText)
    def _open_text(self, event: messages.OpenText) -> None:
        self.open_text(event.name, event.text)
