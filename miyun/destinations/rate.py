"""How fast, and after which failure how long not: a token bucket and a back-off."""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import SystemRandom

from miyun.destinations.plugin import Retry

_random = SystemRandom()


@dataclass(slots=True)
class TokenBucket:
    """At most ``rate`` tokens a second, and ``burst`` at once. ``clock`` is in seconds and never goes back."""

    rate: float
    clock: Callable[[], float]
    burst: float = 1.0
    _tokens: float = 1.0
    _at: float = float("-inf")

    def wait_seconds(self) -> float:
        """Take a token, now or ahead of its time: how long to wait before acting on it."""
        now = self.clock()
        self._tokens = min(self.burst, self._tokens + max(0.0, now - self._at) * self.rate)
        self._at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate)


def back_off(retry: Retry, failures: int, *, asked: float = 0, spread: Callable[[], float] = _random.random) -> float:
    """Seconds to wait after so many failures in a row, at least as long as the receiver ``asked`` for.

    Doubles each time, between half of it and all of it at random, so that many senders don't come back at once.
    """
    longest = min(retry.longest_seconds, retry.first_seconds * 2.0 ** min(failures - 1, 60))
    wait = longest * (0.5 + spread() / 2)
    if failures >= retry.circuit_after:
        wait = max(wait, retry.circuit_seconds)
    return max(wait, min(asked, LONGEST_ASKED_SECONDS))


LONGEST_ASKED_SECONDS = 86_400.0
"""A receiver that asks for more than a day is asked again after one."""
