"""A registration is given up, perhaps while somebody is paying for it.

While its Checkout session may still be paid it keeps its places and is only marked: the session is
ended at Stripe first. If Stripe answers that it is paid already, the wish came too late: with the
money back it is carried out all the same, without it the registration is paid and stays so. Nobody
loses both the place and the money.
"""

from msgspec.structs import replace

from .decision import (
    Decision,
    RefundOrder,
    applied,
    duplicate,
    nothing_to_change,
    order_back,
)
from .facts import CancelRequested
from .state import Offer, Payment, Registration
from .words import (
    CONFIRMED,
    HOLDING,
    MailKind,
    Reason,
    Resolution,
    Status,
)

# Flags of money that gives nobody a place: there is nothing to decide once it goes back.
ABOUT_MONEY = (
    Reason.AMOUNT_MISMATCH,
    Reason.OTHER_REGISTRATION,
    Reason.LATE_PAYMENT_REVIEW,
    Reason.CANCELLED_WITHOUT_REFUND,
)


def cancel_requested(registration: Registration, offer: Offer, fact: CancelRequested) -> Decision:
    if registration.status not in HOLDING | CONFIRMED:
        return _without_places(registration, offer, fact)
    wish = Resolution.REFUND if fact.refund else Resolution.ACCEPT
    if registration.status is not Status.PENDING or not registration.can_be_paid:
        return cancelled(replace(registration, cancelling=wish), offer)
    if registration.cancelling in (wish, Resolution.REFUND):  # a claim to the money stays
        return replace(duplicate(registration, offer), ends_session=True)
    marked = replace(registration, cancelling=wish)
    return applied(marked, offer, Reason.CANCELLATION_REQUESTED, ends_session=True)


def _without_places(registration: Registration, offer: Offer, fact: CancelRequested) -> Decision:
    """Nothing is freed; but a cancelled event keeps nobody's money until a person decides."""
    if offer.cancelled and fact.refund and registration.kept_payments:
        after, refunds = sent_back_whole(registration, Reason.EVENT_CANCELLED)
        return applied(after, offer, Reason.EVENT_CANCELLED, refunds=refunds)
    if registration.status is Status.CANCELLED:
        return duplicate(registration, offer)
    return nothing_to_change(registration, offer)


def cancelled(registration: Registration, offer: Offer) -> Decision:
    """The places are freed; what was paid goes back if that was the wish, else a person decides."""
    reason = Reason.EVENT_CANCELLED if offer.cancelled else Reason.CANCELLED_BY_REQUEST
    after = replace(registration, status=Status.CANCELLED, cancelling=None)
    if paid := registration.settling_payment:
        # What was decided of it was decided of a registration that had a place.
        after = after.with_payment(replace(paid, settles=False, resolution=None))
    if registration.cancelling is Resolution.REFUND:
        after, refunds = sent_back_whole(after, reason)
    else:
        refunds = ()
    paid_by_hand = registration.status is Status.PAID and registration.settling_payment is None
    kept_now = {payment.key for payment in after.kept_payments}
    kept_before = {payment.key for payment in registration.kept_payments}
    if paid_by_hand or not kept_now <= kept_before:
        after = after.flagged(Reason.CANCELLED_WITHOUT_REFUND)
        reason = reason if offer.cancelled else Reason.CANCELLED_WITHOUT_REFUND
    return applied(after, offer, reason, mails=(MailKind.CANCELLED,), refunds=refunds)


def sent_back_whole(
    registration: Registration, reason: Reason
) -> tuple[Registration, tuple[RefundOrder, ...]]:
    """All money that gives nobody a place is ordered back; nothing of it needs a person then."""
    after, orders = registration, tuple[RefundOrder, ...]()
    for payment in registration.kept_payments:
        ordered, refunds = order_back(payment, payment.refundable, reason)
        after, orders = after.with_payment(ordered), (*orders, *refunds)
    if orders and after.review in ABOUT_MONEY:
        after = replace(after, review=None)
    return after, orders


def cancelled_with(registration: Registration, offer: Offer, money: Payment) -> Decision:
    """Money came, or is coming, while the registration was being cancelled with its money back."""
    return cancelled(registration.settled_by(money), offer)
