"""From us to Stripe: what is recorded here and should have moved on, asked for one by one.

A run asks for so many of each at most, in another order each time, so that all get their turn.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from inscrit.jobs import in_database
from inscrit.payments import checkout, refunding, stripe_gateway
from inscrit.payments.models import (
    LIVE,
    CheckoutSession,
    Dispute,
    Payment,
    PaymentState,
    Refund,
    RefundStatus,
    SessionStatus,
)
from inscrit.payments.stripe_gateway import StripeRefused
from inscrit.registrations.lifecycle import UNDECIDED, Status
from inscrit.registrations.models import Registration

from .comparison import ACTOR, Comparison
from .findings import Finding, Kind, Result
from .theirs import compare_disputes, compare_intents, compare_refunds, compare_sessions

MOST_OF_EACH = 500
GRACE = timedelta(minutes=1)
# A SEPA debit takes 5 to 14 business days at the very most, a refund 10.
# https://docs.stripe.com/payments/sepa-debit https://docs.stripe.com/refunds
OVERDUE_AFTER = timedelta(days=21)
SESSION = "cs_"

M = TypeVar("M", bound=Model)


async def look(comparison: Comparison, since: datetime) -> None:
    # All of it should have moved on long ago, and is asked for one by one.
    comparison.awaits_webhooks = False
    await _open_sessions(comparison, since)
    await _ended_holds(comparison)
    await _payments_under_way(comparison)
    await _payments_not_met(comparison, since)
    await _refunds_not_sent(comparison)
    await _refunds_under_way(comparison)
    await _undecided_disputes(comparison)


async def _some(comparison: Comparison, rows: "QuerySet[M]") -> list[M]:
    found = await in_database(lambda: list(rows.order_by("?")[:MOST_OF_EACH]))
    comparison.checked["ours"] += len(found)
    return found


async def _open_sessions(comparison: Comparison, since: datetime) -> None:
    """Sessions that we hold for open, and did not meet: they are over, or were opened earlier."""
    over = Q(expires_at__lt=timezone.now() - GRACE) | Q(created_at__lt=since)
    open_ones = CheckoutSession.objects.filter(over, status=SessionStatus.OPEN)
    for row in await _some(comparison, open_ones.exclude(stripe_id__in=comparison.seen)):
        session = await stripe_gateway.find_session(row.stripe_id or "")
        if session is None:
            comparison.found(_unknown(row.stripe_id or "", row.registration_id, row.status))
        else:
            await compare_sessions(comparison, [session])


async def _ended_holds(comparison: Comparison) -> None:
    """Registrations that may still be paid, or hold places, although their time is over."""
    for registration in await _some(comparison, _overstaying()):
        pending = registration.status == Status.PENDING
        finding = Finding(
            Kind.HOLD_NOT_FREED if pending else Kind.SESSION_NOT_CLOSED,
            registration.pk,
            registration.pk,
            ours={"status": registration.status},
        )
        if not comparison.dry_run:
            comparison.found(await _end_hold(registration, finding))
        elif not comparison.concerns(registration.pk):
            comparison.found(finding)


def _overstaying() -> "QuerySet[Registration]":
    past = timezone.now() - GRACE
    live = CheckoutSession.objects.filter(status__in=LIVE, expires_at__lt=past)
    return Registration.objects.filter(
        Q(status=Status.PENDING, hold_expires_at__lt=past)
        | Q(pk__in=live.values("registration_id"))
    )


async def _end_hold(registration: Registration, finding: Finding) -> Finding:
    """The session is ended at Stripe first; if it turns out to be paid, then that is recorded."""
    await stripe_gateway.breathe()
    try:
        await checkout.settle_lapsed_hold(registration.pk, ACTOR)
        await checkout.end_session(registration.pk, ACTOR)
    except StripeRefused as error:
        return replace(finding, result=Result.OPEN, done=(str(error),))
    await in_database(registration.refresh_from_db)
    if await in_database(_overstaying().filter(pk=registration.pk).exists):
        return replace(finding, result=Result.OPEN)
    moved = registration.status != finding.ours["status"]
    done = (f"{finding.ours['status']} → {registration.status}",) if moved else ()
    return replace(finding, done=done)


async def _payments_under_way(comparison: Comparison) -> None:
    """Delayed payments take days: what became of each is asked."""
    waiting = Payment.objects.filter(status=PaymentState.PROCESSING, amount__gt=0)
    for payment in await _some(comparison, waiting):
        if not await _ask_for_session(comparison, payment):
            await _ask_for_payment(comparison, payment)
        await in_database(payment.refresh_from_db)
        overdue = payment.created_at < timezone.now() - OVERDUE_AFTER
        if overdue and payment.status == PaymentState.PROCESSING:
            comparison.found(_overdue(Kind.PAYMENT_OVERDUE, payment.key, payment, payment.amount))


async def _payments_not_met(comparison: Comparison, since: datetime) -> None:
    """Payments recorded since then that were not in Stripe's list."""
    recorded = Payment.objects.filter(created_at__gte=since)
    known = recorded.exclude(status=PaymentState.PROCESSING).exclude(pk__in=comparison.seen)
    for payment in await _some(comparison, known):
        await _ask_for_payment(comparison, payment)


