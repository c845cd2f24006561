"""Where a crowd that comes or goes waits in line, so that it never stands in the webhooks' way."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STREAM = re.compile(rb"GET /api/v1/(?:events/[^/? ]+/)?places/stream[? ]")
# At most a thousand a second come in. Each costs some 0.1 ms: a tenth of the process is theirs.
AT_ONCE = 20
PAUSE_SECONDS = 0.02

T = TypeVar("T")
Pause = Callable[[], Awaitable[object]]


async def breathe() -> None:
    await asyncio.sleep(PAUSE_SECONDS)


async def give_way() -> None:
    await asyncio.sleep(0)


class Line(Generic[T]):
    """Connections that something is to be done with: with some, and after a pause with more.

    One per event loop.
    """

    def __init__(self, do: Callable[["Connection", T], None], pause: Pause) -> None:
        self._do = do
        self._pause = pause
        self._waiting: OrderedDict[Connection, T] = OrderedDict()
        self._moving: asyncio.Task[None] | None = None

    def join(self, connection: "Connection", what: T) -> None:
        self._waiting[connection] = what
        if self._moving is None:
            self._moving = asyncio.create_task(self._move())

    def leave(self, connection: "Connection") -> T | None:
        """What was to be done, if anything."""
        return self._waiting.pop(connection, None)

    async def _move(self) -> None:
        try:
            while self._waiting:
                for _ in range(min(AT_ONCE, len(self._waiting))):
                    self._do(*self._waiting.popitem(last=False))
                await self._pause()
        finally:
            self._moving = None


class Connection(HttpToolsProtocol):
    """uvicorn's connection, but whoever opens a stream, or breaks off, waits for their turn.

    The request for a stream is not read before: nothing parsed, no task begun, which is most of
    what a newcomer costs.
    """

    coming: Line[bytes] = Line(HttpToolsProtocol.data_received, breathe)
    going: Line[Exception | None] = Line(HttpToolsProtocol.connection_lost, give_way)

    def data_received(self, data: bytes) -> None:
        begun = self.coming.leave(self)
        if begun or not STREAM.match(data):  # no browser says more before it is answered
            super().data_received((begun or b"") + data)
            return
        self._unset_keepalive_if_required()  # who waits is not idle
        self.coming.join(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.coming.leave(self)
        self.going.join(self, exc)
