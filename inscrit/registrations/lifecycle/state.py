"""A registration with its money, and an event's places, as the rules see them.

Amounts are integers in the currency's minor unit.
"""

from msgspec import Struct
from msgspec.structs import replace

from .words import (
    CONFIRMED,
    HOLDING,
    OPEN_DISPUTE,
    WITHDRAWN,
    DisputeStatus,
    LatePayment,
    LostDispute,
    PaymentMethod,
    PaymentStatus,
    Reason,
    RefundStatus,
    Resolution,
    Status,
)


class Refund(Struct, frozen=True):
    """Money on its way back. ``number`` is our own, ``stripe_id`` Stripe's, once there is one.

    ``reason``: why we ordered it, if we did.
    """

    amount: int
    status: RefundStatus
    number: int | None = None
    stripe_id: str | None = None
    reason: str = ""

    def is_same(self, number: int | None, stripe_id: str | None) -> bool:
        if stripe_id is not None and self.stripe_id == stripe_id:
            return True
        return number is not None and self.number == number and self.stripe_id is None


class Dispute(Struct, frozen=True):
    """A buyer's complaint at the bank."""

    id: str
    status: DisputeStatus
    amount: int


class Payment(Struct, frozen=True):
    """Money that Stripe told us of. ``key`` is its PaymentIntent, or its session if it has none.

    ``settles``: the registration stands on it. ``charge_refunded`` is the highest total that
    Stripe reported of its charge; ``resolution`` what a person decided on money without a place.
    """

    key: str
    status: PaymentStatus
    amount: int
    currency: str
    settles: bool = False
    charge_refunded: int = 0
    resolution: Resolution | None = None
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    def _sum(self, *statuses: RefundStatus) -> int:
        return sum(refund.amount for refund in self.refunds if refund.status in statuses)

    @property
    def refunded(self) -> int:
        """What Stripe has given back or is giving back.

        A charge's total counts refunds we may not have heard of, and goes down again when one
        fails; the highest total seen, less what failed, does not depend on the order of events.
        """
        if not self.refunds:
            return self.charge_refunded
        known = self._sum(RefundStatus.PENDING, RefundStatus.SUCCEEDED)
        failed = (
            refund.amount
            for refund in self.refunds
            if refund.status is RefundStatus.FAILED and refund.stripe_id
        )
        return max(known, self.charge_refunded - sum(failed), 0)

    @property
    def refund_ordered(self) -> int:
        """What is back, on its way back, or asked for."""
        wanted = self.refunded + self._sum(RefundStatus.ORDERED)
        # A charge's total may already count what was ordered.
        return min(wanted, max(self.amount, self.refunded))

    @property
    def lost(self) -> int:
        """What the buyer got back through the bank."""
        lost = (one for one in self.disputes if one.status is DisputeStatus.LOST)
        return sum(dispute.amount for dispute in lost)

    @property
    def returned(self) -> int:
        """What the buyer has back, by whichever way."""
        return min(self.amount, self.refunded + self.lost)

    @property
    def was_late(self) -> bool:
        """Whether it came too late and was ordered back at once, and the buyer was told so."""
        return any(refund.reason == Reason.LATE_PAYMENT_REFUNDED for refund in self.refunds)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is ours, and nobody wants it back."""
        return self.amount > 0 and self.refundable == self.amount

    @property
    def refundable(self) -> int:
        """What may still be given back: nothing while the bank has it (docs/disputes)."""
        if self.status is not PaymentStatus.SUCCEEDED:
            return 0
        if any(dispute.status in WITHDRAWN for dispute in self.disputes):
            return 0
        return max(0, self.amount - self.refund_ordered - self.lost)

    def with_refund(self, refund: Refund) -> "Payment":
        """A copy with the refund added, or put in the place of its older state."""
        others = tuple(
            known for known in self.refunds if not known.is_same(refund.number, refund.stripe_id)
        )
        return replace(self, refunds=(*others, refund))

    def with_dispute(self, dispute: Dispute) -> "Payment":
        others = tuple(known for known in self.disputes if known.id != dispute.id)
        return replace(self, disputes=(*others, dispute))


class Option(Struct, frozen=True):
    """A price option's places: how many are ``taken`` of at most ``quota`` (None: any number)."""

    id: str
    quota: int | None
    taken: int
    name: str = ""
    price: int = 0
    active: bool = True


