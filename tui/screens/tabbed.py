"""A view with a pane of tabs: choosing one, going through differences, the pager."""

from __future__ import annotations

from tui import messages
from tui.screens.cluster_detail import DetailPane
from tui.screens.table_view import TableView
from tui.widgets.tabs import TabLine


class TabbedView(TableView):
    """Base of a view that has a `DetailPane` and a `TabLine`."""

    @property
    def pane(self) -> DetailPane:
        """The pane at the right."""
        return self.query_one(DetailPane)

    def do_diff(self) -> None:
        """Live beside desired."""
        self._choose("Diff")

    def do_yaml(self) -> None:
        """As it is in the cluster."""
        self._choose("YAML")

    def do_show_events(self) -> None:
        """Audit rows of this cluster."""
        self._choose("Events")

    def do_why(self) -> None:
        """Why it is as it is."""
        self._choose("Why")

    def _choose(self, tab: str) -> None:
        line = self.query_one(TabLine)
        if line.current == tab:
            self.pane.row_changed()
        line.choose(tab)

    def do_next_tab(self) -> None:
        """The next tab."""
        self.query_one(TabLine).step(1)

    def do_previous_tab(self) -> None:
        """The previous tab."""
        self.query_one(TabLine).step(-1)

    def do_next_hunk(self) -> None:
        """The next difference."""
        self.pane.jump(1)

    def do_previous_hunk(self) -> None:
        """The previous difference."""
        self.pane.jump(-1)

    def do_external(self) -> None:
        """The pane's text in the pager."""
        self.post_message(messages.OpenText(*self.pane.text_of()))
