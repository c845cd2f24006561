"""One open stream, and how it is told what moved."""

import asyncio
import random

from starlette.types import Receive, Send

HEARTBEAT = b": still here\n\n"
# After a restart everybody comes back; not all in the same moment.
COME_BACK_MS = (2000, 6000)


class Watcher:
    """Somebody who looks at places.

    Nobody waits for a watcher: who reads slowly is told, once they have read, how things are then,
    and what moved in between is kept as one mark per source. So each costs the same small memory.
    """

    __slots__ = ("_leaving", "_moved", "_send", "_writing")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._moved: dict[object, bytes] = {}
        self._writing: asyncio.Task[None] | None = None
        self._leaving = False

    def tell(self, source: object, frame: bytes) -> None:
        """Write ``frame`` as soon as may be, unless a later one of the same source overtakes it."""
        self._moved[source] = frame
        self._begin_writing()

    async def greet(self, frames: bytes) -> None:
        """Say how things are, and when to come back should this break off.

        One write of the task that is there already: a crowd that comes in has no other.
        """
        wait = random.randint(*COME_BACK_MS)  # noqa: S311 - spreads them out, guards nothing
        body = b"retry: %d\n\n" % wait + frames
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    def keep_open(self) -> None:
        """A comment now and then keeps proxies from closing a quiet stream."""
        if not self._moved:
            self.tell(self, HEARTBEAT)

    def leave(self) -> None:
        """End the stream: its browser then opens it again, elsewhere."""
        self._leaving = True
        self._begin_writing()

    async def until_gone(self, receive: Receive) -> None:
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            if self._writing is not None:
                self._writing.cancel()

    def _begin_writing(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._moved:
                body = b"".join(self._moved.values())
                self._moved.clear()
                await self._send({"type": "http.response.body", "body": body, "more_body": True})
            if self._leaving:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._writing = None
