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

from inscrit import config, direct
from inscrit.events.models import Event
from inscrit.live.entrance import AT_ONCE, Connection, Entrance

from .running_lane import PATH, SECRET, RunningLane, running, signed

pytestmark = pytest.mark.django_db(transaction=True)
CROWD = 3 * AT_ONCE


class Held(Connection):
    """A connection that tells how many came and went, in a line that stands until it may move."""

    may_move: asyncio.Event
    came = 0
    went = 0

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        type(self).came += 1

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        type(self).went += 1


def held() -> type[Held]:
    """For one event loop."""

    class Ours(Held):
        may_move = asyncio.Event()
        entrance = Entrance(may_move.wait)

    return Ours


@dataclass(slots=True)
class Crowd:
    """Those who watch an event: the first few are let in, then nobody until they may move."""

    lane: RunningLane
    line: type[Held]
    event: Event
    stack: ExitStack = field(default_factory=ExitStack)
    wires: list[socket.socket] = field(default_factory=list)

    def come(self) -> None:
        self.wires = [self.ask(self.request) for _ in range(CROWD)]
        eventually(lambda: self.line.came == CROWD)

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

    def leave(self, wires: list[socket.socket]) -> None:
        for wire in wires:
            wire.close()
        eventually(lambda: self.line.went == len(wires))

    def may_move(self) -> None:
        self.lane.loop.call_soon_threadsafe(self.line.may_move.set)

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
    line = held()
    ours = replace(
        config.current(), database_url=direct.address(), stripe_webhook_secrets=(SECRET,)
    )
    with running(ours, io.StringIO(), http=line) as lane:
        begins = timezone.now() + timedelta(days=3)
        event = Event.objects.create(
            title="Fête", starts_at=begins, ends_at=begins, price=0, capacity=5000,
            status="published",
        )  # fmt: skip
        crowd = Crowd(lane, line, event)
        eventually(lambda: lane.ask("GET", f"/api/v1/events/{event.pk}/places").status == 200)
        with crowd.stack:
            yield crowd
            crowd.may_move()


def webhook(lane: RunningLane) -> int:
    """The answer's status, over a connection of its own."""
    event = {"id": "evt_1", "type": "ping", "created": 1, "livemode": False, "data": {"object": {}}}
    body = json.dumps(event).encode()
    headers = {name.decode(): value.decode() for name, value in signed(body)}
    url = f"http://127.0.0.1:{lane.port}{PATH}"
    return httpx.post(url, content=body, headers=headers).status_code


def test_a_webhook_is_answered_while_a_crowd_waits_to_come_in(crowd: Crowd) -> None:
    crowd.come()
    assert webhook(crowd.lane) == httpx.codes.OK
    assert crowd.answered() <= AT_ONCE


def test_what_moves_while_they_wait_is_missed_by_nobody(crowd: Crowd) -> None:
    crowd.come()
    Event.objects.filter(pk=crowd.event.pk).update(confirmed=7)
    crowd.may_move()
    assert all(told(wire, b'"confirmed":7,') for wire in crowd.wires)


def test_those_who_leave_the_line_are_not_let_in(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    crowd.come()
    staying = crowd.wires[::3]
    crowd.leave([wire for wire in crowd.wires if wire not in staying])
    crowd.may_move()
    assert all(told(wire, b"event: places") for wire in staying)
    eventually(lambda: REGISTRY.get_sample_value("inscrit_live_watchers") == len(staying))
    assert [line for line in caplog.records if line.levelno >= logging.WARNING] == []


def test_a_request_that_comes_in_pieces_is_answered(crowd: Crowd) -> None:
    crowd.come()
    wire = crowd.ask(crowd.request[:-10])
    eventually(lambda: crowd.line.came == CROWD + 1)
    wire.sendall(crowd.request[-10:])
    assert told(wire, b"event: places")
