"""What happens to a payment intent when it is paid, declined, authenticated or settled.

https://docs.stripe.com/payments/paymentintents/lifecycle
"""

from dataclasses import dataclass
from typing import Any

from inscrit.sandbox.bank_accounts import behaviour
from inscrit.sandbox.cards import BY_NUMBER, Card, Decline
from inscrit.sandbox.errors import CardError
from inscrit.sandbox.events import emit
from inscrit.sandbox.ids import token
from inscrit.sandbox.resources import charge as charges
from inscrit.sandbox.resources import dispute as disputes
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject

AUTHENTICATION_FAILED = Decline(
    "payment_intent_authentication_failure",
    "payment_intent_authentication_failure",
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)
DEBIT_FAILED = Decline(
    "payment_intent_payment_attempt_failed",
    "payment_intent_payment_attempt_failed",
    "The payment failed. The bank returned the direct debit.",
)


@dataclass(frozen=True)
class Attempt:
    """One try at paying an intent with a payment method."""

    sim: Simulator
    intent: StripeObject
    method: StripeObject

    @property
    def card(self) -> Card:
        return BY_NUMBER[self.sim.store.hidden(self.method["id"])["number"]]

    def save(self, **changes: Any) -> StripeObject:
        self.intent.update(changes)
        return self.sim.store.save(self.intent)


def confirm(sim: Simulator, intent: StripeObject, method: StripeObject) -> StripeObject:
    """Try to pay. Raises :class:`CardError`, which keeps what happened, if the bank says no."""
    attempt = Attempt(sim, intent, method)
    attempt.save(payment_method=method["id"], last_payment_error=None, next_action=None)
    if method["type"] == "sepa_debit":
        return debit(attempt)
    if attempt.card.authentication == "required":
        return ask_for_authentication(attempt)
    return charge_card(attempt)


def charge_card(attempt: Attempt, *, authenticated: bool = False) -> StripeObject:
    sim, card = attempt.sim, attempt.card
    charge = charges.new_charge(sim, attempt.intent, attempt.method, authenticated=authenticated)
    if card.decline:
        charges.decline(sim, charge, card)
        raise refuse(attempt, card.decline, charge)
    if attempt.intent["capture_method"] == "manual":
        return set_aside(attempt, charge)
    return succeed(attempt, charges.succeed(sim, charge))


def succeed(attempt: Attempt, charge: StripeObject) -> StripeObject:
    intent = attempt.save(
        status="succeeded",
        amount_received=charge["amount_captured"],
        amount_capturable=0,
        latest_charge=charge["id"],
        next_action=None,
        processing=None,
    )
    emit(attempt.sim, "payment_intent.succeeded", intent)
    if attempt.method["type"] == "card":
        disputes.open_as_announced(attempt.sim, charge, attempt.card)
    return intent


def set_aside(attempt: Attempt, charge: StripeObject) -> StripeObject:
    charges.authorize(attempt.sim, charge)
    intent = attempt.save(
        status="requires_capture",
        amount_capturable=charge["amount"],
        latest_charge=charge["id"],
        next_action=None,
    )
    emit(attempt.sim, "payment_intent.amount_capturable_updated", intent)
    return intent


def refuse(attempt: Attempt, why: Decline, charge: StripeObject | None = None) -> CardError:
    """Back to ``requires_payment_method``: the buyer may try again with another card."""
    error = {
        "advice_code": "try_again_later" if charge else None,
        "charge": charge["id"] if charge else None,
        "code": why.code,
        "decline_code": why.decline_code if why.code != why.decline_code else None,
        "payment_method": attempt.method,
        "message": why.message,
        "type": "card_error",
    }
    shown = {name: value for name, value in error.items() if value is not None}
    intent = attempt.save(
        status="requires_payment_method",
        latest_charge=charge["id"] if charge else attempt.intent["latest_charge"],
        last_payment_error=shown,
        next_action=None,
        payment_method=None,
        processing=None,
    )
    emit(attempt.sim, "payment_intent.payment_failed", intent)
    details = {name: shown[name] for name in shown if name not in ("message", "type")}
    return CardError(why.message, payment_intent=intent, **details)


# 3-D Secure.


def ask_for_authentication(attempt: Attempt) -> StripeObject:
    sim, intent = attempt.sim, attempt.intent
    url = f"{sim.config.origin}/c/challenge/{intent['id']}"
    to = {"return_url": sim.store.hidden(intent["id"]).get("return_url"), "url": url}
    attempt.save(
        status="requires_action", next_action={"redirect_to_url": to, "type": "redirect_to_url"}
    )
    emit(sim, "payment_intent.requires_action", intent)
    return intent


def authenticate(sim: Simulator, intent: StripeObject, *, passed: bool) -> StripeObject:
    """The buyer has answered the bank's challenge."""
    attempt = Attempt(sim, intent, sim.need("payment_method", intent["payment_method"]))
    if not passed:
        raise refuse(attempt, AUTHENTICATION_FAILED)
    return charge_card(attempt, authenticated=True)


# SEPA direct debit: accepted now, settled days later.


def debit(attempt: Attempt) -> StripeObject:
    sim, intent = attempt.sim, attempt.intent
    charge = charges.new_charge(sim, intent, attempt.method)
    charge["payment_method_details"]["sepa_debit"]["mandate"] = f"mandate_1{token(23)}"
    sim.store.save(charge)
    attempt.save(status="processing", latest_charge=charge["id"])
    account = behaviour(sim.store.hidden(attempt.method["id"])["iban"])
    sim.timers.start("settle", intent["id"], sim.clock.now() + account.seconds)
    emit(sim, "charge.pending", charge)
    emit(sim, "payment_intent.processing", intent)
    return intent


def settle(sim: Simulator, intent: StripeObject) -> StripeObject:
    """The bank's final word on a direct debit."""
    attempt = Attempt(sim, intent, sim.need("payment_method", intent["payment_method"]))
    charge = sim.need("charge", intent["latest_charge"])
    account = behaviour(sim.store.hidden(attempt.method["id"])["iban"])
    if account.succeeds:
        succeed(attempt, charges.succeed(sim, charge))
        if account.disputed:
            disputes.open_dispute(sim, charge, "debit_not_authorized")
        return intent
    charges.fail(sim, charge, "debit_not_authorized", DEBIT_FAILED.message)
    refuse(attempt, DEBIT_FAILED, charge)
    return intent
