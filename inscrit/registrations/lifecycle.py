"""The rules of a registration: one pure state machine.

Facts go in (what Stripe, a buyer or an organiser reported), a ``Decision`` comes out: the
registration and the event's places as they are afterwards, and what has to follow (mails, refunds,
sessions to close). Nothing here reads a clock, a database or a network, and the order in which
facts arrive is never trusted: a registration that is paid does not go down on a late failure.

Amounts are integers in the currency's minor unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What a registration can be; the words of the public API."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    PAID = "PAID"
    FREE = "FREE"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


HOLDING = frozenset({Status.PENDING, Status.PROCESSING})
CONFIRMED = frozenset({Status.PAID, Status.FREE})
LAPSED = frozenset({Status.EXPIRED, Status.FAILED})


class PaymentStatus(StrEnum):
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class LatePayment(StrEnum):
    """What an event does with money that arrives after the places were freed."""

    RESEAT_OR_REFUND = "reseat_or_refund"
    REFUND = "refund"
    REVIEW = "review"


class PaymentMethod(StrEnum):
    STRIPE = "stripe"
    CHEQUE = "cheque"


class Outcome(StrEnum):
    """What became of a fact; the words of the Stripe inbox."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    REJECTED = "rejected"
    FAILED = "failed"


class Reason(StrEnum):
    """Why a decision was taken: a stable code, kept in the journal and the inbox."""

    REGISTERED = "registered"
    FREE_OF_CHARGE = "free_of_charge"
    PAYMENT_RECEIVED = "payment_received"
    PAYMENT_UNDER_WAY = "payment_under_way"
    PAYMENT_ATTEMPT_FAILED = "payment_attempt_failed"
    DELAYED_PAYMENT_FAILED = "delayed_payment_failed"
    SESSION_EXPIRED = "session_expired"
    SESSION_COMPLETED = "session_completed"
    OLDER_SESSION = "older_session"
    CHECKOUT_UNAVAILABLE = "checkout_unavailable"
    MARKED_PAID = "marked_paid"
    CANCELLED_BY_REQUEST = "cancelled_by_request"
    LATE_PAYMENT_RESEATED = "late_payment_reseated"
    LATE_PAYMENT_REFUNDED = "late_payment_refunded"
    LATE_PAYMENT_REVIEW = "late_payment_review"
    SECOND_PAYMENT_REFUNDED = "second_payment_refunded"
    REFUND_REQUESTED = "refund_requested"
    REFUND_RECEIVED = "refund_received"
    REFUND_FAILED = "refund_failed"
    CANCELLED_WITHOUT_REFUND = "cancelled_without_refund"
    ALREADY_RECORDED = "already_recorded"
    NOTHING_TO_CHANGE = "nothing_to_change"
    AMOUNT_MISMATCH = "amount_mismatch"
    WRONG_MODE = "wrong_mode"
    OTHER_REGISTRATION = "other_registration"
    NOT_PAID_BY_CHEQUE = "not_paid_by_cheque"
    NO_PLACE_LEFT = "no_place_left"
    NOTHING_TO_REFUND = "nothing_to_refund"