async def _ask_for_session(comparison: Comparison, payment: Payment) -> bool:
    """Ask for the session that a payment was made in; whether there is one."""
    session = await (
        stripe_gateway.find_session(payment.key)
        if payment.key.startswith(SESSION)
        else stripe_gateway.session_of(payment.key)
    )
    if session is not None:
        await compare_sessions(comparison, [session])
    return session is not None


async def _ask_for_payment(comparison: Comparison, payment: Payment) -> None:
    """A payment of nothing has no PaymentIntent: its session stands for it."""
    if payment.key.startswith(SESSION):
        known = await _ask_for_session(comparison, payment)
    else:
        intent = await stripe_gateway.find_payment_intent(payment.key)
        known = intent is not None
        if intent is not None:
            await compare_intents(comparison, [intent])
    if not known:
        comparison.found(_unknown(payment.key, payment.registration_id, payment.status))


async def _refunds_not_sent(comparison: Comparison) -> None:
    """Refunds that were ordered, and whose job came to nothing."""
    for refund in await _some(comparison, refunding.forgotten()):
        ours = {"status": str(refund.status), "amount": refund.amount}
        finding = Finding(
            Kind.REFUND_NOT_SENT,
            f"refund {refund.pk}",
            refund.payment.registration_id,
            ours=ours | {"currency": refund.payment.currency},
        )
        comparison.found(finding if comparison.dry_run else await _send(refund, finding))


async def _send(refund: Refund, finding: Finding) -> Finding:
    await stripe_gateway.breathe()
    try:
        await refunding.send(refund)
    except StripeRefused as error:
        return replace(finding, result=Result.OPEN, done=(str(error),))
    await in_database(refund.refresh_from_db)
    failed = refund.status == RefundStatus.FAILED
    moved = f"{RefundStatus.ORDERED.value} → {refund.status}"
    return replace(finding, result=Result.FLAGGED if failed else Result.HEALED, done=(moved,))


async def _refunds_under_way(comparison: Comparison) -> None:
    pending = Refund.objects.select_related("payment").filter(status=RefundStatus.PENDING)
    for refund in await _some(comparison, pending.exclude(stripe_id=None)):
        refund_id, payment = refund.stripe_id or "", refund.payment
        found = await stripe_gateway.find_refund(refund_id)
        if found is None:
            comparison.found(_unknown(refund_id, payment.registration_id, refund.status))
            continue
        await compare_refunds(comparison, [found])
        overdue = refund.created_at < timezone.now() - OVERDUE_AFTER
        if overdue and found.status == refund.status:
            comparison.found(_overdue(Kind.REFUND_OVERDUE, refund_id, payment, refund.amount))


async def _undecided_disputes(comparison: Comparison) -> None:
    undecided = Dispute.objects.select_related("payment").filter(status__in=UNDECIDED)
    for dispute in await _some(comparison, undecided):
        found = await stripe_gateway.find_dispute(dispute.pk)
        if found is None:
            payment = dispute.payment
            comparison.found(_unknown(dispute.pk, payment.registration_id, dispute.status))
        else:
            await compare_disputes(comparison, [found])


def _unknown(subject: str, registration: str, status: str) -> Finding:
    return Finding(
        Kind.UNKNOWN_TO_STRIPE, subject, registration, ours={"status": status}, result=Result.OPEN
    )


def _overdue(kind: Kind, subject: str, payment: Payment, amount: int) -> Finding:
    side = {"status": "pending", "amount": amount, "currency": payment.currency}
    return Finding(kind, subject, payment.registration_id, side, result=Result.OPEN)
