"""Money goes back: ordered by us, in Stripe's Dashboard or by hand, or it fails on its way."""

from msgspec.structs import replace

from .decision import Decision, applied, duplicate, order_back, refused
from .facts import ChargeRefunded, MoneyGivenBack, RefundChanged, RefundRequested
from .payments import matches
from .state import Offer, Payment, Refund, Registration
from .words import CONFIRMED, HOLDING, MailKind, PaymentStatus, Reason, RefundStatus, Status

# A refund goes from left to right only, whatever the order in which we hear of it.
PROGRESS = (
    RefundStatus.ORDERED,
    RefundStatus.PENDING,
    RefundStatus.SUCCEEDED,
    RefundStatus.FAILED,
)


def refund_requested(registration: Registration, offer: Offer, fact: RefundRequested) -> Decision:
    paid = _to_give_back(registration)
    amount = paid.refundable if paid and fact.amount is None else fact.amount or 0
    if paid is None or not 0 < amount <= paid.refundable:
        return refused(registration, offer, Reason.NOTHING_TO_REFUND)
    ordered, refunds = order_back(paid, amount, Reason.REFUND_REQUESTED)
    after = registration.with_payment(ordered)
    return applied(after, offer, Reason.REFUND_REQUESTED, refunds=refunds)


def _to_give_back(registration: Registration) -> Payment | None:
    """Money without a place comes first, then what was paid, then what a person had kept."""
    kept = (payment for payment in registration.payments if payment.refundable)
    first = next(iter(registration.kept_payments), None) or registration.settling_payment
    return first or next(kept, None)


def money_given_back(registration: Registration, offer: Offer, fact: MoneyGivenBack) -> Decision:
    """What was paid by hand was given back by hand: a person says so, Stripe knows nothing of it.

    No mail: what the one about refunds says of the bank would not be true.
    """
    left = registration.left_by_hand
    amount = left if fact.amount is None else fact.amount
    if not 0 < amount <= left:
        return refused(registration, offer, Reason.NOTHING_BY_HAND)
    after = replace(registration, amount_refunded=registration.amount_refunded + amount)
    if after.is_all_returned and after.status in (Status.PAID, Status.CANCELLED):
        after = replace(after, status=Status.REFUNDED)
    if (
        not after.left_by_hand
        and not after.kept_payments
        and after.review == Reason.CANCELLED_WITHOUT_REFUND
    ):
        after = replace(after, review=None)
    return applied(after, offer, Reason.MONEY_GIVEN_BACK)


def charge_refunded(registration: Registration, offer: Offer, fact: ChargeRefunded) -> Decision:
    before = _known(registration, fact.payment)
    if fact.total <= before.charge_refunded:
        return duplicate(registration, offer)
    return _moved(registration, offer, before, replace(before, charge_refunded=fact.total))


def refund_changed(registration: Registration, offer: Offer, fact: RefundChanged) -> Decision:
    before = _known(registration, fact.payment)
    known = next((one for one in before.refunds if one.is_same(fact.number, fact.refund)), None)
    if known and PROGRESS.index(fact.status) <= PROGRESS.index(known.status):
        return duplicate(registration, offer)
    number, why = (known.number, known.reason) if known else (None, "")
    refund = Refund(fact.amount, fact.status, number, fact.refund, why)
    return _moved(registration, offer, before, before.with_refund(refund), refund)


def _known(registration: Registration, payment: str) -> Payment:
    """The payment; if its refund came before it, a place for it, to be filled when it arrives."""
    known = registration.payment(payment)
    return known or Payment(payment, PaymentStatus.PROCESSING, 0, registration.currency)


def _moved(
    registration: Registration,
    offer: Offer,
    before: Payment,
    after: Payment,
    refund: Refund | None = None,
) -> Decision:
    """What it means that a payment's refunds are now others."""
    known = registration.with_payment(after)
    if refund and refund.status is RefundStatus.FAILED:
        return _failed(known, offer, after)
    under_way = refund is not None and refund.status is RefundStatus.PENDING
    reason = Reason.REFUND_UNDER_WAY if under_way else Reason.REFUND_RECEIVED
    if after.status is not PaymentStatus.SUCCEEDED or after.returned == before.returned:
        return applied(known, offer, reason)
    return given_back(known, offer, after, reason)


def given_back(
    registration: Registration, offer: Offer, payment: Payment, reason: Reason
) -> Decision:
    """More of a payment is the buyer's again; with all money back, so are the places."""
    mails: tuple[MailKind, ...] = (MailKind.REFUNDED,)
    if payment.settles:
        return applied(_settling_returned(registration, payment), offer, reason, mails=mails)
    if registration.status in HOLDING | CONFIRMED or not registration.is_all_returned:
        return applied(registration, offer, reason)
    if registration.status is not Status.CANCELLED and payment.was_late:
        mails = ()  # that the money comes back was told at once
    return applied(replace(registration, status=Status.REFUNDED), offer, reason, mails=mails)


def _settling_returned(registration: Registration, payment: Payment) -> Registration:
    """Without its payment it stands on another one that is still whole, or it is over."""
    if payment.returned < payment.amount:
        return registration
    whole = (p for p in registration.payments if matches(registration, p) and p.is_whole)
    if other := next(whole, None):
        return registration.settled_by(other)
    return replace(registration, status=Status.REFUNDED)


def _failed(registration: Registration, offer: Offer, payment: Payment) -> Decision:
    """The money is ours again, against everybody's wish: a person has to look.

    Not if all of it is back by another way: then Stripe refused what nobody is owed any more.
    https://docs.stripe.com/refunds#failed-refunds
    """
    if 0 < payment.amount <= payment.returned:
        return duplicate(registration, offer)
    after = taken_back(registration, offer, payment)
    if (again := after.payment(payment.key)) and not again.settles:
        after = after.with_payment(replace(again, resolution=None))  # to be decided anew
    return applied(after.flagged(Reason.REFUND_FAILED), offer, Reason.REFUND_FAILED)


def taken_back(registration: Registration, offer: Offer, payment: Payment) -> Registration:
    """Money that had been returned is ours again; REFUNDED would not be true any more."""
    if registration.status is not Status.REFUNDED or payment.returned >= payment.amount:
        return registration
    if payment.settles and offer.seats(registration):
        return replace(registration, status=Status.PAID)
    payments = tuple(replace(known, settles=False) for known in registration.payments)
    return replace(registration, status=Status.CANCELLED, payments=payments)
