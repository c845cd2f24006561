"""Made-up objects for "Send test webhook", which belong to no application and carry no metadata."""

from inscrit.sandbox.errors import invalid
from inscrit.sandbox.resources import checkout_session, payment_intent
from inscrit.sandbox.resources.checkout_session import customer_details
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

AMOUNT = 3000


def sample(sim: Simulator, kind: str) -> StripeObject:
    """An object such as an event of this type would carry; it is not kept."""
    if kind.startswith("checkout.session."):
        return sample_session(sim, kind)
    if kind.startswith("payment_intent."):
        return sample_intent(sim)
    raise invalid(
        "The sandbox has samples for checkout.session.* and payment_intent.* only.", "type"
    )


def sample_session(sim: Simulator, kind: str) -> StripeObject:
    paid = kind.endswith(("completed", "succeeded"))
    expired = kind.endswith("expired")
    return checkout_session.blank(sim, {}) | {
        "amount_subtotal": AMOUNT,
        "amount_total": AMOUNT,
        "cancel_url": "https://httpbin.org/post",
        "currency": "usd",
        "customer_details": customer_details({"email": "stripe@example.com"}),
        "expires_at": sim.clock.seconds() + checkout_session.LONGEST,
        "payment_intent": None if expired else payment_intent.blank(sim, {})["id"],
        "payment_status": "paid" if paid else "unpaid",
        "status": "expired" if expired else "complete",
        "success_url": "https://httpbin.org/post",
        "url": None,
    }


def sample_intent(sim: Simulator) -> StripeObject:
    return payment_intent.blank(sim, {}) | {
        "amount": AMOUNT,
        "amount_received": AMOUNT,
        "currency": "usd",
        "status": "succeeded",
    }
