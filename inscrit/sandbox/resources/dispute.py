"""https://docs.stripe.com/api/disputes and https://docs.stripe.com/disputes/how-disputes-work"""

from typing import Any

from inscrit.sandbox.cards import Card
from inscrit.sandbox.errors import invalid
from inscrit.sandbox.events import emit
from inscrit.sandbox.fields import update
from inscrit.sandbox.ids import new_id
from inscrit.sandbox.lists import page
from inscrit.sandbox.operations import Call, operation
from inscrit.sandbox.resources.balance import book
from inscrit.sandbox.simulator import Simulator
from inscrit.sandbox.store import StripeObject
from inscrit.sandbox.timers import when_due

DAYS_TO_ANSWER = 9
DISPUTE_FEE = 1500
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")
REVIEW_SECONDS = 1

EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def open_as_announced(sim: Simulator, charge: StripeObject, card: Card) -> None:
    """Some test cards dispute by themselves what is paid with them."""
    if card.dispute == "warning":
        warn(sim, charge)
    elif card.dispute == "inquiry":
        open_dispute(sim, charge, "general", inquiry=True)
    elif card.dispute:
        open_dispute(sim, charge, card.dispute)


def warn(sim: Simulator, charge: StripeObject) -> None:
    """An early fraud warning: the bank suspects, nobody has complained yet."""
    warning = {
        "id": new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": sim.clock.seconds(),
        "fraud_type": "misc",
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    sim.store.add(warning)
    emit(sim, "radar.early_fraud_warning.created", warning)


def open_dispute(
    sim: Simulator, charge: StripeObject, reason: str, *, inquiry: bool = False
) -> StripeObject:
    """The cardholder complains. The money goes back at once, unless it is only an inquiry."""
    dispute = sim.store.add(blank(sim, charge, reason, inquiry=inquiry))
    charge["disputed"] = True
    sim.store.save(charge)
    emit(sim, "charge.dispute.created", dispute)
    if not inquiry:
        move_money(sim, dispute, -dispute["amount"], DISPUTE_FEE)
        emit(sim, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def blank(sim: Simulator, charge: StripeObject, reason: str, *, inquiry: bool) -> StripeObject:
    now = sim.clock.seconds()
    return {
        "id": new_id("dp"),
        "object": "dispute",
        "amount": charge["amount_captured"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + DAYS_TO_ANSWER * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": details(charge, inquiry=inquiry),
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }


def details(charge: StripeObject, *, inquiry: bool) -> StripeObject | None:
    used = charge["payment_method_details"]
    if used["type"] != "card":
        return None
    case = "inquiry" if inquiry else "chargeback"
    brand = used["card"]["brand"]
    card = {"brand": brand, "case_type": case, "network_reason_code": "10.4", "network": brand}
    return {"card": card, "type": "card"}


def move_money(sim: Simulator, dispute: StripeObject, amount: int, fee: int = 0) -> None:
    transaction = book(sim, "adjustment", dispute, amount, fee=fee)
    dispute["balance_transactions"].append(transaction)
    sim.store.save(dispute)


def finish(sim: Simulator, dispute: StripeObject, *, won: bool) -> StripeObject:
    """The bank has decided. An inquiry is just closed if the merchant was right."""
    need_open(dispute)
    withdrawn = not dispute["status"].startswith("warning")
    dispute["status"] = ("won" if won else "lost") if withdrawn else "warning_closed"
    dispute["is_charge_refundable"] = not withdrawn
    if won and withdrawn:
        move_money(sim, dispute, dispute["amount"])
        emit(sim, "charge.dispute.funds_reinstated", dispute)
    sim.store.save(dispute)
    emit(sim, "charge.dispute.closed", dispute)
    return dispute


def need_open(dispute: StripeObject) -> None:
    if dispute["status"] not in OPEN:
        raise invalid(
            f"This dispute is already closed: it has the status {dispute['status']}.", "dispute"
        )


@operation("GET", "/v1/disputes/{dispute}", "DisputeRetrieveParams")
def retrieve(call: Call) -> StripeObject:
    return call.sim.need("dispute", call.id, "dispute")


@operation("POST", "/v1/disputes/{dispute}", "DisputeUpdateParams")
def change(call: Call) -> StripeObject:
    dispute = call.sim.need("dispute", call.id, "dispute")
    before: dict[str, Any] = {"status": dispute["status"]}
    update(dispute, call.params)
    if evidence := call.params.get("evidence"):
        add_evidence(call.sim, dispute, evidence, submit=call.params.get("submit", True))
    call.sim.store.save(dispute)
    emit(call.sim, "charge.dispute.updated", dispute, before)
    return dispute


def add_evidence(
    sim: Simulator, dispute: StripeObject, evidence: dict[str, Any], *, submit: bool
) -> None:
    """``uncategorized_text`` may be ``winning_evidence`` or ``losing_evidence`` (docs/testing)."""
    need_open(dispute)
    dispute["evidence"] |= evidence
    dispute["evidence_details"]["has_evidence"] = True
    if submit:
        dispute["evidence_details"]["submission_count"] += 1
        dispute["evidence_details"]["submission_method"] = "manual"
        inquiry = dispute["status"].startswith("warning")
        dispute["status"] = "warning_under_review" if inquiry else "under_review"
        sim.timers.start("judge", dispute["id"], sim.clock.now() + REVIEW_SECONDS)


@when_due
def judge(sim: Simulator, identifier: str) -> None:
    dispute = sim.need("dispute", identifier)
    verdict = dispute["evidence"]["uncategorized_text"]
    if dispute["status"] in OPEN and verdict in ("winning_evidence", "losing_evidence"):
        finish(sim, dispute, won=verdict == "winning_evidence")


@operation("POST", "/v1/disputes/{dispute}/close", "DisputeCloseParams")
def close(call: Call) -> StripeObject:
    """Give in: the cardholder is right."""
    return finish(call.sim, call.sim.need("dispute", call.id, "dispute"), won=False)


@operation("GET", "/v1/disputes", "DisputeListParams")
def list_all(call: Call) -> StripeObject:
    return page(call, "dispute", "charge", "payment_intent")
