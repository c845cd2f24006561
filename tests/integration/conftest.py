"""A caller of the API, and a Stripe to pay at."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from django.test import Client
from django.utils import translation

from inscrit import config, ports
from inscrit.api import keys
from inscrit.payments import stripe_gateway
from inscrit.reconciliation import comparison
from inscrit.sandbox.server import SandboxConfig, create_app, listen

from .account import Account
from .mailserver import MailServer, mail_server
from .receiver import Receiver, listening

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

    from .at_stripe import AtStripe

EVENT = {
    "title": "Fête de l’été",
    "starts_at": "2029-07-03T14:00:00+02:00",
    "ends_at": "2029-07-03T19:00:00+02:00",
    "price": 1250,
    "currency": "eur",
    "capacity": 20,
    "status": "published",
    "late_payment": "reseat_or_refund",
}
CONTACT = {"name": "Camille Martin", "email": "camille@example.org", "locale": "fr"}


@dataclass(slots=True)
class Caller:
    """Somebody who calls the API, with a key or without one."""

    key: str | None = None
    _client: Client = field(default_factory=Client)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> "Answer":
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return self._client.generic(
            method,
            f"/api/v1{path}",
            sent or b"",
            content_type="application/json",
            headers=headers,
        )

    def get(self, path: str) -> "Answer":
        return self("GET", path)

    def post(self, path: str, body: Any = None, **headers: str) -> "Answer":
        return self("POST", path, body, **headers)

    def patch(self, path: str, body: Any) -> "Answer":
        return self("PATCH", path, body)

    def open_event(self, **said: Any) -> dict[str, Any]:
        return content(self.post("/events", EVENT | said), 201)

    def register(self, event: dict[str, Any], participants: int = 1, **said: Any) -> dict[str, Any]:
        return content(
            self.post(f"/events/{event['id']}/registrations", order(participants, **said)), 201
        )


def order(participants: int = 1, **said: Any) -> dict[str, Any]:
    people = [{"first_name": f"Lou {n}", "last_name": "Martin"} for n in range(participants)]
    return {"contact": CONTACT, "participants": people, **said}


def content(answer: "Answer", status: int = 200) -> dict[str, Any]:
    """What an answer of this status says."""
    assert answer.status_code == status, answer.content.decode()
    found: dict[str, Any] = json.loads(answer.content)
    if status >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert found["status"] == status
    return found


MakeCaller = Callable[[str], Caller]
Setting = Callable[..., None]


@pytest.fixture(autouse=True)
def usual_language() -> None:
    """A page that was asked for in another language leaves it behind in its thread."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def no_webhook_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison with Stripe need not wait for any."""
    monkeypatch.setattr(comparison, "ON_ITS_WAY", 0)


@pytest.fixture
def anybody() -> Caller:
    return Caller()


@pytest.fixture
def staff() -> MakeCaller:
    """Makes a caller with a key of the role."""
    return lambda role: Caller(keys.create(f"a {role}", role))


@pytest.fixture
def organiser(staff: MakeCaller) -> Caller:
    return staff("organiser")


@contextmanager
def running_sandbox(**options: Any) -> Iterator[str]:
    """A Stripe of our own at this address; without a webhook URL it tells nobody anything."""
    settings = SandboxConfig(
        **{"port": ports.free(), "patience": 0, "rate_limits": False} | options
    )
    with listen(settings) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield settings.origin
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    """The one that most tests share."""
    with running_sandbox() as origin:
        yield origin


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    """Says what settings are, for one test; None takes one away."""

    def say(**said: str | None) -> None:
        for name, value in said.items():
            monkeypatch.delenv(name, raising=False)
            if value is not None:
                monkeypatch.setenv(name, value)
        config.current.cache_clear()

    yield say
    monkeypatch.undo()
    config.current.cache_clear()


@pytest.fixture
def stripe_at(setting: Setting) -> Callable[[str], None]:
    """Says where Stripe is, for one test."""
    return lambda address: setting(STRIPE_API_BASE=address)


@pytest.fixture
def english() -> Client:
    """A visitor's browser."""
    return Client(headers={"accept-language": "en"})


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def receiver(setting: Setting) -> Iterator[Receiver]:
    """Another program, which may be reached on this machine."""
    setting(OUTGOING_PRIVATE_HOSTS="localhost", ORGANISER_EMAIL="organiser@example.org")
    with listening() as it:
        yield it


@pytest.fixture
def account(stripe_at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A Stripe of this test's own, that tells us nothing."""
    monkeypatch.setattr(stripe_gateway, "PACE_SECONDS", 0)
    with running_sandbox() as origin:
        stripe_at(origin)
        yield Account(origin)


@pytest.fixture
def stripe(sandbox: str, stripe_at: Callable[[str], None]) -> str:
    """Calls to Stripe go to the sandbox."""
    stripe_at(sandbox)
    return sandbox


@pytest.fixture
def at_stripe(stripe: str) -> Iterator["AtStripe"]:
    """Things happen at the sandbox, and we are told of them as a test likes."""
    from .at_stripe import AtStripe

    there = AtStripe(stripe)
    yield there
    there.mend()


@pytest.fixture
def no_old_jobs() -> Iterator[None]:
    """Jobs are in no model of ours, so they outlive a test."""
    from .at_stripe import forget_jobs

    forget_jobs()
    yield
    forget_jobs()


def pay(checkout_url: str) -> None:
    """Fill in the hosted page's card form."""
    card = {
        "email": CONTACT["email"],
        "payment_method_type": "card",
        "card_number": "4242424242424242",
        "exp": "12 / 34",
        "cvc": "123",
        "name": CONTACT["name"],
    }
    answer = httpx.post(checkout_url, data=card)
    assert answer.status_code < 400, answer.text
