"""A buyer as one sees them from outside: a browser, an order, and patience.

Whatever fails for want of an answer is tried again as any client would, with the same
Idempotency-Key. What should never be answered is kept as a complaint.
"""

import asyncio
import random
import re
import ssl
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx
import stripe

from tests.acceptance.installation import SECRET, STRIPE_KEY, Installation, session_of

PATIENCE = 60.0
LONGEST_WAIT = 2.0
NO_PLACE = ("sold_out", "sales_closed")
GOOD_CARD = "4242424242424242"
DECLINED_CARD = "4000000000000002"

# Making one costs more than a request does.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class GaveUp(Exception):
    """No answer within the buyer's patience."""


class Refused(Exception):
    """No place, or no checkout page; the message is the problem's code."""


@dataclass
class Town:
    """What all have in common: where to go, and what is remembered of their visits."""

    installation: Installation
    events: list[str]
    organisers_key: str
    called_off: str | None = None
    promised: dict[str, str] = field(default_factory=dict)
    complaints: list[tuple[str, str]] = field(default_factory=list)
    tries_again: Counter[str] = field(default_factory=Counter)


@dataclass
class Visitor:
    """Somebody before our site, with a die of their own, so that a seed tells what they do."""

    town: Town
    dice: random.Random
    name: str
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        site = self.town.installation.site
        self.http = httpx.AsyncClient(base_url=site, timeout=30, verify=NO_TLS)

    async def pause(self, longest: float) -> None:
        await asyncio.sleep(self.dice.uniform(0, longest))

    async def insist(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The first answer that settles the matter. Raises GaveUp."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                answer = await self.http.request(method, path, **request)
            except httpx.TransportError as error:
                await self._again(type(error).__name__)
                continue
            if answer.status_code in (429, 503):
                await self._again(str(answer.status_code))
                continue
            if answer.status_code >= 500:
                self.complain(f"{method} {_shape(path)} answered {answer.status_code}")
                await self._again(str(answer.status_code))
                continue
            return answer
        raise GaveUp(f"{method} {_shape(path)}")

    async def _again(self, why: str) -> None:
        self.town.tries_again[why] += 1
        await asyncio.sleep(self.dice.uniform(0.2, LONGEST_WAIT))

    def complain(self, what: str, registration: str = "") -> None:
        self.town.complaints.append((registration or self.name, what))


class Buyer(Visitor):
    """One buyer with an order; ``key`` stays the same however often it is sent."""

    def __init__(self, town: Town, number: int, dice: random.Random) -> None:
        super().__init__(town, dice, f"buyer-{number}@example.org")
        self.number = number
        self.event = dice.choice(town.events)
        self.places = dice.choice((1, 1, 2, 2, 3))
        self.key = f"order-{number}-{dice.getrandbits(32)}"

    # Our own site.

    @property
    def order(self) -> dict[str, Any]:
        people = [{"first_name": f"Enfant {n}", "last_name": "Test"} for n in range(self.places)]
        contact = {"name": f"Parent {self.number}", "email": self.name}
        return {"contact": contact, "participants": people}

    @property
    def order_path(self) -> str:
        return f"/api/v1/events/{self.event}/registrations"

    async def register(self) -> dict[str, Any]:
        """A registration with a checkout page. Raises Refused, GaveUp."""
        headers = {"Idempotency-Key": self.key}
        answer = await self.insist("POST", self.order_path, json=self.order, headers=headers)
        told: dict[str, Any] = answer.json()
        if answer.status_code != httpx.codes.CREATED:
            if told["code"] not in NO_PLACE:
                self.complain(f"the order was refused: {answer.status_code} {told['code']}")
            raise Refused(told["code"])
        self.town.promised[told["id"]] = self.name
        if not told["checkout_url"]:
            if self.event != self.town.called_off:
                self.complain(f"created as {told['status']} without a checkout page", told["id"])
            raise Refused("no checkout page")
        return told

    async def hang_up_on_an_order(self) -> None:
        """Send the order and be gone before the answer comes, or just after."""
        headers = {"Idempotency-Key": self.key}
        try:
            await self.http.post(
                self.order_path,
                json=self.order,
                headers=headers,
                timeout=self.dice.uniform(0.02, 0.4),
            )
        except httpx.TransportError as error:
            self.town.tries_again[type(error).__name__] += 1

    async def come_back(self, made: dict[str, Any]) -> None:
        """Land on the return page, as Stripe's success address says."""
        query = {"token": made["token"], "session_id": session_of(made)}
        answer = await self.insist("GET", f"/registrations/{made['id']}", params=query)
        if answer.status_code != httpx.codes.OK:
            self.complain(f"the return page answered {answer.status_code}", made["id"])

    async def cancel(self, made: dict[str, Any]) -> None:
        path = f"/api/v1/registrations/{made['id']}/cancel"
        answer = await self.insist("POST", path, params={"token": made["token"]})
        if answer.status_code != httpx.codes.OK:
            self.complain(f"cancelling was answered {answer.status_code}", made["id"])

    async def look(self, made: dict[str, Any]) -> None:
        path = f"/api/v1/registrations/{made['id']}"
        answer = await self.insist("GET", path, params={"token": made["token"]})
        if answer.status_code != httpx.codes.OK:
            self.complain(f"it was promised, and answers {answer.status_code}", made["id"])

    # Stripe's hosted page, and Stripe.

    async def pay_by_card(self, made: dict[str, Any], card: str = GOOD_CARD) -> bool:
        method = {"payment_method_type": "card", "card_number": card, "exp": "12 / 34"}
        return await self._fill_in(made, {**method, "cvc": "123"})

    async def pay_by_debit(self, made: dict[str, Any], iban: str) -> bool:
        return await self._fill_in(made, {"payment_method_type": "sepa_debit", "iban": iban})

    async def _fill_in(self, made: dict[str, Any], form: dict[str, str]) -> bool:
        """Send the page's form; whether the money was taken."""
        whole = {"email": self.name, "name": f"Parent {self.number}", **form}
        answer = await self.http.post(made["checkout_url"], data=whole, timeout=60)
        return answer.status_code == httpx.codes.SEE_OTHER

    async def control(self, path: str, **body: Any) -> httpx.Response:
        address = f"{self.town.installation.sandbox}/sandbox{path}"
        return await self.http.post(address, json=body)

    async def stripe_object(self, path: str) -> dict[str, Any]:
        address = f"{self.town.installation.sandbox}/v1/{path}"
        headers = {"authorization": f"Bearer {STRIPE_KEY}"}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            answer = await self.http.get(address, headers=headers)
            if answer.status_code == httpx.codes.OK:
                found: dict[str, Any] = answer.json()
                return found
            await asyncio.sleep(self.dice.uniform(0.2, 1))  # one of the faults that are on
        raise GaveUp(f"GET /v1/{path.partition('/')[0]}")

    async def charge_of(self, made: dict[str, Any]) -> str:
        session = await self.stripe_object(f"checkout/sessions/{session_of(made)}")
        intent = await self.stripe_object(f"payment_intents/{session['payment_intent']}")
        return str(intent["latest_charge"])

    async def tell_expired(self, made: dict[str, Any]) -> None:
        """Deliver Stripe's word that the session expired, although it can still be paid."""
        session = await self.stripe_object(f"checkout/sessions/{session_of(made)}")
        lapsed = session | {"status": "expired", "url": None}
        text = self.town.installation.event_payload(
            "checkout.session.expired", lapsed, f"evt_early_{self.number}"
        )
        signed = stripe.WebhookSignature.generate_signature_header(text, SECRET)
        headers = {"stripe-signature": signed}
        answer = await self.insist("POST", "/stripe/webhooks", content=text, headers=headers)
        if answer.status_code != httpx.codes.OK:
            self.complain(f"the webhook was answered {answer.status_code}", made["id"])


class Organiser(Visitor):
    """Cancels an event, and is told how far that is."""

    async def cancel_event(self, event: str) -> None:
        self.town.called_off = event
        headers = {"authorization": f"Bearer {self.town.organisers_key}"}
        answer = await self.insist("POST", f"/api/v1/events/{event}/cancel", headers=headers)
        if answer.status_code != httpx.codes.OK:
            self.complain(f"cancelling {event} was answered {answer.status_code}")


def _shape(path: str) -> str:
    """The path without its ids."""
    return re.sub(r"(reg|ev)-[a-z0-9]+", "…", path)
