"""A web process that is told to stop: it says so first, serves on for a moment, loses nothing."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import pytest

from inscrit import ports

from .conftest import OpenEvent
from .installation import Installation, eventually

DRAIN_SECONDS = 2


@dataclass
class Web:
    """One more web process over the installation's database."""

    process: "subprocess.Popen[bytes]"
    address: str

    def status(self, path: str) -> int:
        """0 while nothing listens."""
        try:
            return httpx.get(self.address + path, timeout=10).status_code
        except httpx.TransportError:
            return 0

    def leave(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        eventually(lambda: self.status("/readyz") == 503, "readiness is taken back")


@contextmanager
def another_web(installation: Installation, *arguments: str, **settings: str) -> Iterator[Web]:
    port = ports.free()
    process = subprocess.Popen(
        [sys.executable, "-m", "inscrit", "serve", "--port", str(port), *arguments],
        env=installation.environment | {"DRAIN_SECONDS": str(DRAIN_SECONDS)} | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    web = Web(process, f"http://127.0.0.1:{port}")
    try:
        eventually(lambda: web.status("/readyz") == 200, "the web process is ready")
        yield web
    finally:
        process.kill()
        process.wait()


@dataclass
class Asking:
    """Asks for a page again and again, each time on a new connection, until nobody listens."""

    web: Web
    statuses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self) -> None:
        while (status := self.web.status("/healthz")) != 0:
            self.statuses.append(status)

    def all_statuses(self) -> list[int]:
        self._thread.join(20)
        return self.statuses


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")], ids=["one", "two processes"])
def test_a_web_side_that_leaves_says_so_and_serves_on(
    installation: Installation, arguments: tuple[str, ...]
) -> None:
    with another_web(installation, *arguments) as web:
        asking = Asking(web)
        web.leave()
        answer = httpx.get(f"{web.address}/healthz")
        assert answer.status_code == 200
        assert answer.headers["connection"] == "close"
        assert set(asking.all_statuses()) == {200}
        assert web.process.wait(20) in (0, -signal.SIGTERM)


def test_a_webhook_on_its_way_while_the_web_side_leaves_is_acknowledged(
    installation: Installation,
) -> None:
    with another_web(installation) as web:
        body = installation.event_payload("customer.created", {"id": "cus_1"}, "evt_leaving")
        gate = threading.Event()

        def slowly() -> Iterator[bytes]:
            yield body[:10].encode()
            gate.wait(10)
            yield body[10:].encode()

        signed = installation.signed(body)
        answers: list[httpx.Response] = []
        sending = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{web.address}/stripe/webhooks", content=slowly(), headers=signed)
            )
        )
        sending.start()
        web.leave()
        time.sleep(DRAIN_SECONDS + 0.5)  # by now nobody new is let in
        gate.set()
        sending.join(20)
        assert answers[0].status_code == 200
        assert "evt_leaving" in installation.command("replay", "evt_leaving", "--dry-run")


def test_streams_of_places_end_kindly_when_the_web_side_leaves(
    installation: Installation, open_event: OpenEvent
) -> None:
    path = f"/api/v1/events/{open_event()['id']}/places/stream"
    with another_web(installation) as web, httpx.stream("GET", web.address + path) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        web.leave()
        # Ends with its last chunk: a connection that is cut would raise an error here.
        assert any(line.startswith("data:") for line in lines)


def test_ctrl_c_stops_at_once(installation: Installation) -> None:
    with another_web(installation, DRAIN_SECONDS="300") as web:
        web.process.send_signal(signal.SIGINT)
        assert web.process.wait(20) in (0, -signal.SIGINT, 130)
