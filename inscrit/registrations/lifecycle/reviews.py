"""A person has looked at what was flagged: accept it, give the money back, or let it be."""

from msgspec.structs import replace

from .cancelling import sent_back_whole
from .decision import Decision, applied, order_back, refused
from .facts import ReviewResolved
from .state import Offer, Payment, Registration
from .words import (
    CONFIRMED,
    HOLDING,
    OPEN_DISPUTE,
    UNDECIDED,
    MailKind,
    Reason,
    RefundStatus,
    Resolution,
    Status,
)

ABOUT_DISPUTES = (*OPEN_DISPUTE, Reason.DISPUTE_WON, Reason.DISPUTE_LOST)


def review_resolved(registration: Registration, offer: Offer, fact: ReviewResolved) -> Decision:
    if registration.review is None:
        return refused(registration, offer, Reason.NOTHING_TO_REVIEW)
    if fact.resolution is Resolution.ACCEPT:
        return _accepted(registration, offer)
    if fact.resolution is Resolution.REFUND:
        return _refunded(registration, offer)
    return applied(_looked_at(registration), offer, Reason.REVIEW_IGNORED)


def _looked_at(registration: Registration) -> Registration:
    """Nothing is flagged any more, but for a dispute that came meanwhile and is undecided."""
    kept = {payment.key for payment in registration.kept_payments}
    payments = tuple(
        replace(payment, resolution=Resolution.IGNORE) if payment.key in kept else payment
        for payment in registration.payments
    )
    disputed = registration.review not in OPEN_DISPUTE and any(
        dispute.status in UNDECIDED for payment in payments for dispute in payment.disputes
    )
    review = Reason.DISPUTE_OPENED if disputed else None
    return replace(registration, payments=payments, review=review)


def _accepted(registration: Registration, offer: Offer) -> Decision:
    """The money is good as it is: the registration is seated by it."""
    reason = Reason.REVIEW_ACCEPTED
    kept = registration.kept_payments
    same = (one for one in kept if one.currency == registration.currency)
    money = next(same, None) or next(iter(kept), None)
    if registration.status in CONFIRMED and money is None:
        return applied(_looked_at(registration), offer, reason)
    # Who has a place needs no second payment: it goes back, or is kept expressly.
    if registration.status in CONFIRMED or money is None:
        return refused(registration, offer, Reason.NOTHING_TO_ACCEPT)
    if money.currency != registration.currency:  # no sum could tell of it
        return refused(registration, offer, Reason.ACCEPT_OTHER_CURRENCY)
    if registration.status not in HOLDING and not offer.seats(registration):
        return refused(registration, offer, Reason.NO_PLACE_LEFT)
    seated = registration.settled_by(replace(money, resolution=Resolution.ACCEPT))
    seated = replace(seated, status=Status.PAID)
    if not seated.kept_payments:  # else they stay to be looked at
        seated = _looked_at(seated)
    mails = (MailKind.CONFIRMED,)
    return applied(seated, offer, reason, mails=mails, ends_session=seated.can_be_paid)


def _refunded(registration: Registration, offer: Offer) -> Decision:
    """All money that is ours without a place goes back; without any, what the flag is about."""
    reason = Reason.REVIEW_REFUNDED
    after, orders = sent_back_whole(registration, reason)
    if not orders and (paid := registration.settling_payment):
        ordered, orders = order_back(paid, _concerned(registration, paid), reason)
        after = registration.with_payment(ordered)
    if not orders:
        return refused(registration, offer, Reason.NOTHING_TO_REFUND)
    return applied(_looked_at(after), offer, reason, refunds=orders)


def _concerned(registration: Registration, paid: Payment) -> int:
    """How much of a good payment the flag is about: a refund that failed, or a dispute."""
    if registration.review == Reason.REFUND_FAILED:
        failed = (one.amount for one in paid.refunds if one.status is RefundStatus.FAILED)
        return min(paid.refundable, max(failed, default=0))
    return paid.refundable if registration.review in ABOUT_DISPUTES else 0
