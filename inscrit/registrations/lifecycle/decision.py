"""What a fact led to: the registration and the places afterwards, and what has to follow."""

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from .state import Offer, Payment, Refund, Registration
from .words import MailKind, Outcome, Reason, RefundStatus


class RefundOrder(Struct, frozen=True):
    """A refund to ask of Stripe."""

    payment: str
    amount: int
    reason: Reason


class ClosedSession(Struct, frozen=True):
    session: str
    status: str


class Decision(Struct, frozen=True):
    """``noted`` asks for a journal row although no status moved; ``ends_session`` asks to end the
    registration's Checkout session at Stripe, so that nobody can pay it any more. ``destination``
    are the places of the event that it was moved to; ``exchanged`` says which of its price options
    became which.
    """

    registration: Registration
    offer: Offer
    outcome: Outcome
    reason: Reason
    mails: tuple[MailKind, ...] = ()
    refunds: tuple[RefundOrder, ...] = ()
    closed: tuple[ClosedSession, ...] = ()
    noted: bool = False
    ends_session: bool = False
    destination: Offer | None = None
    exchanged: tuple[tuple[str, str], ...] = ()


def unchanged(
    registration: Registration, offer: Offer, outcome: Outcome, reason: Reason
) -> Decision:
    return Decision(registration, offer, outcome, reason)


def duplicate(registration: Registration, offer: Offer) -> Decision:
    return Decision(registration, offer, Outcome.DUPLICATE, Reason.ALREADY_RECORDED)


def nothing_to_change(registration: Registration, offer: Offer) -> Decision:
    return Decision(registration, offer, Outcome.IGNORED, Reason.NOTHING_TO_CHANGE)


def refused(registration: Registration, offer: Offer, reason: Reason) -> Decision:
    """A person's wish that can't be granted: they are told why, and nothing is flagged."""
    return Decision(registration, offer, Outcome.REJECTED, reason)


def rejected(registration: Registration, offer: Offer, reason: Reason) -> Decision:
    """Not applied, and flagged for a person."""
    flagged = registration.flagged(reason)
    return Decision(flagged, offer, Outcome.REJECTED, reason, noted=flagged != registration)


def applied(registration: Registration, offer: Offer, reason: Reason, **more: Any) -> Decision:
    return Decision(registration, offer, Outcome.APPLIED, reason, noted=True, **more)


def order_back(
    payment: Payment, amount: int, reason: Reason
) -> tuple[Payment, tuple[RefundOrder, ...]]:
    """The payment with so much of it ordered back, and the order."""
    if amount <= 0:
        return payment, ()
    ordered = Refund(amount, RefundStatus.ORDERED, reason=reason)
    refunds = (*payment.refunds, ordered)
    return replace(payment, refunds=refunds), (RefundOrder(payment.key, amount, reason),)
