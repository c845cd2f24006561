"""Where those who open a stream wait in line, so that a crowd never stands in the webhooks' way."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STREAM = re.compile(rb"GET /api/v1/(?:events/[^/? ]+/)?places/stream[? ]")
# At most a thousand a second. Each costs some 0.1 ms: a tenth of the process is theirs.
AT_ONCE = 20
PAUSE_SECONDS = 0.02


async def breathe() -> None:
    await asyncio.sleep(PAUSE_SECONDS)


class Entrance:
    """Lets some in, and after a pause some more. One per event loop."""

    def __init__(self, pause: Callable[[], Awaitable[object]] = breathe) -> None:
        self._pause = pause
        self._line: OrderedDict[Connection, bytes] = OrderedDict()
        self._opening: asyncio.Task[None] | None = None

    def line_up(self, connection: "Connection", request: bytes) -> None:
        self._line[connection] = request
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())

    def leave(self, connection: "Connection") -> bytes:
        """The request of whoever stood in line and does no longer, or nothing."""
        return self._line.pop(connection, b"")

    async def _open(self) -> None:
        try:
            while self._line:
                for _ in range(min(AT_ONCE, len(self._line))):
                    HttpToolsProtocol.data_received(*self._line.popitem(last=False))
                await self._pause()
        finally:
            self._opening = None


class Connection(HttpToolsProtocol):
    """uvicorn's connection, but the request for a stream is not read before its turn.

    Until then nothing is parsed, no task begun: that is most of what a newcomer costs.
    """

    entrance = Entrance()

    def data_received(self, data: bytes) -> None:
        begun = self.entrance.leave(self)
        if begun or not STREAM.match(data):  # no browser says more before it is answered
            super().data_received(begun + data)
            return
        self._unset_keepalive_if_required()  # who waits is not idle
        self.entrance.line_up(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.entrance.leave(self)
        super().connection_lost(exc)
