"""What happens at Stripe, and what of it we are told: when, how often, and in which order.

The sandbox tells nobody by itself here. Its events are its own; a test hands them to the real
webhook lane, signed, as late and as mixed up as it likes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx
from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate.contrib.django import app
from stripe import WebhookSignature

from inscrit import direct
from inscrit.events.models import Event
from inscrit.mail.models import Message
from inscrit.registrations.ledger import Desk
from inscrit.registrations.models import Registration
from inscrit.webhooks.committer import Committer
from inscrit.webhooks.intake import Intake
from inscrit.webhooks.models import StripeEvent
from inscrit.webhooks.signature import secrets

from .account import Account, Made

SECRET = "whsec_of_this_endpoint"
OFFICE = Desk("office@example.org", "fr")
Happening = dict[str, Any]


def status(made: Made) -> str:
    return str(Registration.objects.get(pk=made["id"]).status)


def review(made: Made) -> str | None:
    return Registration.objects.get(pk=made["id"]).review


def places(made: Made) -> tuple[int, int]:
    """How many places of its event are confirmed and held."""
    event = Event.objects.get(registrations=made["id"])
    return event.confirmed, event.held


def mails(made: Made) -> list[str]:
    return list(
        Message.objects.filter(registration=made["id"])
        .order_by("pk")
        .values_list("kind", flat=True)
    )


@asynccontextmanager
async def lane(*known: str) -> AsyncIterator[httpx.AsyncClient]:
    """The webhook lane with these signing secrets."""
    committer = Committer(direct.address(), livemode=False, desk=OFFICE)
    await committer.start()
    transport = httpx.ASGITransport(Intake(secrets(known or (SECRET,)), committer))
    async with httpx.AsyncClient(transport=transport, base_url="http://lane") as client:
        yield client
    await committer.stop()


async def post(client: httpx.AsyncClient, body: str, secret: str = SECRET) -> int:
    header = {"stripe-signature": WebhookSignature.generate_signature_header(body, secret)}
    return (await client.post("/stripe/webhooks", content=body, headers=header)).status_code


def deliver(*events: Happening, at_once: bool = False) -> list[str]:
    """Hand these to the lane, one after the other or all at once; what became of each."""

    async def within() -> list[int]:
        bodies = [json.dumps(event) for event in events]
        async with lane() as client:
            if at_once:
                return list(await asyncio.gather(*(post(client, body) for body in bodies)))
            return [await post(client, body) for body in bodies]

    assert asyncio.run(within()) == [200] * len(events)
    outcomes = dict(StripeEvent.objects.values_list("pk", "outcome"))
    return [outcomes[event["id"]] for event in events]


def changed(event: Happening, new_id: str, **said: Any) -> Happening:
    """The same event under another id, with other values in its object."""
    other = deepcopy(event)
    other["id"] = new_id
    other["data"]["object"] |= said
    return other


def work(queue: str) -> list[str]:
    """Do once what waits in a queue, also what was meant for later; the names of the tasks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = %s"
            " RETURNING id, task_name, args::text",
            [queue],
        )
        jobs = sorted(cursor.fetchall())
    for _, name, arguments in jobs:
        async_to_sync(app.tasks[name].func)(**json.loads(arguments))
    return [name.rpartition(".")[2] for _, name, _ in jobs]


def forget_jobs() -> None:
    """As if the queue had been lost."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")


@dataclass(slots=True)
class AtStripe(Account):
    """An account that remembers which of its events were handed on."""

    told: set[str] = field(default_factory=set)

    def sessions(self, made: Made) -> list[dict[str, Any]]:
        """All sessions of a registration, the oldest first."""
        every = self.get("checkout/sessions", limit=100)["data"]
        return [one for one in reversed(every) if one["client_reference_id"] == made["id"]]

    def refunds(self, made: Made) -> list[dict[str, Any]]:
        intent = self.session(made)["payment_intent"]
        found: list[dict[str, Any]] = self.get("refunds", payment_intent=intent)["data"]
        return found

    def decline(self, made: Made) -> None:
        path = f"{self.origin}/sandbox/sessions/{self.session_id(made)}/pay"
        assert httpx.post(path, json={"card": "4000000000000002"}).status_code == 402

    def settle(self, made: Made) -> None:
        """The bank has answered a direct debit."""
        self.control(f"/payment_intents/{self.session(made)['payment_intent']}/settle")

    # What we are told.

    def events(self, made: Made) -> list[Happening]:
        """All that happened to a registration's sessions and payments, the oldest first."""
        sessions = self.sessions(made)
        about = {one["id"] for one in sessions}
        about |= {one["payment_intent"] for one in sessions if one["payment_intent"]}
        every: list[Happening] = self.get("events", limit=100)["data"]
        return [event for event in reversed(every) if about & _named(event["data"]["object"])]

    def event(self, made: Made, kind: str) -> Happening:
        """The latest event of this type."""
        return [event for event in self.events(made) if event["type"] == kind][-1]

    def tell(self, made: Made, *kinds: str) -> list[str]:
        """Hand on news of these types, the oldest of each first; all news in order if none is said.

        What became of each.
        """
        news = [event for event in self.events(made) if event["id"] not in self.told]
        chosen = _picked(news, kinds) if kinds else news
        assert chosen
        self.told |= {event["id"] for event in chosen}
        return deliver(*chosen)


def _named(item: dict[str, Any]) -> set[str]:
    return {item["id"], item.get("payment_intent") or item["id"]}


def _picked(news: list[Happening], kinds: Sequence[str]) -> list[Happening]:
    left = list(news)
    chosen = []
    for kind in kinds:
        event = next(event for event in left if event["type"] == kind)
        left.remove(event)
        chosen.append(event)
    return chosen
