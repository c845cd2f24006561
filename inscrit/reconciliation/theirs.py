"""From Stripe to us: what Stripe has, kind by kind, against what is recorded here."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.utils import timezone

from inscrit.jobs import in_database
from inscrit.payments import checkout, stripe_gateway
from inscrit.payments.models import CheckoutSession, Payment, PaymentState, SessionStatus
from inscrit.payments.stripe_gateway import (
    DisputeState,
    IntentState,
    RefundState,
    SessionState,
)
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    DisputeChanged,
    DisputeStatus,
    Outcome,
    PaymentSucceeded,
    RefundChanged,
)
from inscrit.webhooks import fetching
from inscrit.webhooks.inbox import Verdict
from inscrit.webhooks.notification import HANDLED

from .comparison import ACTOR, Comparison, is_ours, webhooks_under_way
from .findings import Finding, Kind, Result
from .window import MONTH

SUCCEEDED = "succeeded"
DISPUTE_STATUSES = frozenset(DisputeStatus)
log = structlog.get_logger()


async def undelivered_events(comparison: Comparison, since: datetime) -> None:
    """What an endpoint did not take goes into the inbox as if it had been delivered."""
    since = max(since, timezone.now() - MONTH + timedelta(minutes=5))
    async for bodies in stripe_gateway.undelivered_events(since, sorted(HANDLED)):
        if await in_database(fetching.missing, bodies):
            await webhooks_under_way()
        verdicts = await in_database(fetching.take_in, bodies, dry_run=comparison.dry_run)
        comparison.checked["events"] += len(bodies)
        for verdict in verdicts:
            _note(comparison, verdict)


def _note(comparison: Comparison, verdict: Verdict) -> None:
    """An event whose effect was there already is no difference: it only had not been told."""
    if verdict.outcome is Outcome.FAILED or (
        verdict.outcome is Outcome.REJECTED and verdict.entry is None
    ):
        event = verdict.received.notification
        there = {"status": event.type}
        comparison.found(
            Finding(
                Kind.NOT_APPLIED, event.id, "", there, result=Result.OPEN, done=(verdict.reason,)
            )
        )
    elif verdict.report is not None and verdict.entry is not None:
        comparison.note(verdict.report, verdict.entry)


async def sessions(comparison: Comparison, since: datetime) -> None:
    async for page in stripe_gateway.sessions(since):
        comparison.checked["sessions"] += len(page)
        await compare_sessions(comparison, page)


async def compare_sessions(comparison: Comparison, found: Sequence[SessionState]) -> None:
    ours = [session for session in found if is_ours(session.registration)]
    comparison.seen |= {session.id for session in ours}
    if not comparison.dry_run:
        await in_database(_remember_lost, ours)
    reports = [
        Report(fact, ACTOR, session.registration, session.id, session.payment_intent)
        for session in ours
        if (fact := checkout.fact_of(session))
    ]
    await comparison.tell(reports)


def _remember_lost(found: Sequence[SessionState]) -> None:
    """Sessions of which Stripe's answer never reached us: their attempt waits for it still."""
    ids = [session.id for session in found]
    known = set(
        CheckoutSession.objects.filter(stripe_id__in=ids).values_list("stripe_id", flat=True)
    )
    for session in found:
        if session.id not in known and session.status != "open":
            CheckoutSession.objects.filter(
                registration=session.registration, status=SessionStatus.OPENING, stripe_id=None
            ).update(stripe_id=session.id, status=SessionStatus.OPEN)


async def payments(comparison: Comparison, since: datetime) -> None:
    async for page in stripe_gateway.payment_intents(since):
        comparison.checked["payments"] += len(page)
        await compare_intents(comparison, page)


async def compare_intents(comparison: Comparison, found: Sequence[IntentState]) -> None:
    known = await in_database(Payment.objects.in_bulk, [intent.id for intent in found])
    ours = [one for one in found if one.id in known or is_ours(one.registration)]
    comparison.seen |= {intent.id for intent in ours}
    reports = []
    for intent in ours:
        payment = known.get(intent.id)
        if payment is not None and differs(payment, intent):
            comparison.found(_difference(payment, intent))
        elif intent.status == SUCCEEDED:
            reports.append(_succeeded(intent))
    await comparison.tell(reports)


def differs(payment: Payment, intent: IntentState) -> bool:
    """Whether we count on money that Stripe has not, or on another amount."""
    if payment.status != PaymentState.SUCCEEDED:
        return False
    ours = (SUCCEEDED, payment.amount, payment.currency)
    return ours != (intent.status, intent.amount, intent.currency)


def _difference(payment: Payment, intent: IntentState) -> Finding:
    return Finding(
        Kind.PAYMENT_DIFFERS,
        payment.key,
        payment.registration_id,
        {"status": intent.status, "amount": intent.amount, "currency": intent.currency},
        {"status": payment.status, "amount": payment.amount, "currency": payment.currency},
        Result.OPEN,
    )


def _succeeded(intent: IntentState) -> Report:
    fact = PaymentSucceeded(intent.id, intent.amount, intent.currency, intent.livemode)
    named = intent.registration if is_ours(intent.registration) else None
    return Report(fact, ACTOR, named, payment=intent.id)


async def refunds(comparison: Comparison, since: datetime) -> None:
    async for page in stripe_gateway.refunds(since):
        comparison.checked["refunds"] += len(page)
        await compare_refunds(comparison, page)


async def compare_refunds(comparison: Comparison, found: Sequence[RefundState]) -> None:
    """Refunds of payments that we do not know are another application's."""
    await comparison.tell([_refund(comparison, one) for one in found if one.payment_intent])


def _refund(comparison: Comparison, refund: RefundState) -> Report:
    fact = RefundChanged(
        refund.payment_intent, refund.id, refund.amount, refund.status, number=refund.number
    )
    owner = comparison.owner(refund.payment_intent)
    return Report(fact, ACTOR, owner, payment=refund.payment_intent)


async def disputes(comparison: Comparison, since: datetime) -> None:
    async for page in stripe_gateway.disputes(since):
        comparison.checked["disputes"] += len(page)
        await compare_disputes(comparison, page)


async def compare_disputes(comparison: Comparison, found: Sequence[DisputeState]) -> None:
    """Those of payments that we do not know are another application's."""
    await comparison.tell(
        [_dispute(comparison, one) for one in found if one.payment_intent and _is_readable(one)]
    )


def _is_readable(dispute: DisputeState) -> bool:
    if dispute.status in DISPUTE_STATUSES:
        return True
    log.error("❌ Dispute of an unknown status", dispute=dispute.id, status=dispute.status)
    return False


def _dispute(comparison: Comparison, dispute: DisputeState) -> Report:
    fact = DisputeChanged(
        dispute.payment_intent, dispute.id, dispute.amount, DisputeStatus(dispute.status)
    )
    owner = comparison.owner(dispute.payment_intent)
    return Report(fact, ACTOR, owner, payment=dispute.payment_intent)
