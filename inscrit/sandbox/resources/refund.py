"""https://docs.stripe.com/api/refunds"""

from typing import Any

from inscrit.sandbox.cards import BY_NUMBER
from inscrit.sandbox.errors import StripeError, invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import check_amount, update
from inscrit.sandbox.ids import new_id, token
from inscrit.sandbox.lists import page
from inscrit.sandbox.money import written
from inscrit.sandbox.operations import Call, Parameters, operation
from inscrit.sandbox.resources.balance import book
from inscrit.sandbox.resources.charge import of_intent
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.timers import when_due

SETTLES_AFTER = 3


@operation("POST", "/v1/refunds", "RefundCreateParams")
def create(call: Call) -> StripeObject:
    charge = charge_of(call.sim, call.params)
    return new_refund(call.sim, charge, call.params)


def charge_of(sim: Simulator, params: Parameters) -> StripeObject:
    if "charge" in params:
        return sim.need("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    intent = sim.need("payment_intent", params["payment_intent"], "payment_intent")
    charge = of_intent(sim, intent["id"])
    if charge is None or charge["status"] != "succeeded":
        raise invalid(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            "payment_intent",
            "payment_intent_unexpected_state",
        )
    return charge


def new_refund(sim: Simulator, charge: StripeObject, params: Parameters) -> StripeObject:
    """Give back ``params["amount"]`` minor units, or all that is left."""
    need_undisputed(sim, charge)
    amount = refundable(charge, params)
    fate = fate_of(sim, charge)
    refund = blank(sim, charge, amount, params)
    refund["status"] = "pending" if fate == "pends" else "succeeded"
    refund["pending_reason"] = "processing" if fate == "pends" else None
    sim.store.add(update(refund, params))
    refund["balance_transaction"] = book(sim, "refund", refund, -amount)["id"]
    sim.store.save(refund)
    if fate != "succeeds":
        sim.timers.start("settle_refund", refund["id"], sim.clock.now() + SETTLES_AFTER)
    emit(sim, "refund.created", refund)
    change_refunded(sim, charge, amount)
    return refund


def need_undisputed(sim: Simulator, charge: StripeObject) -> None:
    dispute = sim.store.first("dispute", charge=charge["id"])
    if dispute and not dispute["is_charge_refundable"] and dispute["status"] != "won":
        raise refused(charge, "has been charged back; cannot issue a refund.", "charge_disputed")


def refundable(charge: StripeObject, params: Parameters) -> int:
    left = charge["amount_captured"] - charge["amount_refunded"]
    if not charge["captured"]:
        raise refused(charge, "has not been captured; nothing to refund.", "charge_not_refundable")
    if charge["refunded"]:
        raise refused(charge, "has already been refunded.", "charge_already_refunded")
    amount = check_amount(params.get("amount", left), "amount", least=1)
    if amount > left:
        kind = "unrefunded amount on charge" if charge["amount_refunded"] else "charge amount"
        asked, had = (written(each, charge["currency"]) for each in (amount, left))
        raise invalid(f"Refund amount ({asked}) is greater than {kind} ({had})", "amount")
    return amount


def refused(charge: StripeObject, why: str, code: str) -> StripeError:
    return invalid(f"Charge {charge['id']} {why}", None, code)


def fate_of(sim: Simulator, charge: StripeObject) -> str:
    number = sim.store.hidden(charge["payment_method"]).get("number")
    return BY_NUMBER[number].refund if number else "succeeds"


def blank(sim: Simulator, charge: StripeObject, amount: int, params: Parameters) -> StripeObject:
    return {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": sim.clock.seconds(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": destination(charge),
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "pending_reason": None,
        "reason": params.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def destination(charge: StripeObject) -> StripeObject:
    if charge["payment_method_details"]["type"] != "card":
        return {"type": "sepa_debit"}
    card = {
        "reference": token(10),
        "reference_status": "available",
        "reference_type": "acquirer_reference_number",
        "type": "refund",
    }
    return {"card": card, "type": "card"}


def change_refunded(sim: Simulator, charge: StripeObject, amount: int) -> None:
    """``amount_refunded`` adds up; ``refunded`` is only true once everything went back."""
    before: dict[str, Any] = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount_captured"]
    sim.store.save(charge)
    emit(sim, "charge.refunded" if amount > 0 else "charge.updated", charge, before)


@when_due
def settle_refund(sim: Simulator, identifier: str) -> None:
    refund = sim.need("refund", identifier)
    if refund["status"] == "pending":
        conclude(sim, refund, "succeeded", None)
    elif refund["status"] == "succeeded":
        conclude(sim, refund, "failed", "expired_or_canceled_card")


def conclude(sim: Simulator, refund: StripeObject, status: str, reason: str | None) -> None:
    before = {"status": refund["status"]}
    refund |= {"status": status, "pending_reason": None}
    if status in ("failed", "canceled"):
        take_back(sim, refund, reason)
    sim.store.save(refund)
    emit(sim, "refund.updated", refund, before)
    emit(sim, "charge.refund.updated", refund, before)
    if status == "failed":
        emit(sim, "refund.failed", refund)


def take_back(sim: Simulator, refund: StripeObject, reason: str | None) -> None:
    """The money did not reach the buyer: it is the merchant's again."""
    kind = "refund_failure"
    refund["failure_balance_transaction"] = book(sim, kind, refund, refund["amount"])["id"]
    if reason:
        refund["failure_reason"] = reason
    change_refunded(sim, sim.need("charge", refund["charge"]), -refund["amount"])


@operation("GET", "/v1/refunds/{refund}", "RefundRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("refund", call.id, "id")


@operation("POST", "/v1/refunds/{refund}", "RefundUpdateParams")
def change(call: Call) -> StripeObject:
    refund = call.sim.need("refund", call.id, "id")
    before = {"metadata": refund["metadata"]}
    call.sim.store.save(update(refund, call.params))
    emit(call.sim, "refund.updated", refund, before)
    emit(call.sim, "charge.refund.updated", refund, before)
    return refund


@operation("POST", "/v1/refunds/{refund}/cancel", "RefundCancelParams")
def cancel(call: Call) -> StripeObject:
    refund = call.sim.need("refund", call.id, "id")
    if refund["status"] not in ("pending", "requires_action"):
        raise invalid(
            f"Refund {call.id} has a status of {refund['status']} and can no longer be canceled.",
            "refund",
        )
    call.sim.timers.stop(refund["id"])
    conclude(call.sim, refund, "canceled", None)
    return refund


@operation("GET", "/v1/refunds", "RefundListParams")
def list_all(call: Call) -> StripeObject:
    return page(call, "refund", "charge", "payment_intent")
