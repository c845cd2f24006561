"""Another program that is told of changes: a real HTTP server that checks each signature."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from procrastinate.contrib.django import app
from standardwebhooks import Webhook
from starlette.types import Receive, Scope, Send

from inscrit import ports


@dataclass
class Receiver:
    """``status`` is what it answers; ``heard`` every body with its headers, as they came."""

    port: int = field(default_factory=ports.free)
    status: int = 200
    says: bytes = b"thank you"
    location: str = ""
    heard: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/hooks?of=inscrit"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        self.heard.append((body, headers))
        answered = [(b"location", self.location.encode())] if self.location else []
        await send({"type": "http.response.start", "status": self.status, "headers": answered})
        await send({"type": "http.response.body", "body": self.says})

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """What it was told, each with its signature checked by the official library."""
        return [Webhook(secret).verify(body, headers) for body, headers in self.heard]

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.heard]


@contextmanager
def listening() -> Iterator[Receiver]:
    receiver = Receiver()
    config = uvicorn.Config(
        receiver, port=receiver.port, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield receiver
    server.should_exit = True
    thread.join(10)


async def work() -> None:
    """What a worker does with the jobs that wait now."""
    connector: Any = app.connector
    with app.replace_connector(connector.get_worker_connector()) as worker:
        async with worker.open_async():
            await worker.run_worker_async(
                queues=["outgoing"],
                wait=False,
                install_signal_handlers=False,
                delete_jobs="always",
            )
