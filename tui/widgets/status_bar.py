"""The two lines at the top: whose fleet, how true, which commit; and the views."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.widget import Widget

from tui.actions import BY_ID
from tui.messages import Go
from tui.model.link import LinkState
from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Span, Tone
from tui.widgets.painting import LinesWidget

VIEWS = [action for action in BY_ID.values() if action.id.startswith("go_")]
_LINK: dict[LinkState, tuple[str, Tone]] = {
    LinkState.CONNECTING: ("◌ connecting", Tone.ACTIVE),
    LinkState.LIVE: ("● live", Tone.GOOD),
    LinkState.STALE: ("◌ stale", Tone.WARN),
    LinkState.OFFLINE: ("◌ offline", Tone.BAD),
}


class StatusBar(LinesWidget):
    """Painted anew once a second and when something of it changes."""

    def __init__(self, session: Session, *, view: str, crumbs: Sequence[str] = ()) -> None:
        super().__init__()
        self.session = session
        self.view = view
        self.crumbs = tuple(crumbs)
        self._places: list[tuple[range, str]] = []

    @property
    def is_stale(self) -> bool:
        """Never greyed: this is the line that says so."""
        return False

    def lines(self, width: int) -> list[Line]:
        """The status line and the line of views."""
        return [self._status(width), self._views(width)]

    def _status(self, width: int) -> Line:
        session = self.session
        now = session.now()
        left: list[Span] = [(" flotilla ", Tone.ACCENT)]
        if session.store.fleet:
            left += [
                ("▸ ", Tone.MUTED),
                *fmt.text(session.store.fleet, Tone.STRONG),
                ("  ", Tone.PLAIN),
            ]
        left += [*self._link(), ("  ", Tone.PLAIN), *self._git(width)]
        mode = ("read-only", Tone.WARN) if session.read_only else ("write", Tone.MUTED)
        right: list[Span] = [*fmt.text(session.actor, Tone.PLAIN), (" · ", Tone.MUTED), mode]
        if width >= 100:
            right.append((f"  {fmt.clock(now)}", Tone.MUTED))
        return _spread(tuple(left), (*right, (" ", Tone.PLAIN)), width)

    def _link(self) -> Line:
        session = self.session
        now = session.now()
        state = session.link_state()
        word, tone = _LINK[state]
        if state in {LinkState.STALE, LinkState.OFFLINE} and session.link.heard_at:
            word += f" for {fmt.age(session.link.heard_at, now)}"
        if state in {LinkState.STALE, LinkState.OFFLINE} and session.link.retry_at:
            word += f", retry in {fmt.duration(session.link.retry_at - now)}"
        return ((word, tone),)

    def _git(self, width: int) -> Line:
        git = self.session.store.git
        if not git.ref:
            return ()
        if git.error:
            return fmt.text(f"✖ git: {git.error}", Tone.BAD)
        if git.refused_revision:
            short = fmt.short_revision(git.refused_revision)
            return (
                (f"✖ {short} refused", Tone.BAD),
                *fmt.text(f" · {fmt.short_revision(git.revision)} in force", Tone.MUTED),
            )
        line = fmt.text(f"git {git.ref}@{fmt.short_revision(git.revision)}", Tone.MUTED)
        if width >= 100:
            line += fmt.text(f" ({fmt.age(git.fetched_at, self.session.now())} ago)", Tone.MUTED)
        return line

    def _views(self, width: int) -> Line:
        spans: list[Span] = []
        self._places = []
        x = 0
        for action in VIEWS:
            name = action.id.removeprefix("go_")
            here = name == self.view
            gap = " " if width >= 100 else ""
            label = f" {action.keys.split(',')[0]} {action.label}{gap}"
            tone = Tone.ACCENT if here else Tone.MUTED
            if here:
                label = f"[{label.strip()}]" if gap else f"▸{label.strip()}"
            spans.append((label, tone))
            self._places.append((range(x, x + len(label)), name))
            x += len(label)
        crumbs = " ▸ ".join(self.crumbs)
        right = fmt.text(crumbs + " ", Tone.STRONG) if crumbs else ()
        return _spread(tuple(spans), right, width)

    def on_click(self, event: events.Click) -> None:
        """Go to the view that was clicked."""
        for place, name in self._places:
            if event.y == 1 and event.x in place:
                self.post_message(Go(name))


def _spread(left: Line, right: Line, width: int) -> Line:
    """Set one part to the left and one to the right; the right one goes when there is no room."""
    used = sum(len(part) for part, _ in (*left, *right))
    if used + 1 > width:
        return left
    return (*left, (" " * (width - used), Tone.PLAIN), *right)


class TooSmall(Widget):
    """Stands in for everything on a terminal where nothing would be legible."""

    def render(self) -> str:
        """Say how much room is needed."""
        return "This window is too small.\n60×15 is the least, 80×24 is comfortable."
