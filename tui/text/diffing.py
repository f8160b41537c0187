"""Live beside desired, as coloured lines: what an apply would change.

Pure.  `-` is what the cluster has, `+` is what Git asks for.  Secret values never come this far:
the server masks them, and `masked` says so.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from fleet.view import FieldChange, ObjectDetail
from tui.text import escape
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.text.lines import LazyLines

CONTEXT_LINES = 4
_HUNK_START = re.compile(r"([-+])(\d+)")
LINES_MAX = 20_000
"""Texts longer than this are shown without being compared line by line."""


def diff_lines(detail: ObjectDetail) -> list[Line]:
    """The whole diff pane of one object."""
    lines: list[Line] = [object_title(detail)]
    if detail.last_changed_by:
        lines.append((("last changed by ", Tone.MUTED), *fmt.text(detail.last_changed_by)))
    if detail.changes:
        lines += [(), *field_lines(detail.changes)]
    compared = yaml_diff(detail.live_yaml, detail.desired_yaml)
    if compared and not detail.changes:
        return [*lines, (), *_only_in_the_cluster(compared)]
    if compared:
        legend: Line = (
            ("- live, in the cluster", Tone.REMOVED),
            ("    ", Tone.PLAIN),
            ("+ desired, in Git", Tone.ADDED),
        )
        return [*lines, (), legend, (), *compared]
    return [*lines, (), (("✓ ", Tone.GOOD), ("live is as desired", Tone.PLAIN))]


def _only_in_the_cluster(compared: Sequence[Line]) -> list[Line]:
    """What an apply would not touch: shown, but not as if something were wrong."""
    quiet: list[Line] = [tuple((part, Tone.MUTED) for part, _ in line) for line in compared]
    return [
        (("✓ ", Tone.GOOD), ("every field that Git sets is as desired", Tone.PLAIN)),
        (("- in the cluster only: defaults, and what others set", Tone.MUTED),),
        (),
        *quiet,
    ]


def object_title(detail: ObjectDetail) -> Line:
    """Kind, namespace and name."""
    obj = detail.object
    place = f"{obj.namespace}/{obj.name}" if obj.namespace else obj.name
    return (*fmt.text(f"{obj.kind} ", Tone.MUTED), *fmt.text(place, Tone.STRONG))


def field_lines(changes: Sequence[FieldChange]) -> list[Line]:
    """Each field that differs on a line of its own."""
    width = max((len(change.path) for change in changes), default=0)
    return [
        (
            *fmt.text(change.path.ljust(width), Tone.STRONG),
            ("  ", Tone.PLAIN),
            *_values(change),
        )
        for change in changes
    ]


def _values(change: FieldChange) -> Line:
    if change.masked:
        return (("differs, hidden because it is secret", Tone.MUTED),)
    return (
        (fmt.scalar(change.live), Tone.REMOVED),
        (" → ", Tone.MUTED),
        (fmt.scalar(change.desired), Tone.ADDED),
    )


def yaml_diff(live: str, desired: str) -> list[Line]:
    """A unified diff from live to desired; nothing when they are equal."""
    old, new = escape.lines(live.rstrip("\n")), escape.lines(desired.rstrip("\n"))
    if old == new:
        return []
    before, after = _alike(old, new)
    old, new = old[before : len(old) - after], new[before : len(new) - after]
    if len(old) + len(new) > LINES_MAX:
        return [(("Too long to compare here; o opens it in the pager.", Tone.MUTED),)]
    lines: list[Line] = []
    for row in difflib.unified_diff(old, new, n=CONTEXT_LINES, lineterm=""):
        if row.startswith(("---", "+++")) and not lines:
            continue
        lines.append(_diff_row(_moved(row, before) if row.startswith("@@") else row))
    return lines


def _alike(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines at the beginning and the end need no comparing, context aside."""
    shorter = min(len(old), len(new))
    before = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    rest = shorter - before
    after = next((at for at in range(rest) if old[-1 - at] != new[-1 - at]), rest)
    return max(0, before - CONTEXT_LINES), max(0, after - CONTEXT_LINES)


def _moved(header: str, by: int) -> str:
    """The head of a hunk, `@@ -7,5 +7,6 @@`, `by` lines further down."""
    return _HUNK_START.sub(lambda found: f"{found[1]}{int(found[2]) + by}", header)


def _diff_row(row: str) -> Line:
    match row[:1]:
        case "+":
            return ((row, Tone.ADDED),)
        case "-":
            return ((row, Tone.REMOVED),)
        case "@":
            return ((row, Tone.ACCENT),)
        case _:
            return ((row, Tone.PLAIN),)


def yaml_lines(text: str, *, head: Sequence[Line] = ()) -> Sequence[Line]:
    """YAML with its keys set apart, below `head`; each line is made when it is seen."""
    return LazyLines(text.replace("\r\n", "\n").rstrip("\n").split("\n"), _yaml_row, head=head)


def _yaml_row(raw: str) -> Line:
    row = escape.one_line(raw.expandtabs(4))
    key, colon, value = row.partition(":")
    if colon and (not value or value.startswith(" ")):
        return ((key + colon, Tone.ACCENT), (value, Tone.PLAIN))
    return ((row, Tone.PLAIN),)


def is_hunk(line: Line) -> bool:
    """Whether a line begins a difference, for going to the next one."""
    return bool(line) and line[0][0].startswith("@@ -")
