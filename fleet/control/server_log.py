"""The server's own log: what happens, in lines for whoever operates it.

The audit log has every fact; this has those that an operator looks for, with level, actor, cluster
and bundle, as `key=value` or as JSON.  Sentences are those of the audit log: no value of an object
is in them.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic

import msgspec

from fleet.presenting.narrating import event_view
from fleet.state import facts
from fleet.state.facts import FleetFact
from fleet.view import CommandRequest, CommandResult

log = logging.getLogger("flotilla")

WINDOW_S = 60.0
MOST = 30
"""Lines of one kind in a window; how many more there were is said at its end."""

_QUIET: frozenset[type] = frozenset(
    {
        facts.ReleaseAssigned, facts.ReleaseQueued, facts.ObjectsWritten, facts.Converged,
        facts.PlacementEnded, facts.AuditPassed, facts.Watched,
    }
)  # fmt: skip
_BAD: frozenset[type] = frozenset(
    {
        facts.CommitRefused, facts.ShrinkHeld, facts.SourceFailed, facts.ClusterLost,
        facts.ClusterQuarantined, facts.ClusterReplaced, facts.Degraded, facts.ObjectRefused,
        facts.PruneWaits, facts.FightSeen, facts.AuditDisagreed,
    }
)  # fmt: skip
_LOUD_IN_ROLLOUTS = {
    "RolloutStarted": logging.INFO,
    "StageCompleted": logging.INFO,
    "RolloutEnded": logging.INFO,
    "Stopped": logging.WARNING,
    "Halted": logging.WARNING,
    "ClusterFailed": logging.WARNING,
    "DeadlinePassed": logging.WARNING,
    "RollbackStarted": logging.WARNING,
    "HoldPlaced": logging.WARNING,
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@+-]+")


class ServerLog:
    """Tells facts and commands; of many alike only some.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._until = 0.0
        self._told: dict[str, int] = {}

    def facts(self, happened: Sequence[FleetFact]) -> None:
        """Tell what happened; called often, also with nothing."""
        self._roll()
        for fact in happened:
            level = _level(fact)
            if not log.isEnabledFor(level):
                continue
            view = event_view(0, fact)
            kind = fact.name if isinstance(fact, facts.RolloutEvent) else view.kind
            self._told[kind] = self._told.get(kind, 0) + 1
            if self._told[kind] <= MOST:
                words = {"kind": kind, "actor": view.actor, "cluster": view.cluster}
                _say(level, view.sentence, {**words, "bundle": view.bundle})

    def command(self, request: CommandRequest, actor: str, result: CommandResult) -> None:
        """Tell a command and what became of it; its words are a person's, so no secret's place."""
        level = logging.INFO if result.accepted else logging.WARNING
        outcome = "accepted" if result.accepted else f"refused: {result.message}"
        words = {"kind": "Command", "actor": actor, "reason": request.reason}
        _say(level, f"{request.command} {request.target} {outcome}", words)

    def _roll(self) -> None:
        now = self._clock()
        if now < self._until:
            return
        for kind, count in self._told.items():
            if count > MOST:
                words = {"kind": kind, "more": str(count - MOST)}
                _say(logging.INFO, "and more of this kind, which the audit log has", words)
        self._told.clear()
        self._until = now + WINDOW_S


def _level(fact: FleetFact) -> int:
    if isinstance(fact, facts.RolloutEvent):
        # What a person did is told as a command.
        return _LOUD_IN_ROLLOUTS.get(fact.name, logging.DEBUG)
    if isinstance(fact, facts.MirrorChanged):
        return logging.WARNING if fact.reason else logging.INFO
    if type(fact) in _BAD:
        return logging.WARNING
    return logging.DEBUG if type(fact) in _QUIET else logging.INFO


def _say(level: int, sentence: str, words: Mapping[str, str]) -> None:
    given = {key: value for key, value in words.items() if value}
    log.log(level, "%s", _CONTROL.sub("�", sentence), extra={"words": given})


class TextLines(logging.Formatter):
    """`TIME LEVEL name: sentence key=value …`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """One line, but for tracebacks."""
        words: Mapping[str, str] = getattr(record, "words", {})
        pairs = "".join(f" {key}={_quoted(value)}" for key, value in words.items())
        return super().format(record) + pairs

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name of logging
        """The sentence; names of files and words of servers cannot begin a line of their own."""
        record.message = _CONTROL.sub("�", record.message)
        return super().formatMessage(record)


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, and the words."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, tracebacks in `error`."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {
            "at": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "words", {}),
        }
        if record.exc_info:
            told["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode(told).decode()


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return msgspec.json.encode(_CONTROL.sub("�", value)).decode()
