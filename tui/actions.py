"""Everything a person may do, in one table: keys, footer, help and palette are made from it.

Of an action that changes the fleet `tui.orders` says what it would do to what is selected, and why
not.  Keys can be moved by the user (`tui.config`); ids are for that and stay.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Group(StrEnum):
    """How help sorts actions."""

    GO = "Go to"
    LOOK = "Look"
    DO = "Do"
    APP = "Program"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing a person may do."""

    id: str
    keys: str
    """Comma-separated, in Textual's words; the first is shown."""
    label: str
    """A word for the footer."""
    help: str
    group: Group
    writes: bool = False
    """Whether it sends a command: refused in a read-only session and while the link is not live."""
    everywhere: bool = False
    """Whether every view offers it."""
    aliases: tuple[str, ...] = ()
    """Names for the `:` line, for those that go to a view."""


def _go(name: str, key: str, label: str, about: str, *aliases: str) -> Action:
    return Action(
        id=f"go_{name}",
        keys=key,
        label=label,
        help=about,
        group=Group.GO,
        everywhere=True,
        aliases=(name, *aliases),
    )


def _look(name: str, keys: str, label: str, about: str) -> Action:
    return Action(id=name, keys=keys, label=label, help=about, group=Group.LOOK)


def _do(name: str, keys: str, label: str, about: str) -> Action:
    return Action(id=name, keys=keys, label=label, help=about, group=Group.DO, writes=True)


def _app(name: str, keys: str, label: str, about: str) -> Action:
    return Action(id=name, keys=keys, label=label, help=about, group=Group.APP, everywhere=True)


ACTIONS: tuple[Action, ...] = (
    _go("fleet", "1", "Fleet", "The whole fleet: what needs you, what moves, what is ill", "fl"),
    _go("clusters", "2", "Clusters", "All clusters, worst first", "cl"),
    _go("bundles", "3", "Bundles", "Which revision of what runs where", "bu", "apps", "ap"),
    _go("rollouts", "4", "Rollouts", "Releases on their way, and finished ones", "ro"),
    _go("drift", "5", "Drift", "What was changed by hand, grouped by identical change", "dr"),
    _go("events", "6", "Events", "The audit log: who did what, when", "ev", "audit"),
    _go("history", "7", "History", "Commits of the repository, and where they run", "hi", "git"),
    _go("approvals", "8", "Approvals", "Gates that wait for a person", "approve"),
    _look("open", "enter", "open", "Open what is selected"),
    _look("diff", "d", "diff", "Live beside desired"),
    _look("yaml", "y", "yaml", "The object as it is in the cluster"),
    _look("show_events", "e", "events", "Audit rows of what is selected"),
    _look("why", "W", "why", "Why it is as it is, in sentences"),
    _look("filter", "slash", "filter", "Keep rows that match: regex, !not, -l label=x, -f fuzzy"),
    _look("faults", "ctrl+z", "faults", "Only rows where something is wrong"),
    _look("regroup", "v", "group", "Group by another label; drift by change, cluster, bundle, who"),
    _look("sort_name", "N", "sort name", "Sort by name"),
    _look("sort_age", "A", "sort age", "Sort by age"),
    _look("sort_state", "S", "sort state", "Sort by state, worst first"),
    _look("sort_next", "O", "sort next", "Sort by the next column"),
    _look("wide", "ctrl+w", "wide", "More columns in place of sentences, and back"),
    _look("next_tab", "right_square_bracket", "next tab", "Next tab of this pane"),
    _look("previous_tab", "left_square_bracket", "previous tab", "Previous tab of this pane"),
    _look("next_hunk", "n", "next", "Next difference"),
    _look("previous_hunk", "p", "previous", "Previous difference"),
    _look("older", "b", "older", "Load older rows"),
    replace(
        _look("refresh", "r", "refresh", "Look again at all that is shown; changes nothing"),
        everywhere=True,
    ),
    replace(_look("log", "l", "log", "Follow the log of what is selected"), everywhere=True),
    _look("follow", "s", "follow", "Stay at the newest line, or stop there"),
    _look("timestamps", "t", "times", "Moments at the beginning of lines, or none"),
    _look("reset_setting", "backspace", "default", "Take this setting back to its default"),
    _look("copy", "c", "copy", "Copy what is selected to the clipboard"),
    _look("external", "o", "pager", "Open the text in $PAGER; in $EDITOR when set in the config"),
    _look("k9s", "K", "k9s", "Hand over to k9s, or a kubectl shell, on this cluster"),
    _do("sync", "s", "sync", "Apply the assigned revision now; on drift: put it back"),
    replace(
        _do("look_at_git", "R", "look at Git", "Let the server look at Git now, not in a while"),
        everywhere=True,
    ),
    _do("suspend", "T", "suspend", "Suspend or resume; on a rollout: pause or resume"),
    _do("approve", "a", "approve", "Approve what waits; let a release take a contested field"),
    _do("reject", "x", "reject", "Reject it, leave the field; without a question: abort"),
    _do("promote", "P", "promote", "Let the release into the next stage now"),
    _do("retry", "t", "retry", "Try failed clusters again"),
    _do("skip", "Z", "skip", "Leave a cluster, or a stage, out of this rollout"),
    _do("rollback", "B", "roll back", "Return to the last good release"),
    _do("release_hold", "H", "release hold", "Let what was rolled back travel again"),
    _do("acknowledge", "m", "ack", "Acknowledge drift with a note"),
    _do("confirm_prune", "D", "confirm prune", "Confirm deletions that a guard holds back"),
    _app("command", "colon", "cmd", "Type a command: :clusters, :cluster NAME, :drift, :find x"),
    _app("jump", "ctrl+o", "jump", "A letter on every pane: press it to go there"),
    _app("palette", "ctrl+p", "palette", "Find any action or name"),
    _app("help", "question_mark,f1", "help", "Keys of this view; enter runs one"),
    _app("back", "escape", "back", "Clear the filter, close, go up; never quits"),
    _app("last_view", "minus", "last place", "The place before this one, and back"),
    _app("history_back", "alt+left", "earlier", "Back on the way you came"),
    _app("history_forward", "alt+right", "later", "Forward again on the way you came"),
    _app("retry_link", "ctrl+r", "reconnect", "Connect again now"),
    _app("fullscreen", "f", "full", "The focused pane alone, and back"),
    _app("trends", "M", "trends", "Health, errors and times as plots"),
    _app("settings", "comma", "settings", "Theme, glyphs, density, columns, start view"),
    _app("quit_hint", "q", "quit?", "Closes or goes back; leave with ctrl+q or :q"),
    _app("quit", "ctrl+q", "quit", "Leave"),
)  # fmt: skip

QUIET = frozenset({"wide"})
"""Left out of the line at the bottom, where what is needed more often has no room else."""
BY_ID = {action.id: action for action in ACTIONS}


def offered(own: tuple[str, ...]) -> list[Action]:
    """Actions of a view that names its `own`, with those that every view has."""
    return [action for action in ACTIONS if action.id in own or action.everywhere]


def key_label(keys: str) -> str:
    """The first key of an action as it is printed on keyboards."""
    first = keys.split(",")[0]
    names = {
        "enter": "⏎",
        "escape": "esc",
        "slash": "/",
        "colon": ":",
        "question_mark": "?",
        "minus": "-",
        "comma": ",",
        "left_square_bracket": "[",
        "right_square_bracket": "]",
        "asterisk": "*",
    }
    return names.get(first, first)
