"""Many watch the places of events, over real connections to the real web side."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from .conftest import OpenEvent
from .installation import Installation, eventually

SEVERAL = "/api/v1/places/stream"


@contextmanager
def watching(installation: Installation, path: str, **params: str) -> Iterator[Iterator[Any]]:
    """What the stream says, one after the other."""
    with installation.web.stream("GET", path, params=params) as answer:
        answer.raise_for_status()
        yield (
            json.loads(line.removeprefix("data: "))
            for line in answer.iter_lines()
            if line.startswith("data: ")
        )


def metric(installation: Installation) -> float:
    lines = installation.web.get("/metrics").text.splitlines()
    (line,) = (line for line in lines if line.startswith("inscrit_live_watchers "))
    return float(line.split()[1])


def test_one_stream_tells_the_places_of_several_events(
    installation: Installation, open_event: OpenEvent
) -> None:
    first, second = open_event(capacity=4), open_event(capacity=None)
    ids = f"{first['id']},{second['id']},ev-nobody-knows"
    with watching(installation, SEVERAL, events=ids) as said:
        assert {each["event_id"]: each["remaining"] for each in (next(said), next(said))} == {
            first["id"]: 4,
            second["id"]: None,
        }
        installation.register(first["id"], 3)
        assert next(said)["remaining"] == 1
        installation.register(second["id"], 1)
        moved = next(said)
    assert (moved["event_id"], moved["held"]) == (second["id"], 1)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ("", 422),
        ("ev-a,,ev-b", 422),
        ("ev-a;drop", 422),
        (",".join(f"ev-{n}" for n in range(101)), 422),
        ("ev-nobody-knows", 404),
    ],
)
def test_events_that_can_t_be_watched_are_refused_with_a_problem(
    installation: Installation, events: str, status: int
) -> None:
    answer = installation.web.get(SEVERAL, params={"events": events})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


@pytest.mark.parametrize("method", ["POST", "DELETE", "TRACE"])
def test_places_are_only_read_and_the_answer_says_so(
    installation: Installation, method: str
) -> None:
    for path in (f"{SEVERAL}?events=ev-a", "/api/v1/events/ev-a/places"):
        answer = installation.web.request(method, path)
        assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
        assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
        assert answer.json()["code"] == "method_not_allowed"


def test_who_asks_for_places_is_told_those_of_the_moment(
    installation: Installation, open_event: OpenEvent
) -> None:
    """Free places are confirmed with the answer: nothing else gives the news time to get round."""
    event = open_event(price=0, capacity=30)
    for taken in range(1, 21):
        assert installation.register(event["id"], 1).is_success
        assert installation.places(event["id"])["remaining"] == 30 - taken


def test_those_who_never_read_and_those_who_left_hold_nobody_up(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(capacity=1000)
    path = f"/api/v1/events/{event['id']}/places/stream"
    before = metric(installation)
    with ExitStack() as stack:
        wires = [
            stack.enter_context(socket.create_connection(("127.0.0.1", installation.site_port)))
            for _ in range(100)
        ]
        for wire in wires:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            wire.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        eventually(lambda: metric(installation) == before + 100, "all watch")
        for wire in wires[:50]:
            wire.close()
        with watching(installation, path) as said:
            assert next(said)["confirmed"] == 0
            for n in range(1, 6):
                installation.register(event["id"], 1)
                assert next(said)["held"] == n
    eventually(lambda: metric(installation) == before, "those who left are forgotten")


def test_a_stream_allows_any_origin_and_is_kept_by_nobody(
    installation: Installation, open_event: OpenEvent
) -> None:
    ids = {"events": open_event()["id"]}
    with installation.web.stream("GET", SEVERAL, params=ids) as answer:
        assert answer.status_code == httpx.codes.OK
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cache-control"] == "no-store"
