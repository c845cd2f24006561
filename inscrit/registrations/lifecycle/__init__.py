"""The rules of a registration: one pure state machine.

Facts go in (what Stripe, a buyer or an organiser reported), a ``Decision`` comes out: the
registration and the event's places as they are afterwards, and what has to follow (mails, refunds,
sessions to close). Nothing here reads a clock, a database or a network, and the order in which
facts arrive is never trusted: a registration that is paid does not go down on a late failure.

Amounts are integers in the currency's minor unit.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from .cancelling import cancel_requested
from .decision import (
    ClosedSession,
    Decision,
    RefundOrder,
    applied,
    duplicate,
    refused,
    rejected,
)
from .disputes import dispute_changed
from .facts import (
    CancelRequested,
    ChargeRefunded,
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutUnavailable,
    DelayedPaymentFailed,
    DisputeChanged,
    Fact,
    MarkedPaid,
    MoneyGivenBack,
    MoveRequested,
    OfferAccepted,
    PaymentAttemptFailed,
    PaymentSucceeded,
    RefundChanged,
    RefundRequested,
    ReviewResolved,
)
from .moving import moved
from .offers import offer_accepted
from .payments import money_of_another, payment_attempt_failed, payment_succeeded
from .refunds import charge_refunded, money_given_back, refund_changed, refund_requested
from .reviews import review_resolved
from .sessions import (
    checkout_completed,
    checkout_expired,
    checkout_unavailable,
    delayed_payment_failed,
)
from .state import Dispute, Offer, Option, Payment, Refund, Registration
from .words import (
    CONFIRMED,
    HOLDING,
    LAPSED,
    REFUND_REASONS,
    REFUND_STATES,
    UNDECIDED,
    WITHDRAWN,
    DisputeStatus,
    LatePayment,
    LostDispute,
    MailKind,
    Outcome,
    PaymentMethod,
    PaymentStatus,
    Reason,
    RefundStatus,
    Resolution,
    Status,
)

__all__ = [
    "CONFIRMED",
    "HOLDING",
    "LAPSED",
    "REFUND_REASONS",
    "REFUND_STATES",
    "UNDECIDED",
    "WITHDRAWN",
    "CancelRequested",
    "ChargeRefunded",
    "CheckoutCompleted",
    "CheckoutExpired",
    "CheckoutUnavailable",
    "ClosedSession",
    "Decision",
    "DelayedPaymentFailed",
    "Dispute",
    "DisputeChanged",
    "DisputeStatus",
    "Fact",
    "LatePayment",
    "LostDispute",
    "MailKind",
    "MarkedPaid",
    "MoneyGivenBack",
    "MoveRequested",
    "Offer",
    "OfferAccepted",
    "Option",
    "Outcome",
    "Payment",
    "PaymentAttemptFailed",
    "PaymentMethod",
    "PaymentStatus",
    "PaymentSucceeded",
    "Reason",
    "Refund",
    "RefundChanged",
    "RefundOrder",
    "RefundRequested",
    "RefundStatus",
    "Registration",
    "Resolution",
    "ReviewResolved",
    "Status",
    "decide",
    "may_give_places",
]


def decide(
    registration: Registration,
    offer: Offer,
    fact: Fact,
    *,
    livemode: bool | None = None,
    foreign: bool = False,
    destination: Offer | None = None,
) -> Decision:
    """What this fact means for this registration.

    ``livemode`` is the mode of our own Stripe key; None accepts either. ``foreign``: the fact
    names another registration than the one whose session or payment it is about. ``destination``
    are the places of the event that it is to be moved to.
    """
    if isinstance(fact, MoveRequested):
        return moved(registration, offer, destination)
    stated = getattr(fact, "livemode", None)
    if livemode is not None and stated is not None and stated is not livemode:
        decision = rejected(registration, offer, Reason.WRONG_MODE)
    elif foreign and not isinstance(fact, _MONEY_BACK):
        decision = money_of_another(registration, offer, fact)
    else:
        decision = _RULES[type(fact)](registration, offer, fact)
    return _completed(registration, offer, decision)


def may_give_places(registrations: Iterable[Registration], facts: Iterable[Fact]) -> bool:
    """Whether what is decided may depend on how many places are left.

    It can't while money arrives for registrations that have their places: those may become theirs
    for good, or free, but whoever loses them by money that arrives does not get them back by it.
    """
    if all(isinstance(fact, _MONEY_ARRIVES) for fact in facts):
        return not all(one.status in HOLDING | CONFIRMED for one in registrations)
    return True


def _completed(before: Registration, offer: Offer, decision: Decision) -> Decision:
    """What holds of every decision: places and sums follow, and who has to look is told."""
    after, mails = decision.registration, decision.mails
    if after.amount_refunded != after.returned:
        after = replace(after, amount_refunded=after.returned)
    if after.cancelling and after.status is not Status.PENDING:
        after = replace(after, cancelling=None)
    if after.kept_payments:
        after = after.flagged(decision.reason)  # money of ours that gives nobody a place
    if _is_news_to_a_person(before, after, decision):
        mails = (*mails, MailKind.ORGANISER_REVIEW)
    return replace(
        decision,
        registration=after,
        offer=offer.moved(before, after),
        mails=mails,
        noted=decision.noted or after.payments != before.payments,
    )


def _is_news_to_a_person(before: Registration, after: Registration, decision: Decision) -> bool:
    """A flag, or more behind a flag that stood already."""
    if after.review is None:
        return False
    known = {payment.key for payment in before.kept_payments}
    more = any(payment.key not in known for payment in after.kept_payments)
    failed = decision.outcome is Outcome.APPLIED and decision.reason is Reason.REFUND_FAILED
    return after.review != before.review or more or failed


def _marked_paid(registration: Registration, offer: Offer, _fact: MarkedPaid) -> Decision:
    if registration.status in CONFIRMED:
        return duplicate(registration, offer)
    if registration.method is PaymentMethod.STRIPE:
        return refused(registration, offer, Reason.NOT_PAID_BY_CHEQUE)
    if registration.status not in HOLDING | LAPSED or offer.cancelled:
        return refused(registration, offer, Reason.NOTHING_TO_CHANGE)
    if registration.status not in HOLDING and not offer.seats(registration):
        return refused(registration, offer, Reason.NO_PLACE_LEFT)
    paid = replace(registration, status=Status.PAID, by_hand=True)
    return applied(paid, offer, Reason.MARKED_PAID, mails=(MailKind.CONFIRMED,))


_MONEY_ARRIVES = (CheckoutCompleted, PaymentSucceeded, PaymentAttemptFailed)
# What goes back of a payment is about that payment, whichever registration its charge names.
_MONEY_BACK = (ChargeRefunded, RefundChanged, DisputeChanged)
_RULES: dict[type[Any], Callable[[Registration, Offer, Any], Decision]] = {
    CheckoutCompleted: checkout_completed,
    DelayedPaymentFailed: delayed_payment_failed,
    PaymentSucceeded: payment_succeeded,
    PaymentAttemptFailed: payment_attempt_failed,
    CheckoutExpired: checkout_expired,
    CheckoutUnavailable: checkout_unavailable,
    CancelRequested: cancel_requested,
    RefundRequested: refund_requested,
    ChargeRefunded: charge_refunded,
    RefundChanged: refund_changed,
    DisputeChanged: dispute_changed,
    OfferAccepted: offer_accepted,
    MarkedPaid: _marked_paid,
    MoneyGivenBack: money_given_back,
    ReviewResolved: review_resolved,
}
