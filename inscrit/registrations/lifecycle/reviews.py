"""A person has looked at what was flagged: accept it, give the money back, or let it be."""

from msgspec.structs import replace

from .decision import Decision, RefundOrder, applied, order_back, refused
from .facts import ReviewResolved
from .state import Offer, Payment, Registration
from .words import CONFIRMED, HOLDING, DisputeStatus, MailKind, Reason, Resolution, Status

UNDECIDED = frozenset(
    {
        DisputeStatus.WARNING_NEEDS_RESPONSE,
        DisputeStatus.WARNING_UNDER_REVIEW,
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.APPEAL_NEEDS_RESPONSE,
        DisputeStatus.APPEAL_UNDER_REVIEW,
    }
)


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
    disputed = registration.review not in (Reason.DISPUTE_INQUIRY, Reason.DISPUTE_OPENED) and any(
        dispute.status in UNDECIDED for payment in payments for dispute in payment.disputes
    )
    review = Reason.DISPUTE_OPENED if disputed else None
    return replace(registration, payments=payments, review=review)


def _accepted(registration: Registration, offer: Offer) -> Decision:
    """The money is good as it is: the registration is seated by it."""
    reason = Reason.REVIEW_ACCEPTED
    if registration.status in CONFIRMED:
        return applied(_looked_at(registration), offer, reason)
    money = next(iter(registration.kept_payments), None)
    if money is None:
        return refused(registration, offer, Reason.NOTHING_TO_ACCEPT)
    if registration.status not in HOLDING and not offer.seats(registration.places):
        return refused(registration, offer, Reason.NO_PLACE_LEFT)
    seated = registration.settled_by(replace(money, resolution=Resolution.ACCEPT))
    seated = replace(_looked_at(seated), status=Status.PAID)
    mails = (MailKind.CONFIRMED,)
    return applied(seated, offer, reason, mails=mails, ends_session=seated.can_be_paid)


def _refunded(registration: Registration, offer: Offer) -> Decision:
    """All money that is ours without a place goes back; without any, what was paid for it."""
    reason = Reason.REVIEW_REFUNDED
    settling = registration.settling_payment
    wanted: tuple[Payment, ...] = registration.kept_payments or ((settling,) if settling else ())
    after, orders = registration, tuple[RefundOrder, ...]()
    for payment in wanted:
        ordered, refunds = order_back(payment, payment.refundable, reason)
        after, orders = after.with_payment(ordered), (*orders, *refunds)
    if not orders:
        return refused(registration, offer, Reason.NOTHING_TO_REFUND)
    return applied(_looked_at(after), offer, reason, refunds=orders)
