"""The `:` line: what was typed, made into something the app can do; and its completion.

    :clusters env=prod      a view, filtered by labels       :cluster NAME    :bundle NAME
    :drift /web             a view, filtered by a pattern    :rollout ID      :find TEXT
    :log NAME               the log of a cluster or bundle   :log            of what is selected
    :ctx NAME               another server of the settings   :ctx            which there are
    :sort COLUMN [desc]     :theme NAME      :sync …any action of the view by its name      :q

Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tui.actions import ACTIONS, BY_ID
from tui.model.store import FleetStore

SUBJECTS = {"cluster": "clusters", "bundle": "bundles", "app": "bundles", "rollout": "rollouts"}
_QUIT = frozenset({"q", "quit", "q!", "exit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GoTo:
    """Switch to a view, filtered if `filter` is not empty."""

    view: str
    filter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Open one thing: `cluster/NAME`, `bundle/NAME`, `rollout/ID`."""

    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """Search everything for a text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Follow the log of a cluster or a bundle."""

    cluster: str = ""
    bundle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Sort the table of the view."""

    column: str
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Change the colours."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Go to another server; without a name, say which there are."""

    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run an action by its id."""

    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What was typed means nothing; the message says what was near."""

    message: str


Command = GoTo | Show | Find | Log | Sort | Theme | Server | Run | Wrong


def view_aliases() -> dict[str, str]:
    """Every name of every view."""
    return {alias: action.id.removeprefix("go_") for action in ACTIONS for alias in action.aliases}


def parse_command(typed: str, store: FleetStore) -> Command:
    """Read a command; names of clusters, bundles and rollouts are checked against the store."""
    word, _, rest = typed.strip().removeprefix(":").partition(" ")
    rest = rest.strip()
    if word in _QUIT:
        return Run(action="quit")
    if rest and (told := _with_name(word, rest, store)) is not None:
        return told
    if word == "ctx":
        return Server(name=rest)
    if word == "find":
        return Wrong(message="find what? :find TEXT")
    if (view := view_aliases().get(word)) is not None:
        return GoTo(view=view, filter=_as_filter(rest))
    if word in BY_ID:
        return Run(action=word)
    near = difflib.get_close_matches(word, command_words(), n=1)
    return Wrong(message=f"no command {word!r}" + (f": did you mean :{near[0]}?" if near else ""))


def _with_name(word: str, rest: str, store: FleetStore) -> Command | None:
    """Commands that speak of something."""
    match word:
        case "find":
            return Find(text=rest)
        case "theme":
            return Theme(name=rest)
        case "log":
            return _log(rest, store)
        case "sort":
            column, _, order = rest.partition(" ")
            return Sort(column=column, descending=order.startswith("d"))
        case _ if word in SUBJECTS:
            return _show(word, rest, store)
        case _:
            return None


def _show(word: str, name: str, store: FleetStore) -> Command:
    kind = "bundle" if word == "app" else word
    tables: dict[str, Mapping[str, object]] = {
        "cluster": store.clusters,
        "bundle": store.bundles,
        "rollout": store.rollouts,
    }
    if name in tables[kind]:
        return Show(subject=f"{kind}/{name}")
    near = difflib.get_close_matches(name, list(tables[kind]), n=1, cutoff=0.4)
    return Wrong(message=f"no {kind} {name!r}" + (f": did you mean {near[0]}?" if near else ""))


def _log(name: str, store: FleetStore) -> Command:
    if name in store.clusters:
        return Log(cluster=name)
    if name in store.bundles:
        return Log(bundle=name)
    near = difflib.get_close_matches(name, [*store.clusters, *store.bundles], n=1, cutoff=0.4)
    hint = f": did you mean {near[0]}?" if near else ""
    return Wrong(message=f"no cluster or bundle {name!r}{hint}")


def _as_filter(text: str) -> str:
    if text.startswith("/"):
        return text.removeprefix("/")
    return f"-l {text}" if "=" in text else text


def command_words() -> list[str]:
    """First words that mean something."""
    actions = [action.id for action in ACTIONS if not action.id.startswith("go_")]
    return [*view_aliases(), *SUBJECTS, "find", "sort", "theme", "ctx", "q", *actions]


def completions(
    typed: str, store: FleetStore, themes: Sequence[str], servers: Sequence[str] = ()
) -> list[str]:
    """Whole lines that begin as `typed` does, best first."""
    word, space, rest = typed.partition(" ")
    if not space:
        return [each for each in command_words() if each.startswith(word) and each != word]
    names: Sequence[str] = ()
    if word == "theme":
        names = themes
    elif word == "ctx":
        names = sorted(servers)
    elif word == "log":
        names = sorted([*store.clusters, *store.bundles])
    elif word in SUBJECTS:
        tables: dict[str, Mapping[str, object]] = {
            "clusters": store.clusters,
            "bundles": store.bundles,
            "rollouts": store.rollouts,
        }
        names = sorted(tables[SUBJECTS[word]])
    return [f"{word} {name}" for name in names if name.startswith(rest) and name != rest]
