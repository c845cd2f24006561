"""How a web process leaves: first it says so, then it serves on for a moment, then it stops.

Whoever balances the load needs that moment to notice (``/readyz`` answers 503, connections are
closed after their answer, streams end and are opened again elsewhere). Then uvicorn's own graceful
shutdown finishes what has begun.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

Handler = Callable[[int, FrameType | None], object]
log = structlog.get_logger()


class Departure:
    """Whether this process is about to stop."""

    def __init__(self) -> None:
        self.begun = False
        self._told: set[Callable[[], None]] = set()

    def begin(self) -> None:
        self.begun = True
        for tell in list(self._told):
            tell()

    @contextmanager
    def announced_to(self, tell: Callable[[], None]) -> Iterator[None]:
        """As long as this lasts ``tell`` is called once the departure begins; at once if it has."""
        self._told.add(tell)
        try:
            if self.begun:
                tell()
            yield
        finally:
            self._told.discard(tell)

    def precede_stopping(self, drain_seconds: float) -> None:
        """On SIGTERM depart for so long, then stop as the server would have; Ctrl-C at once."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number, seconds in ((signal.SIGTERM, drain_seconds), (signal.SIGINT, 0.0)):
            stop = signal.getsignal(number)
            if callable(stop):
                signal.signal(number, self._leaving(loop, seconds, stop))

    def _leaving(
        self, loop: asyncio.AbstractEventLoop, seconds: float, stop: Handler
    ) -> Callable[[int, FrameType | None], None]:
        def depart_first(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._depart, loop, seconds, lambda: stop(number, frame))

        return depart_first

    def _depart(
        self, loop: asyncio.AbstractEventLoop, seconds: float, stop: Callable[[], object]
    ) -> None:
        if not self.begun:
            log.info("👋 Web side leaves", seconds=seconds)
        self.begin()
        loop.call_later(seconds, stop)


departure = Departure()
