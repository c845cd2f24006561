"""POSTing to webhook endpoints: an HTTP/1.1 client that does just this, and quickly.

It follows no redirect, uses no proxy, and keeps connections open as Stripe's senders do. A general
client spends several times as long on each call as the sandbox on all the rest of a payment.
"""

import asyncio
import contextlib
import ssl
from collections import defaultdict
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import httptools

CHUNK = 65536
MOST_KEPT = 32


@dataclass
class Reply:
    """An answer as it arrives; the method names are those httptools calls."""

    status: int = 0
    body: bytes = b""
    complete: bool = False
    keep_alive: bool = False
    # Whether headers said where the answer ends; if not, the end of the connection is its end.
    delimited: bool = False
    parser: httptools.HttpResponseParser = field(init=False)

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def on_header(self, name: bytes, _: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self.delimited = True

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.body += body[: CHUNK - len(self.body)]

    def on_message_complete(self) -> None:
        # After "100 Continue" and its kind the real answer follows.
        self.complete = self.status >= 200

    def end(self) -> None:
        """The endpoint has closed the connection."""
        if self.status < 200 or self.delimited:
            raise ConnectionResetError("the endpoint closed the connection without an answer")
        self.complete, self.keep_alive = True, False


@dataclass
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def usable(self) -> bool:
        return not (self.writer.is_closing() or self.reader.at_eof())

    async def exchange(self, request: bytes) -> Reply:
        self.writer.write(request)
        await self.writer.drain()
        reply = Reply()
        while not reply.complete:
            data = await self.reader.read(CHUNK)
            if data:
                reply.parser.feed_data(data)
            else:
                reply.end()
        return reply


Origin = tuple[str, str, int]


class Outgoing:
    def __init__(self) -> None:
        self.idle: defaultdict[Origin, list[Connection]] = defaultdict(list)

    async def post(self, url: str, body: bytes, headers: dict[str, str], limit: float) -> Reply:
        """Raises OSError, TimeoutError (after ``limit`` seconds) or httptools' parser error."""
        parts = urlsplit(url)
        async with asyncio.timeout(limit):
            return await self.send(origin_of(parts), written(parts, body, headers))

    async def send(self, origin: Origin, request: bytes) -> Reply:
        kept = self.take(origin)
        if kept:
            # It may just have been closed at the other end, so a failure here says nothing yet.
            with contextlib.suppress(ConnectionError):
                return await self.use(origin, kept, request)
        return await self.use(origin, await connect(origin), request)

    async def use(self, origin: Origin, connection: Connection, request: bytes) -> Reply:
        try:
            reply = await connection.exchange(request)
        except BaseException:
            connection.writer.close()
            raise
        self.put_back(origin, connection, reply)
        return reply

    def take(self, origin: Origin) -> Connection | None:
        kept = self.idle[origin]
        while kept:
            connection = kept.pop()
            if connection.usable:
                return connection
            connection.writer.close()
        return None

    def put_back(self, origin: Origin, connection: Connection, reply: Reply) -> None:
        if reply.keep_alive and len(self.idle[origin]) < MOST_KEPT:
            self.idle[origin].append(connection)
        else:
            connection.writer.close()

    def close(self) -> None:
        for kept in self.idle.values():
            for connection in kept:
                connection.writer.close()
        self.idle.clear()


async def connect(origin: Origin) -> Connection:
    scheme, host, port = origin
    tls = ssl.create_default_context() if scheme == "https" else None
    return Connection(*await asyncio.open_connection(host, port, ssl=tls))


def origin_of(parts: SplitResult) -> Origin:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


def written(parts: SplitResult, body: bytes, headers: dict[str, str]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"POST {target} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode("latin-1") + body