class MailKind(StrEnum):
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    PAYMENT_FAILED = "payment_failed"
    LATE_REFUNDED = "late_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that Stripe told us of. ``key`` is its PaymentIntent, or its session if it has none.

    ``refund_ordered`` is what we asked Stripe to return, ``refunded`` what has been returned.
    """

    key: str
    status: PaymentStatus
    amount: int
    currency: str
    settles: bool = False
    refund_ordered: int = 0
    refunded: int = 0

    @property
    def refundable(self) -> int:
        if self.status is not PaymentStatus.SUCCEEDED:
            return 0
        return max(0, self.amount - max(self.refund_ordered, self.refunded))


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration as the rules see it. ``open_session`` is its live Checkout session."""

    id: str
    event_id: str
    status: Status
    method: PaymentMethod
    amount: int
    currency: str
    places: int
    open_session: str | None = None
    review: str | None = None
    amount_refunded: int = 0
    payments: tuple[Payment, ...] = ()

    @property
    def held(self) -> int:
        return self.places if self.status in HOLDING else 0

    @property
    def confirmed(self) -> int:
        return self.places if self.status in CONFIRMED else 0

    @property
    def settling_payment(self) -> Payment | None:
        return next((payment for payment in self.payments if payment.settles), None)

    def payment(self, key: str) -> Payment | None:
        return next((payment for payment in self.payments if payment.key == key), None)

    def with_payment(self, payment: Payment) -> "Registration":
        """A copy with the payment added, or put in the place of its older state."""
        if self.payment(payment.key) is None:
            return replace(self, payments=(*self.payments, payment))
        payments = tuple(payment if known.key == payment.key else known for known in self.payments)
        return replace(self, payments=payments)


@dataclass(frozen=True, slots=True)
class Offer:
    """An event's places as the rules see them. ``capacity`` None means without limit."""

    event_id: str
    capacity: int | None
    confirmed: int
    held: int
    late_payment: LatePayment = LatePayment.RESEAT_OR_REFUND
    cancelled: bool = False

    def seats(self, places: int) -> bool:
        """Whether so many more places can be given."""
        return self.capacity is None or self.confirmed + self.held + places <= self.capacity

    def moved(self, before: Registration, after: Registration) -> "Offer":
        held, confirmed = after.held - before.held, after.confirmed - before.confirmed
        if not held and not confirmed:
            return self
        return replace(self, held=self.held + held, confirmed=self.confirmed + confirmed)


@dataclass(frozen=True, slots=True)
class CheckoutCompleted:
    """Stripe's session is complete; ``paid`` is False while a delayed method is under way.

    ``payment`` is None when the session asked for no money.
    https://docs.stripe.com/checkout/fulfillment
    """

    session: str
    payment: str | None
    amount: int
    currency: str
    paid: bool
    livemode: bool


@dataclass(frozen=True, slots=True)
class DelayedPaymentFailed:
    session: str
    payment: str | None
    amount: int
    currency: str
    livemode: bool


@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    payment: str
    amount: int
    currency: str
    livemode: bool


@dataclass(frozen=True, slots=True)
class PaymentAttemptFailed:
    """One try was declined. The buyer may try again in the same session: nothing is freed."""

    payment: str
    livemode: bool


@dataclass(frozen=True, slots=True)
class CheckoutExpired:
    """The session can't be paid any more; ``session`` None: the hold lapsed and had none."""

    session: str | None
    livemode: bool | None = None


@dataclass(frozen=True, slots=True)
class CheckoutUnavailable:
    """No Checkout session could be opened, so nobody can pay."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    refund: bool


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """Give back ``amount`` of the payment that settles the registration; None: all of it."""

    amount: int | None = None


@dataclass(frozen=True, slots=True)
class RefundReported:
    """Stripe's cumulative total returned of one payment (a charge's ``amount_refunded``)."""

    payment: str
    total: int


@dataclass(frozen=True, slots=True)
class RefundRefused:
    """A refund we ordered did not go through: that money is still ours."""

    payment: str
    amount: int


@dataclass(frozen=True, slots=True)
class MarkedPaid:
    """An organiser has the cheque in hand."""


Fact = (
    CheckoutCompleted
    | DelayedPaymentFailed
    | PaymentSucceeded
    | PaymentAttemptFailed
    | CheckoutExpired
    | CheckoutUnavailable
    | CancelRequested
    | RefundRequested
    | RefundReported
    | RefundRefused
    | MarkedPaid
)


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """A refund to ask of Stripe."""

    payment: str
    amount: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class ClosedSession:
    session: str
    status: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a fact led to. ``noted`` asks for a journal row although no status moved."""

    registration: Registration
    offer: Offer
    outcome: Outcome
    reason: Reason
    mails: tuple[MailKind, ...] = ()
    refunds: tuple[RefundOrder, ...] = ()
    closed: tuple[ClosedSession, ...] = ()
    noted: bool = False


