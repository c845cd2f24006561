"""A Checkout session ends: completed, failed or expired."""

from msgspec.structs import replace

from .cancelling import cancelled
from .decision import (
    ClosedSession,
    Decision,
    applied,
    duplicate,
    nothing_to_change,
    unchanged,
)
from .facts import CheckoutCompleted, CheckoutExpired, CheckoutUnavailable, DelayedPaymentFailed
from .offers import lapsed, still_offered
from .payments import money_arrived, money_under_way
from .state import Offer, Payment, Registration
from .words import HOLDING, MailKind, Outcome, PaymentMethod, PaymentStatus, Reason, Status


def checkout_completed(
    registration: Registration, offer: Offer, fact: CheckoutCompleted
) -> Decision:
    money = Payment(
        key=fact.payment or fact.session,
        status=PaymentStatus.SUCCEEDED if fact.paid else PaymentStatus.PROCESSING,
        amount=fact.amount,
        currency=fact.currency,
    )
    rule = money_arrived if fact.paid else money_under_way
    decision = rule(registration, offer, money)
    decision = _closing(decision, fact.session, "complete", Reason.SESSION_COMPLETED)
    after = decision.registration
    # An older session was paid after all: nobody shall pay the newer one as well.
    if after.status is Status.PENDING or after.open_session is None:
        return decision
    return replace(decision, ends_session=True)


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


def delayed_payment_failed(
    registration: Registration, offer: Offer, fact: DelayedPaymentFailed
) -> Decision:
    key = fact.payment or fact.session
    known = registration.payment(key)
    if known and known.status is not PaymentStatus.PROCESSING:
        if known.status is PaymentStatus.FAILED:
            return duplicate(registration, offer)
        return unchanged(registration, offer, Outcome.IGNORED, Reason.ALREADY_RECORDED)
    failed = replace(
        known or Payment(key, PaymentStatus.FAILED, fact.amount, fact.currency),
        status=PaymentStatus.FAILED,
        settles=False,
    )
    after = registration.with_payment(failed)
    decision = applied(after, offer, Reason.DELAYED_PAYMENT_FAILED)
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


def checkout_expired(registration: Registration, offer: Offer, fact: CheckoutExpired) -> Decision:
    decision = _hold_lapsed(registration, offer, fact.session)
    if fact.session is None:
        return decision
    return _closing(decision, fact.session, "expired", Reason.SESSION_EXPIRED)


def _hold_lapsed(registration: Registration, offer: Offer, session: str | None) -> Decision:
    if registration.status is Status.EXPIRED:
        return duplicate(registration, offer)
    if registration.status is not Status.PENDING or (session is None and registration.can_be_paid):
        return nothing_to_change(registration, offer)
    left_behind = (
        registration.open_session is None and registration.method is not PaymentMethod.STRIPE
    )
    if session is not None and (left_behind or registration.open_session not in (None, session)):
        return unchanged(registration, offer, Outcome.IGNORED, Reason.OLDER_SESSION)
    if registration.cancelling:
        return cancelled(registration, offer)
    if registration.promised:
        return still_offered(registration, offer, session)
    return lapsed(registration, offer)


def checkout_unavailable(
    registration: Registration, offer: Offer, _fact: CheckoutUnavailable
) -> Decision:
    if registration.status is not Status.PENDING:
        return nothing_to_change(registration, offer)
    if registration.cancelling:
        return cancelled(registration, offer)
    if registration.promised:  # another try may find the payment page
        return nothing_to_change(registration, offer)
    gone = replace(registration, status=Status.CANCELLED)
    return applied(gone, offer, Reason.CHECKOUT_UNAVAILABLE)
