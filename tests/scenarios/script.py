"""Reads the words of a scenario script: durations, amounts, cluster names, documents.

A script is a list of lines.  Documents come first (`clusters`, `stage`, `gate`, `window`,
`strategy`, `limits`), each `KIND NAME: words and key=value pairs`; then what happens, one fact or
command a line.  `tests/scenarios/player.py` plays it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clusters.model import Contest, ObjectRef
from fleet.model import (
    Admission,
    Amount,
    ApprovalBinding,
    ApprovalCheck,
    Gate,
    GateCheck,
    GateLimits,
    GateName,
    GateScope,
    HealthCheck,
    OnBreach,
    Overrun,
    Person,
    Place,
    PrometheusCheck,
    SoakCheck,
    Spread,
    Stage,
    StageGates,
    StageName,
    UnreachableMode,
    UnreachablePolicy,
    Window,
    WindowCheck,
    WindowKind,
    WindowName,
)
from fleet.model.selector import parse_selector

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Line:
    """`verb words…: rest`, with `key=value` pairs taken out of the words after the colon."""

    place: Place
    text: str

    @property
    def verb(self) -> str:
        return self.text.split(maxsplit=1)[0].rstrip(":")

    @property
    def head(self) -> list[str]:
        """The words before the colon, without the verb."""
        return re.split(r":\s|:$", self.text, maxsplit=1)[0].split()[1:]

    @property
    def rest(self) -> str:
        """What stands after the colon."""
        parts = re.split(r":\s", self.text, maxsplit=1)
        return parts[1].strip() if len(parts) > 1 else ""

    @property
    def words(self) -> list[str]:
        return [word for word in shlex.split(self.rest) if not _is_pair(word)]

    @property
    def pairs(self) -> dict[str, str]:
        found = [word.partition("=") for word in shlex.split(self.rest) if _is_pair(word)]
        return {key: value for key, _, value in found}

    def after(self, word: str) -> str:
        """The word that follows `word` before the colon, or nothing."""
        head = self.head
        return head[head.index(word) + 1] if word in head else ""


def _is_pair(word: str) -> bool:
    return re.match(r"[A-Za-z-]+=", word) is not None


def seconds(text: str) -> float:
    return sum(float(n) * UNITS[unit] for n, unit in re.findall(r"([\d.]+)([smhd])", text))


def amount(text: str) -> Amount:
    return Amount(float(text.rstrip("%")), percent=text.endswith("%"))


def names(text: str) -> list[str]:
    """Expand `a b-1..b-3` to its names."""
    found = []
    for word in text.replace(",", " ").split():
        if span := re.fullmatch(r"(.*?)(\d+)\.\.\1(\d+)", word):
            stem, first, last = span.groups()
            found += [f"{stem}{n:0{len(first)}}" for n in range(int(first), int(last) + 1)]
        else:
            found.append(word)
    return found


def person(text: str) -> Person:
    """Read `Ada <ada@example.com>`."""
    name, _, email = text.partition(" <")
    return Person(name=name, email=email.rstrip(">"))


def contest(text: str) -> Contest:
    """Read `ConfigMap/web data.color kubectl-edit`."""
    ref, field, manager = text.split()
    kind, name = ref.split("/")
    return Contest(ref=ObjectRef("", kind, "default", name), field=field, manager=manager)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _spread(text: str) -> Spread:
    by, most = text.split("/")
    return Spread(by=by, max_per_domain=int(most))


def _unreachable(text: str) -> UnreachablePolicy:
    mode, grace, most, *slot = text.split("/")
    return UnreachablePolicy(
        mode=UnreachableMode(mode),
        grace_s=seconds(grace),
        max=amount(most),
        slot_timeout_s=seconds(slot[0]) if slot else None,
    )


STAGE_FIELDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "concurrency": ("max_concurrency", amount),
    "failures": ("max_failures", amount),
    "soak": ("soak_s", seconds),
    "deadline": ("progress_deadline_s", seconds),
    "ramp": ("ramp", lambda text: tuple(amount(each) for each in text.split(","))),
    "order": ("order", lambda text: tuple(text.split(","))),
    "retries": ("retries", int),
    "admission": ("admission", Admission),
    "onBreach": ("on_breach", OnBreach),
    "soakHoldsSlot": ("soak_holds_slot", lambda text: text == "true"),
    "catchUp": ("catch_up", amount),
    "drift": ("drift_blocks", lambda text: text == "block"),
    "spread": ("spread", _spread),
    "unreachable": ("unreachable", _unreachable),
}


def stage(line: Line) -> Stage:
    pairs = line.pairs
    fields = {
        field: read(pairs[key]) for key, (field, read) in STAGE_FIELDS.items() if key in pairs
    }
    gates = {
        position: tuple(GateName(name) for name in pairs.get(position, "").split(",") if name)
        for position in ("before", "during", "after")
    }
    return Stage(
        name=StageName(line.head[0]),
        place=line.place,
        select=parse_selector(pairs["select"]),
        gates=StageGates(**gates),
        **fields,
    )


def gate(line: Line) -> Gate:
    pairs, kind = line.pairs, line.words[0]
    check: GateCheck
    match kind:
        case "approval":
            check = ApprovalCheck(
                count=int(pairs.get("count", "1")),
                roles=tuple(filter(None, pairs.get("roles", "").split(","))),
                not_author=pairs.get("notAuthor", "true") == "true",
                expires_s=seconds(pairs.get("expires", "24h")),
                bind=ApprovalBinding(pairs.get("bind", "plan")),
            )
        case "soak":
            check = SoakCheck(duration_s=seconds(line.words[1]))
        case "window":
            check = WindowCheck(windows=tuple(WindowName(each) for each in line.words[1:]))
        case "health":
            check = HealthCheck()
        case "prometheus":
            check = PrometheusCheck(
                url="http://prom",
                query=pairs.get("query", "up"),
                success=pairs["success"],
                failure=pairs.get("failure"),
            )
        case _:
            raise ValueError(f"{line.place}: no kind of gate is called {kind}")
    return Gate(
        name=GateName(line.head[0]),
        place=line.place,
        check=check,
        scope=GateScope(pairs.get("scope", "stage")),
        interval_s=seconds(pairs.get("interval", "30s")),
        limits=GateLimits(
            failures=int(pairs.get("maxFailures", "0")),
            inconclusive=int(pairs.get("maxInconclusive", "0")),
            consecutive_errors=int(pairs.get("maxErrors", "4")),
        ),
    )


def window(line: Line) -> Window:
    pairs = line.pairs
    return Window(
        name=WindowName(line.head[0]),
        place=line.place,
        kind=WindowKind(line.words[0]),
        select=parse_selector(pairs["select"]) if "select" in pairs else None,
        timezone=pairs.get("timezone", "cluster"),
        start=moment(pairs["from"]) if "from" in pairs else None,
        end=moment(pairs["to"]) if "to" in pairs else None,
        rrule=pairs.get("rrule"),
        cron=pairs.get("cron"),
        duration_s=seconds(pairs["for"]) if "for" in pairs else None,
        overrun=Overrun(pairs.get("overrun", "finish")),
        bypass_role=pairs.get("bypassRole"),
    )
