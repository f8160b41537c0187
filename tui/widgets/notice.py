"""What stands where the fleet will be, until something was received: what, why, and what to do."""

from __future__ import annotations

from tui.session import Session
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.text.lines import wrapped
from tui.widgets.painting import LinesWidget


class Notice(LinesWidget):
    """Shown by every view while nothing is loaded."""

    def __init__(self, session: Session) -> None:
        super().__init__(id="notice")
        self.session = session

    @property
    def is_stale(self) -> bool:
        """Never greyed: it is the news."""
        return False

    def lines(self, width: int) -> list[Line]:
        """What happens, or went wrong."""
        link, where = self.session.link, str(self.session.client.address)
        if not link.error:
            return [(), (("  ◌ ", Tone.ACTIVE), *fmt.text(f"Connecting to {where} …"))]
        lines: list[Line] = [()]
        lines += wrapped((("  ✖ ", Tone.BAD), *fmt.text(link.error, Tone.STRONG)), width - 2)
        if link.hint:
            lines += wrapped((("    ", Tone.PLAIN), *fmt.text(link.hint)), width - 2)
        if link.retry_at is not None:
            wait = fmt.duration(link.retry_at - self.session.now())
            text = f"Next try in {wait}. ctrl+r tries now, ctrl+q leaves."
            lines += [(), (("    ", Tone.PLAIN), (text, Tone.MUTED))]
        return lines
