"""A load generator that is no bottleneck: prepared requests over kept-alive connections."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests a second, the answers that were not 200, and latencies in milliseconds."""

    per_second: float
    refused: int
    median: float
    p99: float


class Client(asyncio.Protocol):
    """Sends one prepared request after the other and times each answer."""

    def __init__(self, requests: Iterator[bytes], done: "asyncio.Future[None]") -> None:
        self._requests = requests
        self._done = done
        self._buffer = b""
        self._sent = 0.0
        self.seconds: list[float] = []
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed before its last answer"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        self._buffer = b""
        self.seconds.append(time.perf_counter() - self._sent)
        self.refused += b" 200 " not in head[:16]
        self._send()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One request, ready to be written to a socket."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def fire(port: int, requests: Iterable[bytes], connections: int) -> Figures:
    """Send all requests over so many connections at once; each takes the next one."""
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    clients, ends = [], []
    began = time.perf_counter()
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        client = Client(waiting, done)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        clients.append(client)
        ends.append(done)
    await asyncio.gather(*ends)
    took = time.perf_counter() - began
    seconds = sorted(second for client in clients for second in client.seconds)
    return Figures(
        per_second=len(seconds) / took,
        refused=sum(client.refused for client in clients),
        median=seconds[len(seconds) // 2] * 1000,
        p99=seconds[int(len(seconds) * 0.99)] * 1000,
    )
