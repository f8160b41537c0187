"""The pane beside the tree: difference, YAML, events, history and why of what is selected.

Each is read when its tab is seen, and again when the cursor rests on another row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fleet.api.errors import ApiError
from fleet.view import EventView, ObjectDetail
from tui.content.sentences import heading, pair, timeline, why_lines
from tui.content.tree import TreeRow
from tui.fetching import Fetching, error_lines
from tui.model.trends import is_applied
from tui.session import Session
from tui.text import format as fmt
from tui.text.diffing import diff_lines, is_hunk, object_title, yaml_lines
from tui.text.format import Line, Tone, plain
from tui.widgets.lines_view import LinesView
from tui.widgets.tabs import TabLine

TABS = ("Diff", "YAML", "Events", "History", "Why")
REST_S = 0.12
"""The cursor rests so long on a row before anything is read for it."""
AUDIT_ROWS = 300


class DetailPane(LinesView):
    """Shows one tab of one row.  `screen` reads for it, `row` says what is selected."""

    def __init__(
        self,
        screen: Fetching,
        session: Session,
        *,
        cluster: str,
        row: Callable[[], TreeRow | None],
        tabs: TabLine,
    ) -> None:
        super().__init__(id="detail", wrap=True)
        self._screen = screen
        self._session = session
        self._cluster = cluster
        self._row = row
        self._tabs = tabs
        self._detail: ObjectDetail | None = None
        self._shown = ""

    @property
    def tab(self) -> str:
        """The chosen tab."""
        return self._tabs.current

    def row_changed(self) -> None:
        """Another row or tab: read it once the cursor rests."""
        self.set_timer(REST_S, self.reload)

    def reload(self) -> None:
        """Read what the tab shows for the row."""
        if not self._screen.is_built:
            return
        row = self._row()
        match self.tab:
            case "Diff" | "YAML":
                self._load_object(row)
            case "Events" | "History":
                self._load_audit(row)
            case _:
                self._load_why()

    def fail(self, error: ApiError) -> None:
        """Say why there is nothing to show."""
        self.show(error_lines(error), keep_place=False)

    def _load_object(self, row: TreeRow | None) -> None:
        if row is None:
            self.show(())
        elif row.object is None:
            self._place(row.key, self._bundle_lines(row))
        else:
            obj, cluster = row.object, self._cluster
            self._screen.fetch(
                "detail",
                lambda: _compared(self._session.client.object(cluster, obj)),
                show=self._show_object,
                fail=self.fail,
            )

    def _show_object(self, read: tuple[ObjectDetail, Sequence[Line]]) -> None:
        detail, diff = read
        self._detail = detail
        lines: Sequence[Line]
        if self.tab == "YAML":
            head: list[Line] = [object_title(detail)]
            if detail.managers:
                managers = fmt.text(", ".join(detail.managers), Tone.MUTED)
                head.append((("managed by ", Tone.MUTED), *managers))
            lines = yaml_lines(detail.live_yaml, head=[*head, ()])
        else:
            lines = diff
        obj = detail.object
        self._place(f"{obj.kind}/{obj.namespace}/{obj.name}", lines)

    def _bundle_lines(self, row: TreeRow) -> list[Line]:
        place = row.placement
        session = self._session
        lines = [
            pair("bundle", fmt.text(place.bundle, Tone.STRONG)),
            pair("state", fmt.marked(fmt.STATE_GLYPHS, place.state)),
            pair("health", fmt.marked(fmt.HEALTH_GLYPHS, place.health)),
            pair("runs", fmt.text(fmt.short_revision(place.revision))),
            pair("assigned", fmt.text(fmt.short_revision(place.assigned_revision))),
            pair("objects", fmt.text(f"{place.applied} of {place.objects} as desired")),
            pair("since", fmt.text(fmt.age(place.since, session.now()))),
        ]
        if place.message:
            lines += [(), fmt.text(place.message, Tone.WARN)]
        drifts = [
            drift
            for drift in session.store.drift.values()
            if drift.cluster == place.cluster and drift.bundle == place.bundle
        ]
        if drifts:
            lines += [(), heading("Drift")]
        for drift in drifts:
            fields = ", ".join(drift.paths) or "the object is gone"
            glyph = fmt.marked(fmt.DRIFT_GLYPHS, drift.state)
            lines.append((*glyph, *fmt.text(f"  {drift.kind}/{drift.name}  {fields}  {drift.who}")))
        return lines

    def _load_audit(self, row: TreeRow | None) -> None:
        bundle = row.placement.bundle if row else ""
        self._screen.fetch(
            "audit",
            lambda: self._session.client.audit(
                cluster=self._cluster, bundle=bundle, limit=AUDIT_ROWS
            ),
            show=self._show_audit,
            fail=self.fail,
        )

    def _show_audit(self, rows: list[EventView]) -> None:
        now = self._session.now()
        if self.tab == "History":
            rows = [row for row in rows if is_applied(row)]
            empty = "No release was applied here yet."
        else:
            empty = "Nothing is in the audit log for this."
        self._place(self.tab, timeline(rows, now, empty=empty))

    def _load_why(self) -> None:
        target = f"cluster/{self._cluster}"
        self._screen.fetch(
            "why",
            lambda: self._session.client.why(target),
            show=self._show_why,
            fail=self.fail,
        )

    def _show_why(self, sentences: Sequence[str]) -> None:
        self._place("Why", why_lines(sentences))

    def _place(self, what: str, lines: Sequence[Line]) -> None:
        key = f"{self.tab}:{what}"
        self.show(lines, keep_place=key == self._shown)
        self._shown = key

    def action_find(self, by: int) -> None:
        """Go to the next match; while nothing is searched for, to the next difference."""
        if self.pattern is None:
            self.jump(by)
        else:
            super().action_find(by)

    def jump(self, by: int) -> None:
        """Go to the next or the previous difference."""
        hunks = [position for position, line in enumerate(self.content) if is_hunk(line)]
        here = self.top_line
        after = [each for each in hunks if (each > here if by > 0 else each < here)]
        if after:
            self.jump_to(after[0] if by > 0 else after[-1])

    def text_of(self) -> tuple[str, str]:
        """A file name and the text, for the pager."""
        row = self._row()
        name = row.object.name if row and row.object else self._cluster
        if self.tab == "YAML" and self._detail is not None:
            return f"{name}.yaml", self._detail.live_yaml
        return f"{name}.txt", "\n".join(plain(line) for line in self.content) + "\n"


def _compared(detail: ObjectDetail) -> tuple[ObjectDetail, Sequence[Line]]:
    """An object with its difference: compared in the thread that read it."""
    return detail, diff_lines(detail)
