"""The sandbox's time: the machine's, plus however far it has been moved."""

import time


class Clock:
    """Seconds since 1970 (UTC). It only ever moves forward, as time does."""

    def __init__(self, offset: float = 0) -> None:
        self.offset = offset

    def now(self) -> float:
        return self.real() + self.offset

    def real(self) -> float:
        """The machine's own time, for whatever the outside world compares with its own."""
        return time.time()

    def seconds(self) -> int:
        """The time as Stripe writes it: whole seconds."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("the clock cannot be moved back")
        self.offset += seconds
