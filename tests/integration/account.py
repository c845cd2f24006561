"""A Stripe account of a test's own, with buyers, a Dashboard, and a clock that can be moved."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
from asgiref.sync import async_to_sync
from django.utils import timezone

from inscrit.events.models import Event
from inscrit.payments import checkout
from inscrit.reconciliation import services as reconciling
from inscrit.reconciliation.services import Reconciliation
from inscrit.registrations import services
from inscrit.registrations.models import Registration
from inscrit.registrations.services import Contact, Order, Person

Made = dict[str, Any]
"""A registration as the API answered it when it was made."""
Registered = Registration | Made


@dataclass(slots=True)
class Account:
    """Talks to the sandbox as Stripe's API and as whoever is on the other side."""

    origin: str

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """An object, or a list, as Stripe's API gives it."""
        answer = httpx.get(f"{self.origin}/v1/{path}", params=query, headers=KEY, timeout=30)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def post(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(f"{self.origin}/v1/{path}", data=form, headers=KEY, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def control(self, action: str, **body: Any) -> dict[str, Any]:
        """Make something happen there."""
        answer = httpx.post(f"{self.origin}/sandbox{action}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def break_down(self, **fault: Any) -> None:
        self.control("/faults", **fault)

    def mend(self) -> None:
        """No more faults."""
        httpx.delete(f"{self.origin}/sandbox/faults", timeout=30).raise_for_status()

    def advance(self, span: timedelta) -> None:
        """Time goes by at Stripe."""
        self.control("/clock", advance=span.total_seconds())

    def session_id(self, one: Registered) -> str:
        if isinstance(one, Registration):
            return str(one.sessions.get().stripe_id)
        found = re.search(r"cs_test_\w+", one["checkout_url"])
        assert found
        return found[0]

    def session(self, one: Registered) -> dict[str, Any]:
        return self.get(f"checkout/sessions/{self.session_id(one)}")

    def intent(self, one: Registered) -> dict[str, Any]:
        return self.get(f"payment_intents/{self.session(one)['payment_intent']}")

    def charge(self, one: Registered) -> dict[str, Any]:
        """The latest charge."""
        return self.get(f"charges/{self.intent(one)['latest_charge']}")

    def pay(self, one: Registered, **means: str) -> dict[str, Any]:
        """With a good card, unless ``card`` or ``iban`` say otherwise; the PaymentIntent."""
        self.control(f"/sessions/{self.session_id(one)}/pay", **means)
        return self.intent(one)

    def expire(self, one: Registered) -> None:
        """The buyer went away."""
        self.control(f"/sessions/{self.session_id(one)}/expire")

    def refund(self, one: Registered, amount: int | None = None) -> dict[str, Any]:
        """Give money back in the Dashboard; all that is left unless an amount is said."""
        wish = {} if amount is None else {"amount": amount}
        return self.control(f"/charges/{self.charge(one)['id']}/refund", **wish)

    def dispute(self, one: Registered, *, inquiry: bool = False) -> str:
        opened = self.control(f"/charges/{self.charge(one)['id']}/dispute", inquiry=inquiry)
        return str(opened["id"])

    def session_of_somebody(self, **form: Any) -> dict[str, Any]:
        """A Checkout session that Inscrit did not open."""
        said = {
            "mode": "payment",
            "success_url": "https://example.org/",
            "line_items[0][quantity]": 1,
            "line_items[0][price_data][currency]": "eur",
            "line_items[0][price_data][unit_amount]": 700,
            "line_items[0][price_data][product_data][name]": "Something",
        }
        return self.post("checkout/sessions", said | form)


KEY = {"authorization": "Bearer sk_test_inscrit"}


def make_event(**said: Any) -> Event:
    starts = timezone.now() + timedelta(days=30)
    usual = {
        "title": "Stage de théâtre",
        "starts_at": starts,
        "ends_at": starts + timedelta(days=1),
        "price": 1250,
        "capacity": 20,
        "status": "published",
    }
    return Event.objects.create(**usual | said)


def register(event: Event | None = None, places: int = 1) -> Registration:
    """Somebody registers and is sent to Stripe's page."""
    people = [Person(f"Lou {n}", "Martin") for n in range(places)]
    contact = Contact("Camille Martin", "camille@example.org", "fr")
    order = Order((event or make_event()).pk, contact, people)
    registration = services.hold_places(order)
    async_to_sync(checkout.open_checkout)(registration.pk)
    return registration


def long_ago(registration: Registration, moment: datetime | None = None) -> None:
    """As if the time to pay had been over for a while."""
    past = moment or timezone.now() - timedelta(minutes=5)
    Registration.objects.filter(pk=registration.pk, status="PENDING").update(hold_expires_at=past)
    registration.sessions.update(expires_at=past)


def reconcile(span: timedelta | None = None, *, dry_run: bool = False) -> Reconciliation:
    return async_to_sync(reconciling.reconcile)(span, dry_run=dry_run)
