"""https://docs.stripe.com/api/charges"""

from typing import Any

from inscrit.sandbox.cards import Card, Decline
from inscrit.sandbox.errors import invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import update
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.lists import page
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.resources.balance import book, fee_on
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject


def new_charge(
    sim: Simulator, intent: StripeObject, method: StripeObject, *, authenticated: bool = False
) -> StripeObject:
    """A charge that is still pending; :func:`succeed` or :func:`fail` says what became of it."""
    return sim.store.add(
        {
            "id": new_id("ch" if method["type"] == "card" else "py"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": "SIMULATED",
            "captured": False,
            "created": sim.clock.seconds(),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": outcome(None),
            "paid": False,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": details(
                method, intent["amount"], authenticated=authenticated
            ),
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": f"{sim.config.origin}/receipts/{intent['id']}",
            "refunded": False,
            "review": None,
            "shipping": intent["shipping"],
            "source": None,
            "source_transfer": None,
            "statement_descriptor": intent["statement_descriptor"],
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": "pending",
            "transfer_data": None,
            "transfer_group": intent["transfer_group"],
        }
    )


def outcome(decline: Decline | None) -> StripeObject:
    good = decline is None
    return {
        "advice_code": None if good else "try_again_later",
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if good else "declined_by_network",
        "reason": None if decline is None else decline.decline_code,
        "risk_level": "normal",
        "risk_score": 32,
        "seller_message": "Payment complete." if good else "The bank did not accept the charge.",
        "type": "authorized" if good else "issuer_declined",
    }


def details(method: StripeObject, amount: int, *, authenticated: bool) -> StripeObject:
    kind = method["type"]
    if kind == "card":
        return {"card": card_details(method["card"], amount, authenticated), "type": "card"}
    account = method["sepa_debit"]
    shown = {name: account[name] for name in ("bank_code", "branch_code", "country", "last4")}
    shown |= {"fingerprint": account["fingerprint"], "mandate": None}
    return {"sepa_debit": shown, "type": kind}


THREE_D_SECURE = {
    "authentication_flow": "challenge",
    "electronic_commerce_indicator": "05",
    "exemption_indicator": None,
    "result": "authenticated",
    "result_reason": None,
    "transaction_id": "00000000-0000-4000-8000-000000000000",
    "version": "2.2.0",
}


def card_details(card: StripeObject, amount: int, authenticated: bool) -> StripeObject:  # noqa: FBT001
    shown = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    return {
        **{name: card[name] for name in shown},
        "amount_authorized": amount,
        "authorization_code": token(6).upper(),
        "checks": {**card["checks"], "cvc_check": "pass"},
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "regulated_status": "unregulated",
        "three_d_secure": dict(THREE_D_SECURE) if authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }


def succeed(sim: Simulator, charge: StripeObject) -> StripeObject:
    """The money has come: booked, less a fee."""
    amount = charge["amount"]
    transaction = book(sim, "charge", charge, amount, fee=fee_on(amount))
    charge |= {"status": "succeeded", "paid": True, "captured": True, "amount_captured": amount}
    charge["balance_transaction"] = transaction["id"]
    sim.store.save(charge)
    emit(sim, "charge.succeeded", charge)
    return charge


def authorize(sim: Simulator, charge: StripeObject) -> StripeObject:
    """Money set aside on the card, to be captured later."""
    charge |= {"status": "succeeded", "paid": True}
    sim.store.save(charge)
    emit(sim, "charge.succeeded", charge)
    return charge


def capture(sim: Simulator, charge: StripeObject, amount: int) -> StripeObject:
    charge |= {"captured": True, "amount_captured": amount}
    charge["balance_transaction"] = book(sim, "charge", charge, amount, fee=fee_on(amount))["id"]
    sim.store.save(charge)
    emit(sim, "charge.captured", charge)
    return charge


def fail(sim: Simulator, charge: StripeObject, code: str, message: str) -> StripeObject:
    charge |= {"status": "failed", "failure_code": code, "failure_message": message}
    sim.store.save(charge)
    emit(sim, "charge.failed", charge)
    return charge


def decline(sim: Simulator, charge: StripeObject, card: Card) -> StripeObject:
    if card.decline is None:
        raise ValueError(f"the card {card.last4} is not one that declines")
    charge["outcome"] = outcome(card.decline)
    return fail(sim, charge, card.decline.code, card.decline.message)


def of_intent(sim: Simulator, intent: str) -> StripeObject | None:
    """The newest charge of a payment intent."""
    return sim.store.first("charge", payment_intent=intent)


@operation("GET", "/v1/charges/{charge}", "ChargeRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("charge", call.id, "charge")


FIELDS = ("description", "receipt_email", "transfer_group")


@operation("POST", "/v1/charges/{charge}", "ChargeUpdateParams")
def change(call: Call) -> StripeObject:
    charge = call.sim.need("charge", call.id, "charge")
    before: dict[str, Any] = {name: charge[name] for name in call.params if name in charge}
    call.sim.store.save(update(charge, call.params, *FIELDS))
    emit(call.sim, "charge.updated", charge, before)
    return charge


@operation("POST", "/v1/charges", "ChargeCreateParams")
def create(_: Call) -> StripeObject:
    raise invalid("The sandbox makes charges through PaymentIntents and Checkout only.")


@operation("GET", "/v1/charges", "ChargeListParams")
def list_all(call: Call) -> StripeObject:
    return page(call, "charge", "customer", "payment_intent", "transfer_group")
