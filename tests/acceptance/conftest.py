"""One installation for all acceptance tests; each test opens an event of its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from .installation import Installation, installed

OpenEvent = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    with installed() as it:
        yield it


@pytest.fixture(scope="session")
def organiser(installation: Installation) -> Iterator[httpx.Client]:
    with installation.organiser("acceptance") as client:
        yield client


@pytest.fixture
def open_event(organiser: httpx.Client) -> OpenEvent:
    """Publishes an event; what is not said is a card-paid one of ten places at 25.00 €."""
    return publisher(organiser)


def publisher(organiser: httpx.Client) -> OpenEvent:
    def publish(**said: Any) -> dict[str, Any]:
        starts = datetime.now(UTC) + timedelta(days=30)
        event = {
            "title": "Stage de théâtre",
            "starts_at": starts.isoformat(),
            "ends_at": (starts + timedelta(hours=6)).isoformat(),
            "price": 2500,
            "currency": "eur",
            "capacity": 10,
            "status": "published",
            "late_payment": "reseat_or_refund",
        }
        answer = organiser.post("/api/v1/events", json=event | said)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return publish
