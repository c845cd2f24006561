"""Many more buyers than places, all at the same moment."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import OpenEvent
from .installation import Installation, eventually

PLACES = 30
BUYERS = 500


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def told(self) -> tuple[int, str | None]:
        return self.status, self.body.get("code")


async def register(port: int, event_id: str, number: int) -> Answer:
    """Register one person over a connection of its own; a general client would be the slow part."""
    order = {
        "contact": {"name": "Parent Test", "email": f"parent-{number}@example.org"},
        "participants": [{"first_name": "Enfant", "last_name": "Test"}],
    }
    body = json.dumps(order).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"POST /api/v1/events/{event_id}/registrations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Connection: close\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(status.split()[1]), headers, json.loads(answer))


def all_at_once(installation: Installation, event_id: str, buyers: int) -> list[Answer]:
    async def crowd() -> list[Answer]:
        port = installation.site_port
        return await asyncio.gather(*(register(port, event_id, n) for n in range(buyers)))

    return asyncio.run(crowd())


def held(installation: Installation, event_id: str) -> tuple[int, int]:
    """The event's counter, and the sum of the registrations behind it."""
    ((counter, total),) = installation.query(
        "SELECT held, (SELECT coalesce(sum(places), 0) FROM registrations_registration r"
        " WHERE r.event_id = e.id AND r.status IN ('PENDING', 'PROCESSING'))"
        " FROM events_event e WHERE id = %s",
        event_id,
    )
    return counter, total


@pytest.mark.parametrize("rate_limits", [False, True], ids=["no limits", "Stripe's limits"])
def test_of_500_buyers_at_once_for_30_places_30_are_seated_and_the_others_told_at_once(
    installation: Installation, open_event: OpenEvent, rate_limits: bool
) -> None:
    event = open_event(capacity=PLACES)
    installation.control("/rate_limits", enabled=rate_limits)
    try:
        answers = all_at_once(installation, event["id"], BUYERS)
    finally:
        installation.control("/rate_limits", enabled=True)

    assert Counter(answer.told for answer in answers) == {
        (201, None): PLACES,
        (409, "sold_out"): BUYERS - PLACES,
    }
    seated = [answer.body for answer in answers if answer.status == 201]
    assert len({made["id"] for made in seated}) == PLACES
    assert len({made["checkout_url"] for made in seated}) == PLACES
    assert all(answer.body["remaining"] == 0 for answer in answers if answer.status == 409)
    assert held(installation, event["id"]) == (PLACES, PLACES)
    eventually(
        lambda: installation.places(event["id"])["remaining"] == 0, "everybody sees that it is full"
    )


def test_in_a_crowd_those_whose_checkout_stripe_does_not_open_are_told_and_hold_nothing(
    installation: Installation, open_event: OpenEvent
) -> None:
    event = open_event(capacity=PLACES)
    installation.control("/faults", kind="rate_limit", path="/v1/checkout/sessions")
    try:
        answers = all_at_once(installation, event["id"], 2 * PLACES)
    finally:
        installation.remove_faults()

    unlucky = [answer for answer in answers if answer.told == (503, "checkout_unavailable")]
    assert len(unlucky) >= PLACES
    assert all(int(answer.headers["retry-after"]) > 0 for answer in unlucky)
    assert all(answer.told == (409, "sold_out") for answer in answers if answer not in unlucky)
    assert held(installation, event["id"]) == (0, 0)
    assert installation.register(event["id"]).status_code == 201
