"""What can be reported of a registration. ``livemode`` is what Stripe says of its mode.

Amounts are integers in the currency's minor unit; ids are Stripe's.
"""

from dataclasses import dataclass

from .words import DisputeStatus, RefundStatus, Resolution


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
    """Somebody gives the places back; ``refund``: what was paid goes back too."""

    refund: bool


@dataclass(frozen=True, slots=True)
class RefundRequested:
    """Give back ``amount`` of the payment that settles the registration; None: all of it."""

    amount: int | None = None


@dataclass(frozen=True, slots=True)
class ChargeRefunded:
    """Stripe's cumulative total returned of one payment (a charge's ``amount_refunded``)."""

    payment: str
    total: int
    livemode: bool | None = None


@dataclass(frozen=True, slots=True)
class RefundChanged:
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


@dataclass(frozen=True, slots=True)
class DisputeChanged:
    """The state of one dispute. https://docs.stripe.com/api/disputes/object"""

    payment: str
    dispute: str
    amount: int
    status: DisputeStatus
    livemode: bool | None = None


@dataclass(frozen=True, slots=True)
class MarkedPaid:
    """An organiser has the cheque in hand."""


@dataclass(frozen=True, slots=True)
class ReviewResolved:
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
    | MarkedPaid
    | ReviewResolved
)
