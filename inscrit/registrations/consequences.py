"""What a decision of the lifecycle changes, in sentences for staff.

The same sentences tell beforehand what something will do and afterwards what it did, so they are in
the present tense. They are read from the decision itself: they can't promise anything else.
"""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inscrit.money import money

from .explanations import explain
from .lifecycle import (
    CheckoutExpired,
    Decision,
    MailKind,
    Payment,
    PaymentStatus,
    Refund,
    RefundChanged,
    RefundStatus,
    Registration,
    Resolution,
    decide,
)
from .models import RegistrationStatus


def consequences(before: Registration, decision: Decision) -> list[str]:
    """What is different after a decision, and what follows once Stripe has done its part.

    An empty list if nothing changes.
    """
    return [*_changes(before, decision), *_once_closed(decision), *_once_returned(decision)]


def _changes(before: Registration, decision: Decision) -> Iterator[str]:
    after = decision.registration
    if decision.ends_session and after.can_be_paid:
        yield _("Stripe is asked to close the payment page.")
    if after.status is not before.status:
        yield _("The registration becomes “%(status)s”.") % {"status": _label(after)}
    yield from _places(before, after)
    for payment in after.payments:
        known = before.payment(payment.key) or Payment(payment.key, payment.status, 0, "")
        yield from _payment(known, payment)
    for order in decision.refunds:
        paid = after.payment(order.payment)
        currency = paid.currency if paid else after.currency
        yield _("%(money)s goes back to the buyer.") % {"money": money(order.amount, currency)}
    if after.amount_refunded != before.amount_refunded:
        returned = money(after.amount_refunded, after.currency)
        yield _("The buyer has %(money)s back in all.") % {"money": returned}
    yield from _mails(decision)
    yield from _review(before, after)


def _label(registration: Registration) -> str:
    return str(RegistrationStatus(registration.status).label)


def _places(before: Registration, after: Registration) -> Iterator[str]:
    had, has = before.held + before.confirmed, after.held + after.confirmed
    n = {"n": after.places}
    if has and not had:
        told = ngettext("It gets its place back.", "It gets its %(n)d places back.", after.places)
    elif had and not has:
        told = ngettext("Its place becomes free.", "Its %(n)d places become free.", after.places)
    elif before.held and after.confirmed:
        told = ngettext("Its place is confirmed.", "Its %(n)d places are confirmed.", after.places)
    else:
        return
    yield told % n


def _payment(known: Payment, payment: Payment) -> Iterator[str]:
    amount = {"money": money(payment.amount, payment.currency)}
    if payment.amount and (not known.amount or known.status is not payment.status):
        if payment.status is PaymentStatus.SUCCEEDED:
            yield _("A payment of %(money)s is recorded.") % amount
        elif payment.status is PaymentStatus.PROCESSING:
            yield _("A payment of %(money)s is under way.") % amount
        else:
            yield _("A payment of %(money)s has failed.") % amount
    if payment.resolution is Resolution.IGNORE and known.resolution is None:
        yield _("%(money)s stays with you, and confirms nothing.") % {
            "money": money(known.refundable, payment.currency)
        }
    for refund in payment.refunds:
        if refund not in known.refunds and refund.status is not RefundStatus.ORDERED:
            yield _refund(refund.status) % {"money": money(refund.amount, payment.currency)}
    for dispute in payment.disputes:
        if dispute not in known.disputes:
            yield _("A dispute about %(money)s is recorded.") % {
                "money": money(dispute.amount, payment.currency)
            }


def _refund(status: RefundStatus) -> str:
    if status is RefundStatus.PENDING:
        return _("A refund of %(money)s is on its way.")
    if status is RefundStatus.SUCCEEDED:
        return _("A refund of %(money)s has been made.")
    return _("A refund of %(money)s did not reach the buyer.")


def _mails(decision: Decision) -> Iterator[str]:
    mails = {kind for kind in decision.mails if kind is not MailKind.ORGANISER_REVIEW}
    if MailKind.CONFIRMED in mails:  # there is never more than one
        yield _("The registrant gets the confirmation by e-mail, unless it was sent before.")
    elif mails:
        yield _("The registrant is told by e-mail.")


def _review(before: Registration, after: Registration) -> Iterator[str]:
    if before.review and not after.review:
        yield _("It is no longer marked as to be looked at.")
    elif after.review and after.review != before.review:
        yield _("It is marked as to be looked at: %(why)s") % {"why": explain(after.review).what}


def _once_closed(decision: Decision) -> Iterator[str]:
    """What follows a cancellation that waits for the payment page to be closed."""
    after = decision.registration
    if not decision.ends_session or after.cancelling is None:
        return
    yield _("Until it is closed, the places stay held. Then:")
    yield from _changes(after, decide(after, decision.offer, CheckoutExpired(None)))
    if after.cancelling is Resolution.REFUND:
        yield _("If it turns out to be paid by then, it is cancelled and the money goes back.")
    else:
        yield _("If it turns out to be paid by then, it stays paid and is not cancelled.")


def _once_returned(decision: Decision) -> Iterator[str]:
    """What follows when Stripe has carried out the refunds that are ordered."""
    if not decision.refunds:
        return
    ordered, offer = decision.registration, decision.offer
    after, mails = ordered, False
    for n, (payment, refund) in enumerate(_on_their_way(ordered)):
        known = refund.stripe_id or f"foreseen {n}"
        fact = RefundChanged(payment, known, refund.amount, RefundStatus.SUCCEEDED, refund.number)
        then = decide(after, offer, fact)
        after, offer, mails = then.registration, then.offer, mails or bool(then.mails)
    status = {"status": _label(after)}
    if after.status is not ordered.status:
        yield _("Once Stripe has returned it, the registration becomes “%(status)s”.") % status
        yield from _places(ordered, after)
    elif after.held or after.confirmed:
        yield _("The registration stays “%(status)s” and keeps its places.") % status
    if mails:
        yield _("The registrant is then told by e-mail.")


def _on_their_way(registration: Registration) -> list[tuple[str, Refund]]:
    """The refunds that Stripe has not made yet, each with its payment."""
    return [
        (payment.key, refund)
        for payment in registration.payments
        for refund in payment.refunds
        if refund.status in (RefundStatus.ORDERED, RefundStatus.PENDING)
    ]
