"""A circuit breaker before one cluster: what fails as a whole is asked rarely, one at a time.

Pure but for the clock and the dice that it is given.  Born from a hub that locked up when the
tokens of its clusters expired at once (argo-cd#28928): every watch and every write of every cluster
asked again and again.

    closed      everything passes; refused credentials, or failures in a row, open it
    open        nothing passes until its time is up; each time in a row lasts longer
    half-open   one request passes; its answer closes or opens it
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum
from time import monotonic

from clusters.backoff import Backoff
from clusters.errors import (
    OF_THE_CLUSTER,
    CircuitOpen,
    ClusterError,
    CredentialsError,
    ServerFault,
    Unauthorized,
)

FAILURES = 5
"""So many in a row open it.  Refused credentials do at once: they were renewed before."""
OPEN = Backoff(base_s=1.0, cap_s=60.0)
"""How long it stays open."""


class Circuit(StrEnum):
    """Whether requests pass."""

    CLOSED = "closed"
    HALF_OPEN = "half-open"
    OPEN = "open"


class Breaker:
    """One for each cluster; outlives the connections to it."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = monotonic,
        random_unit: Callable[[], float] = random.random,
    ) -> None:
        self._now = now
        self._random_unit = random_unit
        self._opened = 0
        """How often in a row it opened."""
        self._until = 0.0
        self._reason = ""
        self.state = Circuit.CLOSED
        self.failures = 0
        """In a row."""

    @property
    def wait_s(self) -> float:
        """Seconds until it lets a request pass."""
        return max(0.0, self._until - self._now()) if self.state is Circuit.OPEN else 0.0

    def admit(self) -> None:
        """Ask whether a request may be sent.

        Raises:
            CircuitOpen: not now.
        """
        if self.state is Circuit.CLOSED:
            return
        if self.state is Circuit.HALF_OPEN or self.wait_s > 0:
            raise CircuitOpen(self._reason, retry_after_s=self.wait_s)
        self.state = Circuit.HALF_OPEN

    def succeeded(self) -> None:
        """The cluster gave an answer that only a working one gives."""
        self.state, self.failures, self._opened = Circuit.CLOSED, 0, 0

    def abandoned(self) -> None:
        """A request ended without an answer, by our own doing."""
        if self.state is Circuit.HALF_OPEN:
            self.state, self._until = Circuit.OPEN, self._now()

    def failed(self, error: ClusterError) -> None:
        """A request failed.  What says something of one object only does not count."""
        if not isinstance(error, (*OF_THE_CLUSTER, ServerFault)):
            return self.succeeded()
        if isinstance(error, ServerFault) and error.ref is not None:
            return self.abandoned()  # a webhook that fails is no cluster that fails
        self.failures += 1
        definite = isinstance(error, Unauthorized | CredentialsError)
        if self.state is Circuit.CLOSED and not definite and self.failures < FAILURES:
            return None
        if self.state is not Circuit.OPEN:
            self._until = self._now() + OPEN.delay_s(self._opened, self._random_unit())
            self._opened += 1
        self.state, self._reason = Circuit.OPEN, error.message
        return None

    def ask_now(self) -> None:
        """A person wants to know: let one request pass now."""
        if self.state is Circuit.OPEN:
            self._until = self._now()
