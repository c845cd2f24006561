"""A crowd that comes at once to watch places waits in line; nobody else waits for it."""

import asyncio
import io
import json
import logging
import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from inscrit import config
from inscrit.events.models import Event
from inscrit.live.entrance import AT_ONCE, Connection, Entrance

from .running_lane import PATH, SECRET, RunningLane, database_url, running, signed

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 3 * AT_ONCE


@dataclass(slots=True)
class Crowd:
    """Everybody has asked for their stream; nobody more is let in until ``may_go_on``."""

    lane: RunningLane
    event: Event
    may_go_on: asyncio.Event
    arrived: list[bytes] = field(default_factory=list)
    gone: int = 0
    stack: ExitStack = field(default_factory=ExitStack)
    wires: list[socket.socket] = field(default_factory=list)

    def come(self) -> None:
        self.wires = [self.ask(self.request) for _ in range(CROWD)]
        eventually(lambda: len(self.arrived) == CROWD)

    @property
    def request(self) -> bytes:
        return (
            f"GET /api/v1/events/{self.event.pk}/places/stream HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )

    def ask(self, said: bytes) -> socket.socket:
        wire = self.stack.enter_context(socket.create_connection(("127.0.0.1", self.lane.port)))
        wire.settimeout(60)
        wire.sendall(said)
        return wire

    def go_on(self) -> None:
        self.lane.loop.call_soon_threadsafe(self.may_go_on.set)

    def answered(self) -> int:
        return len(select.select(self.wires, [], [], 0)[0])


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def told(wire: socket.socket, text: bytes) -> bool:
    """Read the stream until it says this."""
    heard = b""
    while text not in heard:
        piece = wire.recv(65536)
        assert piece, heard
        heard += piece
    return True


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    may_go_on = asyncio.Event()

    class Watched(Connection):
        entrance = Entrance(may_go_on.wait)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            crowd.arrived.append(data)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            crowd.gone += 1

    ours = replace(config.current(), database_url=database_url(), stripe_webhook_secrets=(SECRET,))
    with running(ours, io.StringIO(), http=Watched) as lane:
        begins = timezone.now() + timedelta(days=3)
        event = Event.objects.create(
            title="Fête", starts_at=begins, ends_at=begins, price=0, capacity=5000,
            status="published",
        )  # fmt: skip
        crowd = Crowd(lane, event, may_go_on)
        eventually(lambda: lane.ask("GET", f"/api/v1/events/{event.pk}/places").status == 200)
        with crowd.stack:
            yield crowd
            crowd.go_on()


def test_a_webhook_is_answered_while_the_crowd_waits(crowd: Crowd) -> None:
    crowd.come()
    event = {"id": "evt_1", "type": "ping", "created": 1, "livemode": False, "data": {"object": {}}}
    body = json.dumps(event).encode()
    headers = {name.decode(): value.decode() for name, value in signed(body)}
    answer = httpx.post(f"http://127.0.0.1:{crowd.lane.port}{PATH}", content=body, headers=headers)
    assert answer.status_code == httpx.codes.OK
    assert crowd.answered() <= AT_ONCE


def test_what_moves_while_they_wait_is_missed_by_nobody(crowd: Crowd) -> None:
    crowd.come()
    Event.objects.filter(pk=crowd.event.pk).update(confirmed=7)
    crowd.go_on()
    assert all(told(wire, b'"confirmed":7,') for wire in crowd.wires)


def test_those_who_leave_the_line_are_not_let_in(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    crowd.come()
    staying = crowd.wires[::3]
    for wire in set(crowd.wires) - set(staying):
        wire.close()
    eventually(lambda: crowd.gone == CROWD - len(staying))
    crowd.go_on()
    assert all(told(wire, b"event: places") for wire in staying)
    eventually(lambda: REGISTRY.get_sample_value("inscrit_live_watchers") == len(staying))
    assert [line for line in caplog.records if line.levelno >= logging.WARNING] == []


def test_a_request_that_comes_in_pieces_is_answered(crowd: Crowd) -> None:
    crowd.come()
    wire = crowd.ask(crowd.request[:-10])
    eventually(lambda: len(crowd.arrived) == CROWD + 1)
    wire.sendall(crowd.request[-10:])
    assert told(wire, b"event: places")
