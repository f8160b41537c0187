"""What can be set, its choices, and what a change makes of the settings.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tui.config import DENSITIES, VIEWS, Config

Choice = str | bool
_ON_OFF = (True, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of the settings screen."""

    name: str
    """As in the file; a column of a table is `columns.clusters:env`."""
    about: str
    choices: Sequence[Choice]
    value: Callable[[Config], Choice]
    when: str = ""
    """When a change is seen, where that is not at once."""

    @property
    def key(self) -> str:
        """The name in the file."""
        return self.name.partition(":")[0]

    def step(self, config: Config, by: int) -> Choice:
        """The next or the previous choice, round the ends."""
        now = self.value(config)
        at = self.choices.index(now) if now in self.choices else -1 if by > 0 else 0
        return self.choices[(at + by) % len(self.choices)]


def settings(themes: Sequence[str], labels: Sequence[str], columns: Sequence[str]) -> list[Setting]:
    """Every setting, with the choices there are now."""
    made = [
        Setting(
            name="theme",
            about="Colours; ansi-* use those of the terminal, auto is as dark as it",
            choices=themes,
            value=lambda config: config.theme or themes[0],
        ),
        Setting(
            name="ascii",
            about="No glyphs beyond ASCII",
            choices=_ON_OFF,
            value=lambda config: config.ascii,
        ),
        Setting(
            name="density",
            about="How much room lines around things take",
            choices=DENSITIES,
            value=lambda config: config.density,
        ),
        Setting(
            name="view",
            about="The view to start with",
            choices=VIEWS,
            value=lambda config: config.view,
            when="at the next start",
        ),
        Setting(
            name="group_by",
            about="The label that heatmap and bundles are grouped by",
            choices=labels,
            value=lambda config: config.group_by,
        ),
        Setting(
            name="mouse",
            about="Take clicks and the wheel; without, the terminal selects text",
            choices=_ON_OFF,
            value=lambda config: config.mouse,
            when="at the next start",
        ),
        Setting(
            name="editor",
            about="Open texts in $EDITOR rather than $PAGER",
            choices=_ON_OFF,
            value=lambda config: config.editor,
        ),
    ]
    made += [_column(name, columns) for name in columns if name not in {"state", "name"}]
    return made


def _column(name: str, every: Sequence[str]) -> Setting:
    return Setting(
        name=f"columns.clusters:{name}",
        about=f"Clusters have the column {name}",
        choices=_ON_OFF,
        value=lambda config: name in (config.columns.get("clusters") or every),
    )


def changed(setting: Setting, value: Choice, config: Config, columns: Sequence[str]) -> Config:
    """The settings with one of them changed."""
    if ":" not in setting.name:
        values: dict[str, Any] = {setting.name: value}
        return replace(config, **values)
    column = setting.name.partition(":")[2]
    chosen = list(config.columns.get("clusters") or columns)
    if value and column not in chosen:
        chosen.insert(_place(column, chosen, columns), column)
    elif not value and column in chosen:
        chosen.remove(column)
    return replace(config, columns={**config.columns, "clusters": tuple(chosen)})


def _place(column: str, chosen: Sequence[str], every: Sequence[str]) -> int:
    """Where a column goes: after the nearest one that usually stands before it."""
    before = [name for name in every[: every.index(column)] if name in chosen]
    return chosen.index(before[-1]) + 1 if before else 0


def in_file(setting: Setting, config: Config) -> Choice | tuple[str, ...]:
    """What stands in the file for a setting."""
    if ":" in setting.name:
        return tuple(config.columns.get("clusters", ()))
    return setting.value(config)
