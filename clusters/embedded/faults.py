"""Faults on request: how one cluster misbehaves, settable while it runs.

A `Faults` value says what is wrong now; `Trouble` decides, request by request and from a seed,
what becomes of each.  Carrying it out (waiting, cutting a socket) is the server's part.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from clusters.embedded.exchange import Answer, refusal
from clusters.embedded.status import expired, internal_error, too_many_requests, unauthorized

_HTML = b"<html><head><title>Sign in</title></head><body>Please sign in</body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What is wrong with a cluster.  Rates are shares of requests, 0.0 to 1.0.

    Attributes:
        latency_s: every answer waits this long.
        jitter_s: and up to this much longer, drawn evenly.
        throttle_rate: answered 429.
        retry_after_s: what a 429 tells to wait.
        error_rate: answered 500.
        failing_resource: all that is about this resource (`secrets`) is answered 500.
        drop_rate: the connection is cut without an answer.
        expired_token: every request is answered 401.
        hang: no request is answered at all.
        stopped: every connection is cut, and watches end; as if the server were down.
        html: everything is answered by a sign-in page, as a proxy in between does.
        watch_cut_s: watches end without notice after this time; 0: never.
        watch_expired: watches that resume are answered 410.
        seed: of the draws.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    throttle_rate: float = 0.0
    retry_after_s: int = 1
    error_rate: float = 0.0
    failing_resource: str = ""
    drop_rate: float = 0.0
    expired_token: bool = False
    hang: bool = False
    stopped: bool = False
    html: bool = False
    watch_cut_s: float = 0.0
    watch_expired: bool = False
    seed: int = 0

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Faults:
        """Read faults from JSON.

        Raises:
            ValueError: a name or value that is no fault, in words for a person.
        """
        known = {field.name: field for field in fields(cls)}
        values: dict[str, Any] = {}
        for name, value in raw.items():
            if name not in known:
                raise ValueError(f"no fault {name!r}; there are: {', '.join(known)}")
            wanted: type[Any] = type(known[name].default)
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted:
                raise ValueError(f"fault {name!r} takes a {wanted.__name__}, not {value!r}")
            if isinstance(value, int | float) and value < 0:
                raise ValueError(f"fault {name!r} cannot be negative")
            values[name] = value
        return cls(**values)


class Fate(StrEnum):
    """What becomes of a request."""

    ANSWER = "answer"
    REFUSE = "refuse"
    DROP = "drop"
    HANG = "hang"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The fate of one request, and how long it takes."""

    fate: Fate
    delay_s: float = 0.0
    answer: Answer | None = None
    """What a refused request is told."""


_UNTROUBLED = Verdict(fate=Fate.ANSWER)
NO_FAULTS = Faults()


class Trouble:
    """Decides the fate of requests to one cluster."""

    def __init__(self) -> None:
        self._faults = NO_FAULTS
        self._drawn = random.Random(0)

    @property
    def faults(self) -> Faults:
        """What is wrong now."""
        return self._faults

    def set(self, faults: Faults) -> None:
        """Let this be wrong from now on; draws begin anew from the seed."""
        self._faults = faults
        self._drawn.seed(faults.seed)

    def verdict(self, path: Sequence[str] = (), *, resumes_watch: bool = False) -> Verdict:
        """Decide the fate of the next request, which is for `path`."""
        faults = self._faults
        if faults is NO_FAULTS:
            return _UNTROUBLED
        if faults.stopped:
            return Verdict(fate=Fate.DROP)
        if faults.hang:
            return Verdict(fate=Fate.HANG)
        delay_s = faults.latency_s + self._drawn.random() * faults.jitter_s
        answer = self._refusal(path, resumes_watch)
        if answer is not None:
            return Verdict(fate=Fate.REFUSE, delay_s=delay_s, answer=answer)
        if self._strikes(faults.drop_rate):
            return Verdict(fate=Fate.DROP, delay_s=delay_s)
        return Verdict(fate=Fate.ANSWER, delay_s=delay_s)

    def _strikes(self, rate: float) -> bool:
        return rate > 0 and self._drawn.random() < rate

    def _refusal(self, path: Sequence[str], resumes_watch: bool) -> Answer | None:
        faults = self._faults
        if faults.html:
            return Answer(200, _HTML, "text/html; charset=utf-8")
        if faults.expired_token:
            return refusal(unauthorized())
        if self._strikes(faults.throttle_rate):
            message = "The apiserver is currently too busy, try again later."
            return refusal(too_many_requests(message, faults.retry_after_s))
        if faults.failing_resource in path or self._strikes(faults.error_rate):
            return refusal(internal_error("a fault was asked for"))
        if faults.watch_expired and resumes_watch:
            return refusal(expired("too old resource version: history was compacted on request"))
        return None