def decide(
    registration: Registration, offer: Offer, fact: Fact, *, livemode: bool | None = None
) -> Decision:
    """What this fact means for this registration.

    ``livemode`` is the mode of our own Stripe key; None accepts either.
    """
    stated = getattr(fact, "livemode", None)
    if livemode is not None and stated is not None and stated is not livemode:
        return rejected(registration, offer, Reason.WRONG_MODE)
    decision = _RULES[type(fact)](registration, offer, fact)
    return replace(decision, offer=offer.moved(registration, decision.registration))


def _unchanged(
    registration: Registration, offer: Offer, outcome: Outcome, reason: Reason
) -> Decision:
    return Decision(registration, offer, outcome, reason)


def rejected(registration: Registration, offer: Offer, reason: Reason) -> Decision:
    """Not applied, and flagged for a person."""
    flagged = replace(registration, review=registration.review or reason)
    return Decision(flagged, offer, Outcome.REJECTED, reason, noted=flagged != registration)


def _applied(registration: Registration, offer: Offer, reason: Reason, **more: Any) -> Decision:
    return Decision(registration, offer, Outcome.APPLIED, reason, noted=True, **more)


def _checkout_completed(
    registration: Registration, offer: Offer, fact: CheckoutCompleted
) -> Decision:
    money = Payment(
        key=fact.payment or fact.session,
        status=PaymentStatus.SUCCEEDED if fact.paid else PaymentStatus.PROCESSING,
        amount=fact.amount,
        currency=fact.currency,
    )
    rule = _money_arrived if fact.paid else _money_under_way
    decision = rule(registration, offer, money)
    return _closing(decision, fact.session, "complete", Reason.SESSION_COMPLETED)


def _closing(decision: Decision, session: str, status: str, reason: Reason) -> Decision:
    """The same decision, with the session closed too if it was the open one."""
    if decision.registration.open_session != session:
        return decision
    closed = replace(
        decision,
        registration=replace(decision.registration, open_session=None),
        closed=(ClosedSession(session, status),),
    )
    if decision.outcome is not Outcome.DUPLICATE:
        return closed
    return replace(closed, outcome=Outcome.APPLIED, reason=reason, noted=True)


def _payment_succeeded(
    registration: Registration, offer: Offer, fact: PaymentSucceeded
) -> Decision:
    money = Payment(fact.payment, PaymentStatus.SUCCEEDED, fact.amount, fact.currency)
    return _money_arrived(registration, offer, money)


def _matches(registration: Registration, money: Payment) -> bool:
    return (money.amount, money.currency) == (registration.amount, registration.currency)


def _money_arrived(registration: Registration, offer: Offer, money: Payment) -> Decision:
    known = registration.payment(money.key)
    if known:
        money = replace(
            money,
            settles=known.settles,
            refund_ordered=known.refund_ordered,
            refunded=known.refunded,
        )
    recorded = known is not None and known.status is PaymentStatus.SUCCEEDED
    if not _matches(registration, money):
        # What was recorded of a payment stays: refunds were counted against it.
        seen = registration if recorded else registration.with_payment(money)
        return rejected(seen, offer, Reason.AMOUNT_MISMATCH)
    if recorded:
        return _unchanged(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)
    if money.refunded >= money.amount:
        return _returned_before_it_was_known(registration, offer, money)
    if registration.status in HOLDING:
        return _confirmed(registration, offer, money, Reason.PAYMENT_RECEIVED)
    if registration.status in CONFIRMED:
        return _sent_back(registration, offer, money, Reason.SECOND_PAYMENT_REFUNDED)
    return _late(registration, offer, money)


