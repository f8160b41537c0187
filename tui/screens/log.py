"""The log: what happens, line by line, the newest below; of one cluster, one bundle, or all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.widget import Widget

from fleet.api.errors import ApiError
from fleet.view import EventView
from tui import messages
from tui.fetching import error_lines
from tui.model.store import Touched
from tui.model.trends import is_error
from tui.places import LogPlace
from tui.screens.view import ViewScreen
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone, plain
from tui.text.lines import LazyLines
from tui.widgets.lines_view import LinesView

OURSELVES = "flotilla"
"""The actor of what nobody asked for: not worth a word on every line."""
ROWS_READ = 1_000
"""Rows of the past that are read from the server when the log is opened."""


class LogView(LinesView):
    """Lines that stay at the newest one until a person scrolls up."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.follows = True

    def show(self, lines: Sequence[Line], *, keep_place: bool = True) -> None:
        """Show these lines, at the newest one unless a person reads elsewhere."""
        super().show(lines, keep_place=keep_place)
        self.stay()

    def stay(self) -> None:
        """Go to the newest line where that is followed."""
        if self.follows:
            self.scroll_end(animate=False, immediate=True)

    def on_resize(self) -> None:
        """A first size, or another one: there is another end."""
        super().on_resize()
        self.stay()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Whoever scrolls up wants to read; who comes to the end again wants to follow."""
        super().watch_scroll_y(old_value, new_value)
        self.follows = new_value >= self.max_scroll_y


class LogScreen(ViewScreen):
    """One text from edge to edge."""

    VIEW = "log"
    OFFERS = ("filter", "follow", "timestamps", "faults", "external", "copy")

    def __init__(self, session: Session, place: LogPlace) -> None:
        super().__init__(session, crumbs=("Log", place.title))
        self._place = place
        self._rows: dict[int, EventView] = {}
        self._shown: list[EventView] = []
        self._times = True
        self._faults_only = False

    def body(self) -> Iterable[Widget]:
        """The text."""
        yield LogView(id="log")

    @property
    def view(self) -> LogView:
        """The text."""
        return self.query_one(LogView)

    def begin(self) -> None:
        """The text has the keys."""
        self.view.focus()
        self._show()

    def arrived(self, touched: Touched) -> None:
        """Add what happened; the past is read once."""
        if touched.all:
            self._add(self.store.events.values())
            self.fetch(
                "past",
                lambda: self.session.client.audit(
                    cluster=self._place.cluster, bundle=self._place.bundle, limit=ROWS_READ
                ),
                show=self._add,
                fail=self._failed,
            )
        elif keys := touched.of("event"):
            found = (self.store.events.get(int(key)) for key in keys if key.isdigit())
            self._add(event for event in found if event is not None)

    def _add(self, rows: Iterable[EventView]) -> None:
        new = {row.seq: row for row in rows if self._place.holds(row)}
        if new.keys() - self._rows.keys():
            self._rows = dict(sorted({**self._rows, **new}.items()))
            self._show()

    def _failed(self, error: ApiError) -> None:
        if not self._rows:
            self.view.show(error_lines(error))

    def _show(self) -> None:
        rows = self._rows.values()
        self._shown = [row for row in rows if is_error(row) or not self._faults_only]
        empty: Line = (("Nothing happened here yet.", Tone.MUTED),)
        lines: Sequence[Line] = LazyLines(self._shown, self._line)
        self.view.show(lines or (empty,))
        self._retitle()

    def _retitle(self) -> None:
        view = self.view
        words = [f"Log of {self._place.title}", fmt.count(len(self._shown), "line")]
        words += ["follows"] if view.follows else ["stands still (s follows)"]
        words += ["faults only"] if self._faults_only else []
        words += [f"find {view.pattern.pattern}"] if view.pattern else []
        view.border_title = view.title_text("  ".join(words))

    def _line(self, row: EventView) -> Line:
        bad = is_error(row)
        by = "" if row.actor == OURSELVES else f"  ({row.actor})"
        where = "" if row.cluster in row.sentence else f"{row.cluster}  "
        moment = fmt.moment(row.at, self.session.now())
        return (
            *(((f"{moment}  ", Tone.MUTED),) if self._times else ()),
            *fmt.text(f"{row.kind:<18} ", Tone.BAD if bad else Tone.ACCENT),
            *fmt.text(where, Tone.STRONG),
            *fmt.text(row.sentence + by),
        )

    def tick(self) -> None:
        """Say whether it follows still."""
        super().tick()
        self._retitle()

    def do_filter(self) -> None:
        """Type what to search for."""
        self.view.focus()
        self.search_in_text()

    def do_follow(self) -> None:
        """Stay at the newest line, or stop."""
        view = self.view
        view.follows = not view.follows
        view.stay()
        self._retitle()

    def do_timestamps(self) -> None:
        """With moments, or without."""
        self._times = not self._times
        self._show()

    def do_faults(self) -> None:
        """Only what went wrong, or everything."""
        self._faults_only = not self._faults_only
        self._show()

    def _text(self) -> str:
        return "\n".join(plain(line) for line in self.view.content) + "\n"

    def do_copy(self) -> None:
        """Copy the whole log."""
        self.app.copy_to_clipboard(self._text())
        words = f"Copied {fmt.count(len(self._shown), 'line')} to the clipboard."
        self.notify(words, timeout=2, markup=False)

    def do_external(self) -> None:
        """The whole log in the pager."""
        self.post_message(messages.OpenText("flotilla.log", self._text()))

    def leave_once(self) -> bool:
        """Escape ends the search, shows everything again, then goes back."""
        if super().leave_once():
            return True
        if self._faults_only:
            self.do_faults()
            return True
        return False
