"""Reading from the server on behalf of a view: in a worker, and late answers are dropped.

Every purpose has a name; a newer read of the same purpose makes the older one's answer void, so
that the answer shown always belongs to what is selected now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from textual import on
from textual.message import Message
from textual.screen import Screen

from fleet.api.errors import ApiError
from tui.text import format as fmt
from tui.text.format import Line, Tone

T = TypeVar("T")


@dataclass
class Fetched(Message):
    """An answer, or the error in its place, for the read number `epoch` of `purpose`."""

    purpose: str
    epoch: int
    value: Any
    show: Callable[[Any], None]
    fail: Callable[[ApiError], None]


class Fetching(Screen[None]):
    """A screen that reads from the server."""

    def __init__(self) -> None:
        super().__init__()
        self._epochs: dict[str, int] = {}
        self.stands = False
        """Set from mounting to leaving."""

    @property
    def is_built(self) -> bool:
        """Whether the widgets are there: a screen that is taken down still gets mail."""
        # Textual ends `display` when it begins to remove a node, whoever asked for that; and on
        # its way out the app takes the widgets before it stops timers and workers.
        return self.stands and self.display and self.is_attached and self.app.is_running

    def fetch(
        self,
        purpose: str,
        read: Callable[[], T],
        *,
        show: Callable[[T], None],
        fail: Callable[[ApiError], None],
    ) -> None:
        """Call `read` in a thread, then `show` or `fail` here; the newest of a purpose counts."""
        epoch = self._epochs[purpose] = self._epochs.get(purpose, 0) + 1
        self.run_worker(
            partial(self._read, Fetched(purpose, epoch, None, show, fail), read),
            thread=True,
            group=purpose,
            exit_on_error=False,
        )

    def _read(self, answer: Fetched, read: Callable[[], Any]) -> None:
        try:
            answer.value = read()
        except ApiError as error:
            answer.value = error
        self.post_message(answer)

    @on(Fetched)
    def _fetched(self, event: Fetched) -> None:
        late = event.epoch != self._epochs.get(event.purpose)
        if late or not self.is_built:
            return
        if isinstance(event.value, ApiError):
            event.fail(event.value)
        else:
            event.show(event.value)


def error_lines(error: ApiError) -> list[Line]:
    """An error as a person can use it: what happened, and what to do."""
    lines = [(("✖ ", Tone.BAD), *fmt.text(error.message, Tone.BAD))]
    if error.hint:
        lines.append((("  ", Tone.PLAIN), *fmt.text(error.hint, Tone.MUTED)))
    return lines