def _confirmed(
    registration: Registration, offer: Offer, money: Payment, reason: Reason
) -> Decision:
    # A delayed payment that is still under way may have been the settling one until now.
    others = tuple(replace(payment, settles=False) for payment in registration.payments)
    paid = replace(registration, payments=others).with_payment(replace(money, settles=True))
    paid = replace(paid, status=Status.PAID, amount_refunded=money.refunded)
    return _applied(paid, offer, reason, mails=(MailKind.CONFIRMED,))


def _returned_before_it_was_known(
    registration: Registration, offer: Offer, money: Payment
) -> Decision:
    known = registration.with_payment(money)
    if registration.status in CONFIRMED:
        return _applied(known, offer, Reason.REFUND_RECEIVED)
    returned = replace(known, status=Status.REFUNDED, amount_refunded=registration.amount)
    return _applied(returned, offer, Reason.REFUND_RECEIVED, mails=(MailKind.REFUNDED,))


def _late(registration: Registration, offer: Offer, money: Payment) -> Decision:
    if offer.cancelled or registration.status not in LAPSED:
        return _sent_back(registration, offer, money, Reason.LATE_PAYMENT_REFUNDED)
    if offer.late_payment is LatePayment.REVIEW:
        flagged = replace(
            registration.with_payment(money),
            review=registration.review or Reason.LATE_PAYMENT_REVIEW,
        )
        return _applied(flagged, offer, Reason.LATE_PAYMENT_REVIEW)
    if offer.late_payment is LatePayment.RESEAT_OR_REFUND and offer.seats(registration.places):
        return _confirmed(registration, offer, money, Reason.LATE_PAYMENT_RESEATED)
    return _sent_back(registration, offer, money, Reason.LATE_PAYMENT_REFUNDED)


def _sent_back(
    registration: Registration, offer: Offer, money: Payment, reason: Reason
) -> Decision:
    """Record the money and order all of it back; the registration stays what it is."""
    ordered, refunds = _order(money, money.refundable, reason)
    mails = (MailKind.LATE_REFUNDED,) if reason is Reason.LATE_PAYMENT_REFUNDED else ()
    return _applied(registration.with_payment(ordered), offer, reason, mails=mails, refunds=refunds)


def _order(
    payment: Payment, amount: int, reason: Reason
) -> tuple[Payment, tuple[RefundOrder, ...]]:
    if amount <= 0:
        return payment, ()
    total = max(payment.refund_ordered, payment.refunded) + amount
    return replace(payment, refund_ordered=total), (RefundOrder(payment.key, amount, reason),)


def _money_under_way(registration: Registration, offer: Offer, money: Payment) -> Decision:
    known = registration.payment(money.key)
    if known and (known.status is not PaymentStatus.PROCESSING or known.amount):
        return _unchanged(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)
    if known:  # only a refund of it was known
        money = replace(money, refunded=known.refunded)
    if not _matches(registration, money):
        return rejected(registration.with_payment(money), offer, Reason.AMOUNT_MISMATCH)
    if registration.status is Status.PENDING or _can_be_seated_again(registration, offer):
        settling = registration.with_payment(replace(money, settles=True))
        waiting = replace(settling, status=Status.PROCESSING)
        return _applied(waiting, offer, Reason.PAYMENT_UNDER_WAY)
    return _applied(registration.with_payment(money), offer, Reason.PAYMENT_UNDER_WAY)


def _can_be_seated_again(registration: Registration, offer: Offer) -> bool:
    return (
        registration.status in LAPSED
        and not offer.cancelled
        and offer.late_payment is LatePayment.RESEAT_OR_REFUND
        and offer.seats(registration.places)
    )


