"""Money arrives: in time, late, twice, or of the wrong amount."""

from msgspec.structs import replace

from .cancelling import cancelled_with
from .decision import (
    Decision,
    applied,
    duplicate,
    nothing_to_change,
    order_back,
    rejected,
)
from .facts import CheckoutCompleted, Fact, PaymentAttemptFailed, PaymentSucceeded
from .state import Offer, Payment, Registration
from .words import (
    CONFIRMED,
    HOLDING,
    LAPSED,
    LatePayment,
    MailKind,
    PaymentStatus,
    Reason,
    Resolution,
    Status,
)


def payment_succeeded(registration: Registration, offer: Offer, fact: PaymentSucceeded) -> Decision:
    money = Payment(fact.payment, PaymentStatus.SUCCEEDED, fact.amount, fact.currency)
    return money_arrived(registration, offer, money)


def matches(registration: Registration, money: Payment) -> bool:
    return (money.amount, money.currency) == (registration.amount, registration.currency)


def money_arrived(registration: Registration, offer: Offer, money: Payment) -> Decision:
    known = registration.payment(money.key)
    recorded = known is not None and known.status is PaymentStatus.SUCCEEDED
    money = _with_what_was_known(registration, money)
    if recorded and (known not in registration.kept_payments or matches(registration, money)):
        return duplicate(registration, offer)
    if not matches(registration, money):
        # What was recorded of a payment stays: refunds were counted against it.
        seen = registration if recorded else registration.with_payment(money)
        return rejected(seen, offer, Reason.AMOUNT_MISMATCH)
    if money.amount and money.returned >= money.amount:
        return _returned_before_it_was_known(registration, offer, money)
    if registration.status in HOLDING and registration.cancelling is Resolution.REFUND:
        return cancelled_with(registration, offer, money)
    if registration.status in HOLDING:
        return confirmed(registration, offer, money, Reason.PAYMENT_RECEIVED)
    if registration.status in CONFIRMED:
        return sent_back(registration, offer, money, Reason.SECOND_PAYMENT_REFUNDED)
    return _late(registration, offer, money)


def _with_what_was_known(registration: Registration, money: Payment) -> Payment:
    """Its refunds and its disputes may have been told before it."""
    known = registration.payment(money.key)
    if known is None:
        return money
    return replace(known, status=money.status, amount=money.amount, currency=money.currency)


def money_of_another(registration: Registration, offer: Offer, fact: Fact) -> Decision:
    """Stripe knows the payment as this registration's, but it names another one.

    Nobody is seated by it; money that came is kept in sight until a person has decided.
    """
    if isinstance(fact, CheckoutCompleted) and fact.paid:
        key = fact.payment or fact.session
    elif isinstance(fact, PaymentSucceeded):
        key = fact.payment
    else:
        return rejected(registration, offer, Reason.OTHER_REGISTRATION)
    known = registration.payment(key)
    if known and (known.resolution or known.status is PaymentStatus.SUCCEEDED):
        return duplicate(registration, offer)
    money = Payment(key, PaymentStatus.SUCCEEDED, fact.amount, fact.currency)
    seen = registration.with_payment(_with_what_was_known(registration, money))
    return rejected(seen, offer, Reason.OTHER_REGISTRATION)


def confirmed(registration: Registration, offer: Offer, money: Payment, reason: Reason) -> Decision:
    paid = replace(registration.settled_by(money), status=Status.PAID)
    return applied(paid, offer, reason, mails=(MailKind.CONFIRMED,))


def _returned_before_it_was_known(
    registration: Registration, offer: Offer, money: Payment
) -> Decision:
    known = registration.with_payment(money)
    others = (p for p in registration.payments if p.key != money.key)
    awaited = any(p.status is PaymentStatus.PROCESSING and p.amount for p in others)
    if registration.status in CONFIRMED or awaited:
        return applied(known, offer, Reason.REFUND_RECEIVED)
    returned = replace(known, status=Status.REFUNDED)
    return applied(returned, offer, Reason.REFUND_RECEIVED, mails=(MailKind.REFUNDED,))


def _late(registration: Registration, offer: Offer, money: Payment) -> Decision:
    if offer.cancelled or registration.status not in LAPSED:
        return sent_back(registration, offer, money, Reason.LATE_PAYMENT_REFUNDED)
    if offer.late_payment is LatePayment.REVIEW:
        flagged = registration.with_payment(money).flagged(Reason.LATE_PAYMENT_REVIEW)
        return applied(flagged, offer, Reason.LATE_PAYMENT_REVIEW)
    if can_be_seated_again(registration, offer):
        return confirmed(registration, offer, money, Reason.LATE_PAYMENT_RESEATED)
    return sent_back(registration, offer, money, Reason.LATE_PAYMENT_REFUNDED)


def can_be_seated_again(registration: Registration, offer: Offer) -> bool:
    """Whether a lapsed registration gets its places back by the event's policy."""
    wanted = offer.late_payment is LatePayment.RESEAT_OR_REFUND
    return wanted and registration.status in LAPSED and offer.seats(registration)


def sent_back(registration: Registration, offer: Offer, money: Payment, reason: Reason) -> Decision:
    """Record the money and order all of it back; the registration stays what it is."""
    ordered, refunds = order_back(money, money.refundable, reason)
    mails = (MailKind.LATE_REFUNDED,) if reason is Reason.LATE_PAYMENT_REFUNDED else ()
    return applied(registration.with_payment(ordered), offer, reason, mails=mails, refunds=refunds)


def money_under_way(registration: Registration, offer: Offer, money: Payment) -> Decision:
    """A delayed method was chosen: the places are held until the bank has answered."""
    known = registration.payment(money.key)
    if known and (known.status is not PaymentStatus.PROCESSING or known.amount):
        return duplicate(registration, offer)
    money = _with_what_was_known(registration, money)
    if not matches(registration, money):
        return rejected(registration.with_payment(money), offer, Reason.AMOUNT_MISMATCH)
    if registration.status is Status.PENDING and registration.cancelling is Resolution.REFUND:
        return cancelled_with(registration, offer, money)
    if registration.status is Status.PENDING or can_be_seated_again(registration, offer):
        waiting = replace(registration.settled_by(money), status=Status.PROCESSING)
        return applied(waiting, offer, Reason.PAYMENT_UNDER_WAY)
    return applied(registration.with_payment(money), offer, Reason.PAYMENT_UNDER_WAY)


def payment_attempt_failed(
    registration: Registration, offer: Offer, fact: PaymentAttemptFailed
) -> Decision:
    known = registration.payment(fact.payment)
    if registration.status is Status.PENDING and known is None:
        return applied(registration, offer, Reason.PAYMENT_ATTEMPT_FAILED)
    return nothing_to_change(registration, offer)