class Registration(Struct, frozen=True):
    """A registration as the rules see it. ``options``: how many of its places are of which option.

    ``prices``: what a place of each of these costs as it was agreed, for whom it is to be moved.
    ``open_session`` is its live Checkout session; ``opening``: one has been asked of Stripe, and
    its answer is not known yet. ``cancelling``: somebody cancelled while it could still be paid;
    with ``refund`` money that comes all the same goes back, with ``accept`` it is accepted.
    ``by_hand``: a person noted that its money came as a cheque, in cash or by a transfer.
    ``offered``: its place was offered from the waiting list; ``promised``: it still is, so the end
    of a Checkout session is not the end of its hold.
    """

    id: str
    event_id: str
    status: Status
    method: PaymentMethod
    amount: int
    currency: str
    places: int
    open_session: str | None = None
    opening: bool = False
    review: str | None = None
    amount_refunded: int = 0
    cancelling: Resolution | None = None
    payments: tuple[Payment, ...] = ()
    offered: bool = False
    promised: bool = False
    options: tuple[tuple[str, int], ...] = ()
    prices: tuple[tuple[str, int], ...] = ()
    by_hand: bool = False

    @property
    def held(self) -> int:
        return self.places if self.status in HOLDING else 0

    @property
    def confirmed(self) -> int:
        return self.places if self.status in CONFIRMED else 0

    @property
    def settling_payment(self) -> Payment | None:
        return next((payment for payment in self.payments if payment.settles), None)

    @property
    def _succeeded(self) -> tuple[Payment, ...]:
        return tuple(p for p in self.payments if p.status is PaymentStatus.SUCCEEDED)

    @property
    def returned(self) -> int:
        """How much of the registration's amount the buyer has back.

        Of two payments the one beyond the amount does not count: nobody misses it. What was paid
        by hand goes back by hand, and Stripe knows nothing of it.
        """
        if self.is_paid_by_hand:
            return self.amount_refunded
        if self.settling_payment is not None:
            return min(self.settling_payment.returned, self.amount)
        paid = sum(payment.amount for payment in self._succeeded)
        returned = sum(payment.returned for payment in self._succeeded)
        return max(0, min(returned - max(0, paid - self.amount), self.amount))

    @property
    def is_paid_by_hand(self) -> bool:
        return self.by_hand and self.settling_payment is None

    @property
    def left_by_hand(self) -> int:
        """How much of what was paid by hand is still ours."""
        return self.amount - self.amount_refunded if self.is_paid_by_hand else 0

    @property
    def is_all_returned(self) -> bool:
        return not self.left_by_hand and all(
            payment.returned >= payment.amount for payment in self._succeeded
        )

    @property
    def kept_payments(self) -> tuple[Payment, ...]:
        """Money that settles nothing, is still ours, and that nobody has decided on."""
        return tuple(
            payment
            for payment in self.payments
            if payment.refundable and not payment.settles and payment.resolution is None
        )

    @property
    def can_be_paid(self) -> bool:
        """Whether somebody may be at Stripe's page with it at this moment."""
        return self.open_session is not None or self.opening

    def payment(self, key: str) -> Payment | None:
        return next((payment for payment in self.payments if payment.key == key), None)

    def with_payment(self, payment: Payment) -> "Registration":
        """A copy with the payment added, or put in the place of its older state."""
        if self.payment(payment.key) is None:
            return replace(self, payments=(*self.payments, payment))
        payments = tuple(payment if known.key == payment.key else known for known in self.payments)
        return replace(self, payments=payments)

    def settled_by(self, payment: Payment) -> "Registration":
        """A copy that stands on this payment and on no other."""
        others = tuple(replace(known, settles=False) for known in self.payments)
        return replace(self, payments=others).with_payment(replace(payment, settles=True))

    def flagged(self, reason: str) -> "Registration":
        """A copy that a person has to look at; what was to be looked at before stays first.

        But for an open dispute: it is seen on its payment, and its flag goes by itself.
        """
        if self.review is None or self.review in OPEN_DISPUTE:
            return replace(self, review=reason)
        return self


class Offer(Struct, frozen=True):
    """An event's places as the rules see them. ``capacity`` None means without limit."""

    event_id: str
    capacity: int | None
    confirmed: int
    held: int
    late_payment: LatePayment = LatePayment.RESEAT_OR_REFUND
    cancelled: bool = False
    lost_dispute: LostDispute = LostDispute.FREE_PLACES
    price: int = 0
    currency: str = ""
    options: tuple[Option, ...] = ()

    def seats(self, registration: Registration) -> bool:
        """Whether a registration without places can be given its places again."""
        if self.cancelled:
            return False
        taken = self.confirmed + self.held + registration.places
        if self.capacity is not None and taken > self.capacity:
            return False
        wanted = dict(registration.options)
        return all(
            option.quota is None or option.taken + wanted.get(option.id, 0) <= option.quota
            for option in self.options
            if option.id in wanted
        )

    def costs(self, registration: Registration) -> bool:
        """Whether the same places cost here what was agreed for the registration."""
        agreed = (registration.amount, registration.currency)
        return (self.price * registration.places, self.currency) == agreed

    @property
    def has_options(self) -> bool:
        """Whether somebody who registers now takes a price option."""
        return any(option.active for option in self.options)

    def without(self, registration: Registration) -> "Offer":
        return self._with(registration, -registration.held, -registration.confirmed)

    def having(self, registration: Registration) -> "Offer":
        return self._with(registration, registration.held, registration.confirmed)

    def moved(self, before: Registration, after: Registration) -> "Offer":
        return self._with(after, after.held - before.held, after.confirmed - before.confirmed)

    def _with(self, registration: Registration, held: int, confirmed: int) -> "Offer":
        """So many more places held and confirmed; those of its options go along."""
        if not held and not confirmed:
            return self
        moved = replace(self, held=self.held + held, confirmed=self.confirmed + confirmed)
        if not registration.options or not held + confirmed:
            return moved
        sign = 1 if held + confirmed > 0 else -1
        wanted = dict(registration.options)
        options = tuple(
            replace(option, taken=option.taken + sign * wanted.get(option.id, 0))
            for option in self.options
        )
        return replace(moved, options=options)
