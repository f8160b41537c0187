"""The settings: what is changed is seen at once, and stands in the user's file at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from textual.widget import Widget

from tui import messages
from tui.config import Config
from tui.content.columns import cluster_columns
from tui.content.rows import Column, RowModel
from tui.model.queries import group_labels
from tui.model.store import Touched
from tui.screens.table_view import TableView
from tui.session import Session
from tui.settings import Choice, Setting, changed, in_file, settings
from tui.text import format as fmt
from tui.text.format import Line, Tone
from tui.themes import AUTO
from tui.widgets.painting import LinesWidget
from tui.widgets.virtual_table import VirtualTable


class SettingsScreen(TableView):
    """A table of settings; ← and → go through the choices of one."""

    VIEW = "settings"
    TABLE = "settings"
    OFFERS = ("open", "filter", "reset_setting")

    def __init__(self, session: Session) -> None:
        super().__init__(session, crumbs=("Settings",))
        self._columns = [column.id for column in cluster_columns(session.now)]
        self._bindings.bind("left", "step(-1)", show=False)
        self._bindings.bind("right", "step(1)", show=False)

    def body(self) -> Iterable[Widget]:
        """The table, and a line about the file."""
        columns: list[Column[Setting]] = [
            Column("name", "setting", 22, lambda row: fmt.text(row.name, Tone.STRONG), priority=0),
            Column("value", "value", 20, self._value_cell, priority=0),
            Column("about", "what it does", 30, _about_cell, grow=1, priority=1),
        ]
        model = RowModel(columns, search=lambda row: f"{row.name} {row.about}")
        yield VirtualTable(model, id="settings", title="Settings")
        yield FileLine(self.session)

    def _value_cell(self, row: Setting) -> Line:
        value = row.value(self.session.config)
        word = {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value
        return (("‹ ", Tone.MUTED), *fmt.text(str(word), Tone.ACCENT), (" ›", Tone.MUTED))

    def begin(self) -> None:
        """Show what there is to set."""
        super().begin()
        self._show()

    def arrived(self, touched: Touched) -> None:
        """Labels to group by may be new."""
        if touched.any_of("cluster"):
            self._show()

    def _show(self) -> None:
        own = [name for name in self.app.available_themes if name.startswith("flotilla-")]
        rest = [name for name in self.app.available_themes if name.startswith("ansi-")]
        rows = settings(
            [*own, AUTO, *rest], group_labels(self.store.clusters.values()), self._columns
        )
        self.query_one("#settings", VirtualTable).replace({row.name: row for row in rows})

    def subjects(self) -> list[object]:
        """Nothing of the fleet is selected here."""
        return []

    def open_row(self, row: object) -> None:
        """The next choice."""
        self.action_step(1)

    def action_step(self, by: int) -> None:
        """Go to the next or the previous choice of the setting under the cursor."""
        row = self.table.current
        if isinstance(row, Setting):
            value = row.step(self.session.config, by)
            self._change(row, changed(row, value, self.session.config, self._columns))

    def do_reset_setting(self) -> None:
        """Back to what it is without being set."""
        row = self.table.current
        if not isinstance(row, Setting):
            return
        config, plain = self.session.config, Config()
        if row.key.startswith("columns."):
            rest = {key: value for key, value in config.columns.items() if key != "clusters"}
            self._change(row, replace(config, columns=rest), reset=True)
        else:
            self._change(row, replace(config, **{row.key: getattr(plain, row.key)}), reset=True)

    def _change(self, row: Setting, config: Config, *, reset: bool = False) -> None:
        value: Choice | tuple[str, ...] | None = None if reset else in_file(row, config)
        self.post_message(messages.Configure(config, row.key, value))
        if row.when:
            self.notify(f"{row.name} changes {row.when}.", timeout=3, markup=False)

    def configured(self) -> None:
        """Values may be other ones."""
        super().configured()
        self.query_one("#settings", VirtualTable).repaint()


def _about_cell(row: Setting) -> Line:
    when = fmt.text(f"  ({row.when})", Tone.MUTED) if row.when else ()
    return (*fmt.text(row.about), *when)


class FileLine(LinesWidget):
    """Where the settings are kept."""

    DEFAULT_CSS = "FileLine { height: 1; padding: 0 2; }"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def lines(self, width: int) -> list[Line]:
        """One line."""
        path = self.session.config_file
        where = f"kept in {path}" if path else "kept for this run only"
        return [((where, Tone.MUTED), ("  ←→ change · backspace default", Tone.MUTED))]
