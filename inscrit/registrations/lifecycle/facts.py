"""What can be reported of a registration. ``livemode`` is what Stripe says of its mode.

Amounts are integers in the currency's minor unit; ids are Stripe's.
"""

from msgspec import Struct

from .words import DisputeStatus, RefundStatus, Resolution


class CheckoutCompleted(Struct, frozen=True):
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


class DelayedPaymentFailed(Struct, frozen=True):
    session: str
    payment: str | None
    amount: int
    currency: str
    livemode: bool


class PaymentSucceeded(Struct, frozen=True):
    payment: str
    amount: int
    currency: str
    livemode: bool


class PaymentAttemptFailed(Struct, frozen=True):
    """One try was declined. The buyer may try again in the same session: nothing is freed."""

    payment: str
    livemode: bool


class CheckoutExpired(Struct, frozen=True):
    """The session can't be paid any more; ``session`` None: the hold lapsed and had none."""

    session: str | None
    livemode: bool | None = None


class CheckoutUnavailable(Struct, frozen=True):
    """No Checkout session could be opened, so nobody can pay."""


class CancelRequested(Struct, frozen=True):
    """Somebody gives the places back; ``refund``: what was paid goes back too."""

    refund: bool


class RefundRequested(Struct, frozen=True):
    """Give back ``amount`` of the payment that settles the registration; None: all of it."""

    amount: int | None = None


class ChargeRefunded(Struct, frozen=True):
    """Stripe's cumulative total returned of one payment (a charge's ``amount_refunded``)."""

    payment: str
    total: int
    livemode: bool | None = None


class RefundChanged(Struct, frozen=True):
    """The state of one refund. ``number`` is our own number of it, if we ordered it.

    ``refund`` is None when Stripe refused the order, so that there is none.
    https://docs.stripe.com/api/refunds/object
    """

    payment: str
    refund: str | None
    amount: int
    status: RefundStatus
    number: int | None = None
    livemode: bool | None = None


class DisputeChanged(Struct, frozen=True):
    """The state of one dispute. https://docs.stripe.com/api/disputes/object"""

    payment: str
    dispute: str
    amount: int
    status: DisputeStatus
    livemode: bool | None = None


class OfferAccepted(Struct, frozen=True):
    """Somebody from the waiting list takes the place offered, and there is nothing to pay."""


class MarkedPaid(Struct, frozen=True):
    """An organiser has the money in hand: a cheque, cash, or a transfer."""


class MoneyGivenBack(Struct, frozen=True):
    """An organiser has given back ``amount`` of what was paid by hand, by hand; None: all of it."""

    amount: int | None = None


class MoveRequested(Struct, frozen=True):
    """An organiser gives it places at another event instead."""

    event_id: str


class ReviewResolved(Struct, frozen=True):
    """A person has looked at what was flagged, and decided."""

    resolution: Resolution


Fact = (
    CheckoutCompleted
    | DelayedPaymentFailed
    | PaymentSucceeded
    | PaymentAttemptFailed
    | CheckoutExpired
    | CheckoutUnavailable
    | CancelRequested
    | RefundRequested
    | ChargeRefunded
    | RefundChanged
    | DisputeChanged
    | OfferAccepted
    | MarkedPaid
    | MoneyGivenBack
    | MoveRequested
    | ReviewResolved
)
