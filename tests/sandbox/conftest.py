"""A real sandbox on a free port, the official library pointed at it, and a shop that listens."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import stripe
import uvicorn

from inscrit.sandbox.server import SandboxConfig, create_app, listen

SECRET = "whsec_shared_with_the_shop"


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def type(self) -> str:
        return str(self.event["type"])

    @property
    def object(self) -> dict[str, Any]:
        found: dict[str, Any] = self.event["data"]["object"]
        return found


@dataclass
class Shop:
    """An application's webhook endpoint: it keeps what it gets and answers what it is told to."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    answer_to: Callable[[Received], int] = lambda _: 200
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def take(self, received: Received) -> int:
        with self.arrived:
            self.received.append(received)
            self.arrived.notify_all()
            if self.answers:
                return self.answers.pop(0)
        return self.answer_to(received)

    def answer_late(self, seconds: float) -> None:
        def answer(_: Received) -> int:
            time.sleep(seconds)
            return 200

        self.answer_to = answer

    def types(self) -> list[str]:
        return [each.type for each in self.received]

    def of_type(self, kind: str) -> list[Received]:
        return [each for each in self.received if each.type == kind]

    def wait_for(self, kind: str, count: int = 1, seconds: float = 10) -> list[Received]:
        """Block until ``count`` events of this type have come, and return them."""
        with self.arrived:
            came = self.arrived.wait_for(lambda: len(self.of_type(kind)) >= count, seconds)
        assert came, f"{count} × {kind} expected, got {self.types()}"
        return self.of_type(kind)


class Handler(BaseHTTPRequestHandler):
    shop: Shop
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.shop.take(Received(dict(self.headers), body))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    handler = type("ShopHandler", (Handler,), {"shop": shop})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    shop.url = f"http://127.0.0.1:{server.server_port}/stripe/webhooks"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield shop
    server.shutdown()
    server.server_close()


@dataclass
class Sandbox:
    """A running sandbox and the usual ways to talk to it."""

    origin: str
    config: SandboxConfig

    @property
    def stripe(self) -> Any:
        """The official client. Untyped here: the tests read answers of every shape."""
        return stripe.StripeClient(
            "sk_test_sandbox", base_addresses={"api": self.origin}, max_network_retries=0
        )

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.origin, headers={"Authorization": "Bearer sk_test_sandbox"}, timeout=20
        )

    def control(self, method: str, path: str, /, **body: Any) -> Any:
        with self.http as http:
            answer = http.request(method, f"/sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def session(self, **more: Any) -> Any:
        """An open Checkout session over 2 × 15.00 €."""
        params: dict[str, Any] = {
            "mode": "payment",
            "success_url": "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/basket",
            "line_items": [
                {
                    "quantity": 2,
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 1500,
                        "product_data": {"name": "Summer camp"},
                    },
                }
            ],
        }
        return self.stripe.v1.checkout.sessions.create({**params, **more})

    def pay(self, session: Any, **form: str) -> httpx.Response:
        """Fill in the hosted page and send it, as a browser would."""
        filled = {
            "email": "buyer@example.com",
            "payment_method_type": "card",
            "card_number": "4242 4242 4242 4242",
            "exp": "12 / 34",
            "cvc": "123",
            "name": "Ada Buyer",
        }
        with httpx.Client(timeout=20) as browser:
            return browser.post(session.url, data={**filled, **form})


@contextmanager
def running(config: SandboxConfig) -> Iterator[Sandbox]:
    """Serve a sandbox in a thread. Port 0 in the configuration finds a free one."""
    listening = listen(config)
    port = listening.getsockname()[1]
    config = SandboxConfig(**{**vars(config), "port": port})
    server = uvicorn.Server(uvicorn.Config(create_app(config), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield Sandbox(config.origin, config)
    server.should_exit = True
    thread.join(timeout=10)
    listening.close()


def configuration(**more: Any) -> SandboxConfig:
    return SandboxConfig(
        **{"port": 0, "rate_limits": False, "retry_delays": (0.1, 0.2, 0.4), **more}
    )


@pytest.fixture
def sandbox(shop: Shop) -> Iterator[Sandbox]:
    """A sandbox whose webhooks go to ``shop``."""
    config = configuration(webhook_url=shop.url, webhook_secret=SECRET)
    with running(config) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def quiet_sandbox() -> Iterator[Sandbox]:
    """A sandbox without webhooks, shared by the tests of a module."""
    with running(configuration()) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True, scope="session")
def no_telemetry() -> None:
    stripe.enable_telemetry = False
