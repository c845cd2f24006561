"""How often somebody may call: so many calls a minute, spread as the caller likes.

Each process counts for itself, in memory: nothing is asked of the database, and with two processes
a caller may get twice as far. It protects the service; it is no quota anybody pays for.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Standing:
    """How a caller stands with a limit; ``wait`` is above zero for a call too many."""

    name: str
    quota: int
    window: int
    remaining: int
    reset: int
    wait: int = 0

    @property
    def headers(self) -> dict[str, str]:
        """https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/"""
        told = {
            "RateLimit-Policy": f'"{self.name}";q={self.quota};w={self.window}',
            "RateLimit": f'"{self.name}";r={self.remaining};t={self.reset}',
        }
        return told | ({"Retry-After": str(self.wait)} if self.wait else {})


class Limit:
    """``quota`` calls in ``window`` seconds for each caller.

    Of each caller one number is kept: when it would have all of its quota again (GCRA).
    """

    def __init__(
        self, name: str, quota: int, window: int = 60, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._quota = quota
        self._window = window
        self._clock = clock
        self._full_at: dict[str, float] = {}
        self._lock = Lock()

    def take(self, caller: str) -> Standing:
        """Count one call, if it may be made."""
        now = self._clock()
        cost = self._window / self._quota
        with self._lock:
            self._forget(now)
            full_at = max(now, self._full_at.get(caller, now)) + cost
            late = full_at - now - self._window
            # What floating-point sums leave over is no reason to refuse the last call.
            if late > cost * 1e-6:
                return self._standing(full_at - cost - now, math.ceil(late))
            self._full_at[caller] = full_at
        return self._standing(full_at - now)

    def _standing(self, until_full: float, wait: int = 0) -> Standing:
        left = (self._window - until_full) / self._window * self._quota
        remaining = 0 if wait else int(left + 1e-6)
        return Standing(
            self._name, self._quota, self._window, remaining, math.ceil(until_full), wait
        )

    def _forget(self, now: float) -> None:
        """Callers that have all of their quota again need not be remembered."""
        if len(self._full_at) >= MOST_REMEMBERED:
            self._full_at = {who: at for who, at in self._full_at.items() if at > now}
        if len(self._full_at) >= MOST_REMEMBERED:
            self._full_at.clear()