def _delayed_payment_failed(
    registration: Registration, offer: Offer, fact: DelayedPaymentFailed
) -> Decision:
    key = fact.payment or fact.session
    known = registration.payment(key)
    if known and known.status is not PaymentStatus.PROCESSING:
        outcome = Outcome.DUPLICATE if known.status is PaymentStatus.FAILED else Outcome.IGNORED
        return _unchanged(registration, offer, outcome, Reason.ALREADY_RECORDED)
    failed = Payment(key, PaymentStatus.FAILED, fact.amount, fact.currency)
    after = registration.with_payment(failed)
    decision = _applied(after, offer, Reason.DELAYED_PAYMENT_FAILED)
    if _nothing_else_may_pay(after, fact.session):
        decision = replace(
            decision,
            registration=replace(after, status=Status.FAILED),
            mails=(MailKind.PAYMENT_FAILED,),
        )
    return _closing(decision, fact.session, "complete", Reason.SESSION_COMPLETED)


def _nothing_else_may_pay(registration: Registration, session: str) -> bool:
    """Whether a holding registration has no other way left to be paid than this session."""
    if registration.status not in HOLDING:
        return False
    if registration.open_session not in (None, session):
        return False
    return all(p.status is not PaymentStatus.PROCESSING for p in registration.payments)


def _payment_attempt_failed(
    registration: Registration, offer: Offer, fact: PaymentAttemptFailed
) -> Decision:
    known = registration.payment(fact.payment)
    if registration.status is Status.PENDING and known is None:
        return _applied(registration, offer, Reason.PAYMENT_ATTEMPT_FAILED)
    return _unchanged(registration, offer, Outcome.IGNORED, Reason.NOTHING_TO_CHANGE)


def _checkout_expired(registration: Registration, offer: Offer, fact: CheckoutExpired) -> Decision:
    decision = _hold_lapsed(registration, offer, fact.session)
    if fact.session is None:
        return decision
    return _closing(decision, fact.session, "expired", Reason.SESSION_EXPIRED)


def _hold_lapsed(registration: Registration, offer: Offer, session: str | None) -> Decision:
    if registration.status is Status.EXPIRED:
        return _unchanged(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)
    if registration.status is not Status.PENDING:
        return _unchanged(registration, offer, Outcome.IGNORED, Reason.NOTHING_TO_CHANGE)
    if session is not None and registration.open_session not in (None, session):
        return _unchanged(registration, offer, Outcome.IGNORED, Reason.OLDER_SESSION)
    expired = replace(registration, status=Status.EXPIRED)
    return _applied(expired, offer, Reason.SESSION_EXPIRED, mails=(MailKind.EXPIRED,))


def _checkout_unavailable(
    registration: Registration, offer: Offer, _fact: CheckoutUnavailable
) -> Decision:
    if registration.status is not Status.PENDING:
        return _unchanged(registration, offer, Outcome.IGNORED, Reason.NOTHING_TO_CHANGE)
    cancelled = replace(registration, status=Status.CANCELLED)
    return _applied(cancelled, offer, Reason.CHECKOUT_UNAVAILABLE)


def _cancel_requested(registration: Registration, offer: Offer, fact: CancelRequested) -> Decision:
    if registration.status is Status.CANCELLED:
        return _unchanged(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)
    if registration.status not in HOLDING | CONFIRMED:
        return _unchanged(registration, offer, Outcome.IGNORED, Reason.NOTHING_TO_CHANGE)
    cancelled = replace(registration, status=Status.CANCELLED)
    reason, mails = Reason.CANCELLED_BY_REQUEST, (MailKind.CANCELLED,)
    paid = registration.settling_payment
    if paid is None or not paid.refundable:
        return _applied(cancelled, offer, reason, mails=mails)
    if not fact.refund:
        kept = replace(cancelled, review=registration.review or Reason.CANCELLED_WITHOUT_REFUND)
        return _applied(kept, offer, Reason.CANCELLED_WITHOUT_REFUND, mails=mails)
    ordered, refunds = _order(paid, paid.refundable, reason)
    return _applied(cancelled.with_payment(ordered), offer, reason, mails=mails, refunds=refunds)


