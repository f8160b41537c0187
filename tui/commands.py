"""What every view offers, and the `:` line: carried out by the app itself."""

from __future__ import annotations

import time

from textual import on
from textual.widget import Widget

from tui import command_line, messages
from tui.actions import BY_ID
from tui.config import COACH_FILE, Config, ConfigError, state_path
from tui.config_file import save_setting
from tui.modals.jump import JumpModal
from tui.navigation import HOME, Navigation
from tui.places import HelpPlace, LogPlace, SearchPlace, SettingsPlace, TrendsPlace
from tui.screens.settings import SettingsScreen
from tui.screens.table_view import TableView
from tui.screens.trends import TrendsScreen
from tui.screens.view import ViewScreen
from tui.themes import AUTO, theme_of

TWICE_WITHIN_S = 2.0


class Commands(Navigation):
    """The part of the app that runs what is typed or pressed anywhere."""

    _interrupted_at = float("-inf")
    next_server = ""
    """The server of the settings that a person left this one for."""

    @on(messages.Typed)
    def _typed(self, event: messages.Typed) -> None:
        command = command_line.parse_command(event.line, self.session.store)
        match command:
            case command_line.GoTo(view=view, filter=wanted):
                self.go(view, wanted)
            case command_line.Show(subject=subject):
                self.show(subject)
            case command_line.Find(text=text):
                self.show(SearchPlace(text=text))
            case command_line.Log(cluster=cluster, bundle=bundle):
                self.show(LogPlace(cluster=cluster, bundle=bundle))
            case command_line.Theme(name=name):
                self._set_theme(name)
            case command_line.Sort(column=column, descending=descending):
                self._sort(column, descending=descending)
            case command_line.Server(name=name):
                self._change_server(name)
            case command_line.Run(action=action):
                self._run(action)
            case command_line.Wrong(message=message):
                self.notify(message, severity="warning", markup=False)

    def _run(self, action: str) -> None:
        if isinstance(self.screen, ViewScreen):
            self.screen.action_do(action)

    def _change_server(self, name: str) -> None:
        """End this run, so that the next begins on another server with nothing of this one."""
        servers = self.session.config.servers
        if name in servers:
            self.next_server = name
            self.exit(0)
            return
        known = ", ".join(f"{each} ({server.address})" for each, server in servers.items())
        hint = f"there are: {known}" if known else "the settings have no [servers] yet"
        wrong = f"No server {name!r}; " if name else ""
        self.notify(f"{wrong}{hint}", title="Servers", timeout=8, markup=False)

    def theme_of(self, config: Config) -> str:
        """The theme that settings mean in this terminal."""
        return theme_of(config.theme, terminal_is_light=self.session.terminal_is_light)

    def _set_theme(self, name: str) -> None:
        named = theme_of(name, terminal_is_light=self.session.terminal_is_light)
        if named in self.available_themes:
            self.theme = named
        else:
            known = ", ".join(sorted([*self.available_themes, AUTO]))
            self.notify(f"No theme {name!r}; there are: {known}", markup=False)

    def _sort(self, column: str, *, descending: bool) -> None:
        screen = self.screen
        if isinstance(screen, TableView) and screen.sort(column):
            model = screen.table.model
            if model.reverse is not descending:
                screen.sort(column)
        else:
            self.notify(f"No column {column!r} to sort by here.", markup=False)

    @on(messages.Do)
    def _do(self, event: messages.Do) -> None:
        name = event.action
        if name.startswith("go_"):
            self.go(name.removeprefix("go_"))
        elif own := getattr(self, f"on_do_{name}", None):
            own()
        elif isinstance(self.screen, ViewScreen) and name in self.screen.OFFERS:
            self.screen.action_do(name)
        else:
            self.notify(f"{BY_ID[name].label} does nothing here.", markup=False)

    def on_do_back(self) -> None:
        """Escape: the first time it hides the first-run line as well."""
        if self.session.coach:
            self.dismiss_coach()
        self.back()

    def on_do_quit(self) -> None:
        """Leave."""
        self.exit(0)

    def action_help_quit(self) -> None:
        """Ctrl+c: where nothing is selected that it could copy, twice in a row leaves."""
        now = time.monotonic()
        if now - self._interrupted_at <= TWICE_WITHIN_S:
            self.exit(0)
        self._interrupted_at = now
        self.notify("ctrl+c again leaves.", timeout=TWICE_WITHIN_S, markup=False)

    def on_do_quit_hint(self) -> None:
        """Q goes back; at the root it only says how to leave."""
        at_root = len(self.screen_stack) == 1 and self.current_mode == HOME
        if at_root:
            self.notify("Leave with ctrl+q or :q.", timeout=3, markup=False)
        else:
            self.back()

    def on_do_palette(self) -> None:
        """Find any action or name."""
        self.action_command_palette()

    def on_do_jump(self) -> None:
        """Letters on the panes."""
        panes = [pane for pane in self.screen.focus_chain if pane.region]
        if len(panes) < 2:
            self.notify("There is one pane here, and it has the keys.", timeout=2, markup=False)
            return

        def chosen(pane: Widget | None) -> None:
            if pane is not None:
                pane.focus()

        self.push_screen(JumpModal(panes), chosen)

    def on_do_fullscreen(self) -> None:
        """The focused pane alone, and back."""
        screen = self.screen
        if screen.maximized is not None:
            screen.minimize()
        elif screen.focused is not None:
            screen.maximize(screen.focused)

    def on_do_help(self) -> None:
        """Keys of this view."""
        if isinstance(self.screen, ViewScreen):
            self.show(HelpPlace(view=self.screen.VIEW, actions=self.screen.actions))

    def on_do_settings(self) -> None:
        """Look at the settings."""
        if not any(isinstance(each, SettingsScreen) for each in self.screen_stack):
            self.show(SettingsPlace())

    def on_do_trends(self) -> None:
        """Look at the plots."""
        if not any(isinstance(each, TrendsScreen) for each in self.screen_stack):
            self.show(TrendsPlace())

    @on(messages.Configure)
    def _configure(self, event: messages.Configure) -> None:
        self.configure(event.config)
        path = self.session.config_file
        if path is None:
            return
        try:
            save_setting(path, event.name, event.value)
        except ConfigError as error:
            self.notify(f"Not kept: {error}", severity="error", timeout=8, markup=False)

    def configure(self, config: Config) -> None:
        """Go on with other settings; views that are not seen follow when they are."""
        self.session.config = config
        self.ascii_only = config.ascii
        self.set_class(config.ascii, "-ascii")
        self.set_class(config.density == "compact", "-compact")
        wanted = self.theme_of(config)
        if wanted in self.available_themes and wanted != self.theme:
            self.theme = wanted
        if isinstance(self.screen, ViewScreen):
            self.screen.configured()

    def dismiss_coach(self) -> None:
        """Hide the first-run line for good."""
        self.session.coach = False
        if isinstance(self.screen, ViewScreen):
            self.screen.refresh_bars()
        path = state_path()
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / COACH_FILE).touch()
        except OSError:
            self.log.warning("the first-run line will be back: its state cannot be written")
