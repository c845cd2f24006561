"""A Stripe account of a test's own, with buyers, a Dashboard, and a clock that can be moved."""

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


@dataclass(frozen=True, slots=True)
class Account:
    """Talks to the sandbox as Stripe's API and as whoever is on the other side."""

    origin: str

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        answer = httpx.get(f"{self.origin}/v1/{path}", params=params, headers=KEY, timeout=30)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def post(self, path: str, form: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(f"{self.origin}/v1/{path}", data=form, headers=KEY, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def control(self, action: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.origin}/sandbox{action}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def break_down(self, **fault: Any) -> None:
        self.control("/faults", **fault)

    def mend(self) -> None:
        httpx.delete(f"{self.origin}/sandbox/faults", timeout=30).raise_for_status()

    def advance(self, span: timedelta) -> None:
        self.control("/clock", advance=span.total_seconds())

    def session(self, registration: Registration) -> str:
        return str(registration.sessions.get().stripe_id)

    def pay(self, registration: Registration, **means: str) -> dict[str, Any]:
        """Pay as the buyer does; the PaymentIntent."""
        session = self.control(f"/sessions/{self.session(registration)}/pay", **means)
        return self.get(f"payment_intents/{session['payment_intent']}")

    def abandon(self, registration: Registration) -> None:
        self.control(f"/sessions/{self.session(registration)}/expire")

    def charge(self, registration: Registration) -> str:
        session = self.get(f"checkout/sessions/{self.session(registration)}")
        intent = self.get(f"payment_intents/{session['payment_intent']}")
        return str(intent["latest_charge"])

    def refund(self, registration: Registration, **amount: int) -> dict[str, Any]:
        """Give money back in the Dashboard."""
        made: dict[str, Any] = self.control(
            f"/charges/{self.charge(registration)}/refund", **amount
        )
        return made

    def dispute(self, registration: Registration, **complaint: Any) -> str:
        opened = self.control(f"/charges/{self.charge(registration)}/dispute", **complaint)
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
