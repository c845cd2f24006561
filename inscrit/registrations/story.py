"""What the log tells of a decision, once it is committed."""

from collections.abc import Iterable

import structlog

from .ledger import Entry
from .lifecycle import (
    CheckoutCompleted,
    DelayedPaymentFailed,
    Outcome,
    PaymentSucceeded,
    Reason,
    Status,
)

log = structlog.get_logger()

LINES = {
    Status.FREE: "✅ Offer accepted, nothing to pay, for registration: {}",
    Status.PAID: "✅ Payment confirmed for registration: {}",
    Status.EXPIRED: "⏰ Session expired, places released for registration: {}",
    Status.FAILED: "💥 Payment failed for registration: {}",
    Status.PROCESSING: "⏳ Payment under way for registration: {}",
    Status.CANCELLED: "🚫 Registration cancelled: {}",
    Status.REFUNDED: "💶 Registration refunded: {}",
}
NOTES = {
    Reason.OFFER_STANDS: "🪑 Payment page closed, place still offered to registration: {}",
    Reason.PAYMENT_ATTEMPT_FAILED: LINES[Status.FAILED],
    Reason.LATE_PAYMENT_REFUNDED: "💶 Late payment sent back for registration: {}",
    Reason.LATE_PAYMENT_REVIEW: "👀 Late payment to be looked at for registration: {}",
    Reason.SECOND_PAYMENT_REFUNDED: "💶 Second payment sent back for registration: {}",
    Reason.REFUND_REQUESTED: "💶 Refund ordered for registration: {}",
    Reason.REFUND_RECEIVED: "💶 Refund recorded for registration: {}",
    Reason.REFUND_UNDER_WAY: "💶 Refund under way for registration: {}",
    Reason.REFUND_FAILED: "❌ Refund failed for registration: {}",
    Reason.CANCELLATION_REQUESTED: "🚫 Cancellation asked for, its session is being ended: {}",
    Reason.MONEY_GIVEN_BACK: "💶 Money given back by hand for registration: {}",
    Reason.DISPUTE_INQUIRY: "🏦 The buyer's bank asks about registration: {}",
    Reason.DISPUTE_OPENED: "🏦 Payment disputed for registration: {}",
    Reason.DISPUTE_WON: "🏦 Dispute won for registration: {}",
    Reason.DISPUTE_LOST: "🏦 Dispute lost for registration: {}",
    Reason.DISPUTE_CLOSED: "🏦 The bank's question is settled for registration: {}",
    Reason.MOVED: "🔀 Registration moved to another event: {}",
    Reason.REVIEW_ACCEPTED: "👀 Looked at, and accepted: {}",
    Reason.REVIEW_REFUNDED: "👀 Looked at, and given back: {}",
    Reason.REVIEW_IGNORED: "👀 Looked at, and left as it is: {}",
}
# A refused wish of an organiser is answered, it is no failed payment.
PAYMENTS = (CheckoutCompleted, DelayedPaymentFailed, PaymentSucceeded)
FAILURE = "❌ Failed to confirm payment for registration"


def tell(entries: Iterable[Entry]) -> None:
    """Log what was committed."""
    for entry in entries:
        _log(entry)


def _log(entry: Entry) -> None:
    decision, report = entry.decision, entry.report
    details = {"reason": str(decision.reason), "actor": report.actor}
    if report.stripe_event:
        details["stripe_event"] = report.stripe_event
    if decision.outcome is Outcome.REJECTED and isinstance(report.fact, PAYMENTS):
        log.warning(FAILURE, registration=entry.before.id, **details)
    elif decision.outcome is Outcome.APPLIED and (line := _line(entry)):
        log.info(line.format(entry.before.id), **details)


def _line(entry: Entry) -> str | None:
    after = entry.decision.registration.status
    if after is not entry.before.status:
        return LINES.get(after)
    return NOTES.get(entry.decision.reason)
