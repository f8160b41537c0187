"""How long to wait before trying again: exponential, capped, with the jitter passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Delays of `base_s * factor**attempt`, at most `cap_s`, spread by up to `jitter` of itself."""

    base_s: float = 0.8
    factor: float = 2.0
    cap_s: float = 30.0
    jitter: float = 0.5

    def delay_s(self, attempt: int, random_unit: float) -> float:
        """Delay before retry number `attempt` (from 0); `random_unit` is in [0, 1)."""
        exponent = min(attempt, 64)  # beyond it the cap holds, and the power would overflow
        plain = min(self.cap_s, self.base_s * self.factor**exponent)
        return plain * (1.0 - self.jitter * random_unit)


CONNECT = Backoff(base_s=0.5, cap_s=30.0)
"""Between attempts to reach a cluster."""
APPLY = Backoff(base_s=1.0, cap_s=300.0)
"""Between attempts to apply an object that the server refuses."""
WATCH = Backoff(base_s=0.2, cap_s=30.0)
"""Between attempts to watch a kind."""
