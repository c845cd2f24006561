"""A registration is given up, perhaps while somebody is paying for it.

While its Checkout session may still be paid it keeps its places and is only marked: the session is
ended at Stripe first. If Stripe answers that it is paid already, the wish came too late: with the
money back it is carried out all the same, without it the registration is paid and stays so. Nobody
loses both the place and the money.
"""

from msgspec.structs import replace

from .decision import Decision, applied, duplicate, nothing_to_change, order_back
from .facts import CancelRequested
from .state import Offer, Payment, Registration
from .words import CONFIRMED, HOLDING, MailKind, Reason, Resolution, Status


def cancel_requested(registration: Registration, offer: Offer, fact: CancelRequested) -> Decision:
    if registration.status is Status.CANCELLED:
        return duplicate(registration, offer)
    if registration.status not in HOLDING | CONFIRMED:
        return nothing_to_change(registration, offer)
    wish = Resolution.REFUND if fact.refund else Resolution.ACCEPT
    if registration.status is not Status.PENDING or not registration.can_be_paid:
        return cancelled(replace(registration, cancelling=wish), offer)
    if registration.cancelling in (wish, Resolution.REFUND):  # a claim to the money stays
        return replace(duplicate(registration, offer), ends_session=True)
    marked = replace(registration, cancelling=wish)
    return applied(marked, offer, Reason.CANCELLATION_REQUESTED, ends_session=True)


def cancelled(registration: Registration, offer: Offer) -> Decision:
    """The places are freed; what was paid goes back if that was the wish, else a person decides."""
    after = replace(registration, status=Status.CANCELLED, cancelling=None)
    mails = (MailKind.CANCELLED,)
    reason = Reason.EVENT_CANCELLED if offer.cancelled else Reason.CANCELLED_BY_REQUEST
    paid = registration.settling_payment
    if paid is None:
        return applied(after, offer, reason, mails=mails)
    paid = replace(paid, settles=False)
    if registration.cancelling is Resolution.REFUND:
        ordered, refunds = order_back(paid, paid.refundable, reason)
        after = after.with_payment(ordered)
        return applied(after, offer, reason, mails=mails, refunds=refunds)
    after = after.with_payment(paid)
    if not paid.refundable:
        return applied(after, offer, reason, mails=mails)
    kept = after.flagged(Reason.CANCELLED_WITHOUT_REFUND)
    return applied(kept, offer, Reason.CANCELLED_WITHOUT_REFUND, mails=mails)


def cancelled_with(registration: Registration, offer: Offer, money: Payment) -> Decision:
    """Money came, or is coming, while the registration was being cancelled with its money back."""
    return cancelled(registration.settled_by(money), offer)
