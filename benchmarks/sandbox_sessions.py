"""How many Checkout sessions a minute the Stripe sandbox carries, webhooks and all.

Each session is created through the API, paid on the hosted page, and its four events are delivered
to an endpoint in this process. The sandbox runs in a process of its own.

    python benchmarks/sandbox_sessions.py [--sessions 2000] [--buyers 32] [--data-dir DIR]
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx

from inscrit.sandbox.outgoing import Outgoing
from inscrit.sandbox.server import SandboxConfig, run

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

HEADERS = {
    "Authorization": "Bearer sk_test_benchmark",
    "Content-Type": "application/x-www-form-urlencoded",
}
SESSION = urlencode(
    {
        "mode": "payment",
        "success_url": "http://127.0.0.1/thanks",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "3000",
        "line_items[0][price_data][product_data][name]": "Place",
    }
).encode()
CARD = urlencode(
    {
        "email": "buyer@example.com",
        "payment_method_type": "card",
        "card_number": "4242424242424242",
        "exp": "12/34",
        "cvc": "123",
    }
).encode()


class Endpoint(asyncio.Protocol):
    """Answers 200 to every webhook and counts them."""

    received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while message := self.complete():
            self.buffer = self.buffer[message:]
            Endpoint.received += 1
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.write(OK)

    def complete(self) -> int:
        """The length of the first whole request in the buffer, or 0."""
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        whole = len(head) + len(separator) + length
        return whole if separator and len(rest) >= length else 0


async def buy(http: Outgoing, origin: str, todo: list[int]) -> None:
    while todo:
        todo.pop()
        made = await http.post(f"{origin}/v1/checkout/sessions", SESSION, HEADERS, 60)
        assert made.status == 200, made.body
        paid = await http.post(json.loads(made.body)["url"], CARD, HEADERS, 60)
        assert paid.status == 303, paid.body


async def measure(origin: str, sessions: int, buyers: int) -> float:
    todo = list(range(sessions))
    http = Outgoing()
    await buy(http, origin, [0])
    started = time.perf_counter()
    await asyncio.gather(*(buy(http, origin, todo) for _ in range(buyers)))
    return time.perf_counter() - started


async def main(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Endpoint, "127.0.0.1", 0)
    webhook = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhook"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = SandboxConfig(
        port=port, webhook_url=webhook, data_dir=options.data_dir, rate_limits=False
    )
    process = multiprocessing.get_context("spawn").Process(target=quiet, args=(config,))
    process.start()
    try:
        await until_up(config.origin)
        seconds = await measure(config.origin, options.sessions, options.buyers)
    finally:
        process.terminate()
        process.join()
    rate = options.sessions / seconds
    print(f"{options.sessions} sessions paid in {seconds:.1f} s: {rate * 60:,.0f} a minute")
    print(f"{Endpoint.received} webhooks received")


def quiet(config: SandboxConfig) -> None:
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    run(config)


async def until_up(origin: str) -> None:
    async with httpx.AsyncClient() as http:
        for _ in range(200):
            try:
                await http.get(f"{origin}/sandbox/state")
            except httpx.ConnectError:
                await asyncio.sleep(0.1)
            else:
                return
    raise SystemExit("The sandbox did not start.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--buyers", type=int, default=32)
    parser.add_argument("--data-dir", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.data_dir = options.data_dir or Path(folder)
        asyncio.run(main(options))
