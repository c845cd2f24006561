"""Paying a Checkout session: what the hosted page and the CLI's triggers come down to."""

from inscrit.sandbox import payments
from inscrit.sandbox.errors import invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.resources.checkout_session import customer_details
from inscrit.sandbox.resources.customer import new_customer
from inscrit.sandbox.resources.payment_intent import new_intent
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.timers import when_due


def need_open(session: StripeObject) -> None:
    if session["status"] != "open":
        raise invalid(
            f"This Checkout Session is no longer open. It has a status of {session['status']}.",
            code="checkout_session_not_open",
        )


def pay(sim: Simulator, session: StripeObject, method: StripeObject) -> StripeObject:
    """Pay with a payment method; raises :class:`CardError` when the bank says no.

    The payment intent comes into being here, at the first try, and serves further tries
    (https://docs.stripe.com/changelog/2022-08-01/deferred-paymentintent-checkout-session).
    """
    need_open(session)
    session["customer_details"] = customer_details(method["billing_details"])
    if session["customer_creation"] == "always" and session["customer"] is None:
        session["customer"] = new_customer(sim, known(method["billing_details"]))["id"]
    intent = intent_of(sim, session)
    sim.store.save(session)
    payments.confirm(sim, intent, method)
    return follow(sim, session, intent)


def known(billing: StripeObject) -> StripeObject:
    """What the buyer told of themselves, for a customer object."""
    return {name: billing[name] for name in ("email", "name", "phone") if billing[name]}


def take_for_nothing(sim: Simulator, session: StripeObject, email: str) -> StripeObject:
    """Complete a session whose total is zero: no payment, no payment intent."""
    need_open(session)
    session["customer_details"] = customer_details({"email": email})
    return complete(sim, session, "no_payment_required")


def intent_of(sim: Simulator, session: StripeObject) -> StripeObject:
    if session["payment_intent"]:
        return sim.need("payment_intent", session["payment_intent"])
    params = {
        **sim.store.hidden(session["id"])["payment_intent_data"],
        "amount": session["amount_total"],
        "currency": session["currency"],
        "customer": session["customer"],
        "allowed_payment_method_types": session["payment_method_types"],
    }
    intent = new_intent(sim, params, session=session["id"])
    session["payment_intent"] = intent["id"]
    return intent


def follow(sim: Simulator, session: StripeObject, intent: StripeObject) -> StripeObject:
    """Let the session know how its payment intent is doing."""
    if intent["status"] == "succeeded":
        complete(sim, session, "paid")
    elif intent["status"] in ("processing", "requires_capture"):
        complete(sim, session, "unpaid")
    return session


def complete(sim: Simulator, session: StripeObject, payment_status: str) -> StripeObject:
    sim.timers.stop(session["id"])
    session |= {"status": "complete", "payment_status": payment_status, "url": None}
    sim.store.save(session)
    emit(sim, "checkout.session.completed", session)
    return session


def authenticate(sim: Simulator, intent: StripeObject, *, passed: bool) -> StripeObject | None:
    """The answer to a 3-D Secure challenge; returns the session it belongs to, if any."""
    session = session_of(sim, intent)
    if session:
        need_open(session)
    payments.authenticate(sim, intent, passed=passed)
    return follow(sim, session, intent) if session else None


def session_of(sim: Simulator, intent: StripeObject) -> StripeObject | None:
    identifier = sim.store.hidden(intent["id"]).get("session")
    return sim.need("checkout.session", identifier) if identifier else None


@when_due
def settle(sim: Simulator, identifier: str) -> None:
    """A direct debit has come through, or has come back."""
    intent = sim.need("payment_intent", identifier)
    if intent["status"] != "processing":
        return
    payments.settle(sim, intent)
    session = session_of(sim, intent)
    if session is None:
        return
    paid = intent["status"] == "succeeded"
    session["payment_status"] = "paid" if paid else "unpaid"
    sim.store.save(session)
    outcome = "succeeded" if paid else "failed"
    emit(sim, f"checkout.session.async_payment_{outcome}", session)
