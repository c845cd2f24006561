"""https://docs.stripe.com/rate-limits: 100 calls a second, and 25 a second for each endpoint."""

import time
from collections import defaultdict, deque

from inscrit.sandbox.errors import rate_limited

OVERALL = 100
PER_ENDPOINT = 25


class RateLimits:
    """Counts calls within the last second of the real clock."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self.calls: deque[float] = deque()
        self.endpoint_calls: defaultdict[str, deque[float]] = defaultdict(deque)

    def check(self, endpoint: str) -> None:
        """Raises Stripe's 429 if this call is one too many."""
        if not self.enabled:
            return
        now = time.monotonic()
        if self.full(self.calls, OVERALL, now):
            raise rate_limited("global-rate")
        if self.full(self.endpoint_calls[endpoint], PER_ENDPOINT, now):
            raise rate_limited("endpoint-rate")
        self.calls.append(now)
        self.endpoint_calls[endpoint].append(now)

    def full(self, calls: deque[float], limit: int, now: float) -> bool:
        while calls and calls[0] <= now - 1:
            calls.popleft()
        return len(calls) >= limit