def _refund_requested(registration: Registration, offer: Offer, fact: RefundRequested) -> Decision:
    paid = _kept_payment(registration) or registration.settling_payment
    amount = paid.refundable if paid and fact.amount is None else fact.amount or 0
    if paid is None or not 0 < amount <= paid.refundable:
        return _unchanged(registration, offer, Outcome.REJECTED, Reason.NOTHING_TO_REFUND)
    ordered, refunds = _order(paid, amount, Reason.REFUND_REQUESTED)
    return _applied(
        registration.with_payment(ordered), offer, Reason.REFUND_REQUESTED, refunds=refunds
    )


def _kept_payment(registration: Registration) -> Payment | None:
    """Money that settles nothing and is still ours: a late payment or a wrong amount in review."""
    kept = (p for p in registration.payments if p.refundable and not p.settles)
    return next(kept, None)


def _refund_reported(registration: Registration, offer: Offer, fact: RefundReported) -> Decision:
    known = registration.payment(fact.payment)
    if known is None:
        # It came before the payment it returns: kept, and taken into account when that arrives.
        known = Payment(fact.payment, PaymentStatus.PROCESSING, 0, registration.currency)
    if fact.total <= known.refunded:
        return _unchanged(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)
    payment = replace(known, refunded=fact.total)
    after = registration.with_payment(payment)
    if payment.status is not PaymentStatus.SUCCEEDED:
        return _applied(after, offer, Reason.REFUND_RECEIVED)
    another_settles = not payment.settles and registration.settling_payment is not None
    if another_settles or (not payment.settles and registration.status in HOLDING):
        return _applied(after, offer, Reason.REFUND_RECEIVED)
    after = replace(after, amount_refunded=min(fact.total, registration.amount))
    if fact.total >= payment.amount:
        after = replace(after, status=Status.REFUNDED)
    mails = (MailKind.REFUNDED,) if payment.settles else ()
    return _applied(after, offer, Reason.REFUND_RECEIVED, mails=mails)


def _refund_refused(registration: Registration, offer: Offer, fact: RefundRefused) -> Decision:
    known = registration.payment(fact.payment)
    if known is None:
        return _unchanged(registration, offer, Outcome.IGNORED, Reason.NOTHING_TO_CHANGE)
    payment = replace(known, refund_ordered=max(0, known.refund_ordered - fact.amount))
    flagged = replace(
        registration.with_payment(payment), review=registration.review or Reason.REFUND_FAILED
    )
    return _applied(flagged, offer, Reason.REFUND_FAILED)


def _marked_paid(registration: Registration, offer: Offer, _fact: MarkedPaid) -> Decision:
    if registration.status in CONFIRMED:
        return _unchanged(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)
    if registration.method is not PaymentMethod.CHEQUE:
        return _unchanged(registration, offer, Outcome.REJECTED, Reason.NOT_PAID_BY_CHEQUE)
    if registration.status not in HOLDING and offer.cancelled:
        return _unchanged(registration, offer, Outcome.REJECTED, Reason.NOTHING_TO_CHANGE)
    if registration.status not in HOLDING and not offer.seats(registration.places):
        return _unchanged(registration, offer, Outcome.REJECTED, Reason.NO_PLACE_LEFT)
    if registration.status not in HOLDING | LAPSED:
        return _unchanged(registration, offer, Outcome.REJECTED, Reason.NOTHING_TO_CHANGE)
    paid = replace(registration, status=Status.PAID)
    return _applied(paid, offer, Reason.MARKED_PAID, mails=(MailKind.CONFIRMED,))


_RULES: dict[type[Any], Callable[[Registration, Offer, Any], Decision]] = {
    CheckoutCompleted: _checkout_completed,
    DelayedPaymentFailed: _delayed_payment_failed,
    PaymentSucceeded: _payment_succeeded,
    PaymentAttemptFailed: _payment_attempt_failed,
    CheckoutExpired: _checkout_expired,
    CheckoutUnavailable: _checkout_unavailable,
    CancelRequested: _cancel_requested,
    RefundRequested: _refund_requested,
    RefundReported: _refund_reported,
    RefundRefused: _refund_refused,
    MarkedPaid: _marked_paid,
}
