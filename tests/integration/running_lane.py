"""The web side's door in a thread of this process: asked directly, or over real sockets."""

import asyncio
import hashlib
import hmac
import io
import socket
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, TypeVar

import uvicorn
import uvloop
from starlette.types import Message, Receive, Scope, Send

from inscrit import config
from inscrit.asgi import Door
from inscrit.live.entrance import Connection

SECRET = "whsec_lane"
PATH = "/stripe/webhooks"
PATIENCE = 0.5
Headers = Sequence[tuple[bytes, bytes]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class RunningLane:
    """``lines`` is where the lane logs to."""

    door: Door
    server: uvicorn.Server
    lines: io.StringIO
    loop: asyncio.AbstractEventLoop = field(init=False)
    port: int = field(init=False)

    def logged(self) -> list[str]:
        """The lines since the last call."""
        said = self.lines.getvalue().split("\n")[:-1]
        self.lines.seek(0)
        self.lines.truncate()
        return said

    def deliver(self, *bodies: bytes) -> list[int]:
        """The answers' statuses to signed bodies that come all at once, as if in one batch."""
        return [answer.status for answer in self.ask_all([(body, signed(body)) for body in bodies])]

    def ask_all(self, requests: Sequence[tuple[bytes, Headers]]) -> list[Answer]:
        async def together() -> list[Answer]:
            asked = (self._ask("POST", PATH, headers, body) for body, headers in requests)
            return await asyncio.gather(*asked)

        return self._wait_for(together())

    def ask(self, method: str, path: str, headers: Headers = (), body: bytes = b"") -> Answer:
        return self._wait_for(self._ask(method, path, headers, body))

    def talk(self, raw: bytes) -> list[int]:
        """Write these bytes to a socket and read the status of every answer until it is closed.

        Who promises more than it sends is not answered: after a while it hangs up.
        """
        heard = bytearray()
        with socket.create_connection(("127.0.0.1", self.port)) as wire, suppress(ConnectionError):
            wire.settimeout(PATIENCE)
            wire.sendall(raw)
            while True:
                try:
                    piece = wire.recv(65536)
                except TimeoutError:
                    wire.shutdown(socket.SHUT_WR)
                    wire.settimeout(60)
                    continue
                if not piece:
                    break
                heard += piece
        statuses = [int(part[:3]) for part in heard.split(b"HTTP/1.1 ")[1:]]
        return [status for status in statuses if status != 100]  # go on, send your body

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def _ask(self, method: str, path: str, headers: Headers, body: bytes) -> Answer:
        """One request past the HTTP parser: it may hold what no parser would let through."""
        scope = {"type": "http", "method": method, "path": path, "headers": headers}
        half = len(body) // 2
        messages = [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:], "more_body": False},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.door(scope, receive, send)
        start, *rest = sent
        pairs = {key.decode(): value.decode() for key, value in start["headers"]}
        return Answer(start["status"], pairs, b"".join(message["body"] for message in rest))


@contextmanager
def running(
    settings: config.Config, lines: io.StringIO, http: type[Connection] = Connection
) -> Iterator[RunningLane]:
    """Serve these settings on a free port while this lasts."""
    door = Door(settings, _nothing_else)
    server = uvicorn.Server(
        uvicorn.Config(door, port=0, http=http, ws="none", lifespan="on", log_config=None)
    )
    lane = RunningLane(door, server, lines)

    async def serve() -> None:
        lane.loop = asyncio.get_running_loop()
        await server.serve()

    thread = Thread(target=uvloop.run, args=[serve()], daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the lane did not start"
        thread.join(0.01)
    lane.port = server.servers[0].sockets[0].getsockname()[1]
    yield lane
    server.should_exit = True
    thread.join(30)


async def _nothing_else(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("nothing but the lane is asked here")


def signature(body: bytes, at: float, secret: str = SECRET) -> bytes:
    """A Stripe-Signature header, made here and not by the library that the lane uses."""
    mac = hmac.new(secret.encode(), b"%d." % int(at) + body, hashlib.sha256)
    return f"t={int(at)},v1={mac.hexdigest()}".encode()


def signed(body: bytes) -> Headers:
    return [(b"stripe-signature", signature(body, time.time()))]
