"""The palette (ctrl+p): every action of the view by its words, and every name of the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui import messages
from tui.actions import key_label
from tui.keymap import keys_of
from tui.screens.view import ViewScreen
from tui.text.escape import one_line

NAMES_MAX = 30


class ActionProvider(Provider):
    """Actions of the view the palette was opened on."""

    def _entries(self) -> Iterator[tuple[str, str, str]]:
        screen = self.screen
        if isinstance(screen, ViewScreen):
            for action in screen.actions:
                keys = key_label(keys_of(action, screen.session.config.keys))
                yield f"{action.label} ({keys})", action.help, action.id

    def _run(self, action: str) -> None:
        if isinstance(self.screen, ViewScreen):
            self.screen.action_do(action)

    async def discover(self) -> Hits:
        """Everything, before anything is typed."""
        for label, about, action in self._entries():
            yield DiscoveryHit(label, partial(self._run, action), help=about)

    async def search(self, query: str) -> Hits:
        """Actions whose words match."""
        matcher = self.matcher(query)
        for label, about, action in self._entries():
            score = matcher.match(f"{label} {about}")
            if score > 0:
                yield Hit(score, Text(label), partial(self._run, action), help=about)


class NameProvider(Provider):
    """Clusters, bundles and rollouts by name."""

    async def search(self, query: str) -> Hits:
        """Names that match."""
        screen = self.screen
        if not isinstance(screen, ViewScreen):
            return
        matcher = self.matcher(query)
        store = screen.session.store
        names = [
            *(f"cluster/{name}" for name in store.clusters),
            *(f"bundle/{name}" for name in store.bundles),
            *(f"rollout/{name}" for name in store.rollouts),
        ]
        scored = sorted(((matcher.match(name), name) for name in names), reverse=True)
        for score, name in scored[:NAMES_MAX]:
            if score > 0:
                opens = partial(screen.post_message, messages.Open(name))
                yield Hit(score, Text(one_line(name)), opens, help="open")
