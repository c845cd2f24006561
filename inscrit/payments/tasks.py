"""Jobs of money: send the refunds that were ordered, free the holds that have ended."""

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.jobs import in_database
from inscrit.monitoring import metrics
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import RefundRefused, RefundReported
from inscrit.registrations.models import Registration, RegistrationStatus

from . import checkout, stripe_gateway
from .models import Refund, RefundStatus
from .stripe_gateway import StripeRefused, StripeUnavailable

log = structlog.get_logger()

# Stripe tells us itself when a session expires; only what it did not tell is asked for.
GRACE = timedelta(minutes=1)
MOST_AT_ONCE = 500
FORGOTTEN_AFTER = timedelta(minutes=20)
KEY_LIVES = timedelta(hours=23)


@app.task(queue="money", retry=RetryStrategy(max_attempts=100, linear_wait=20))
async def send_refund(refund_id: int) -> None:
    """Ask Stripe for a refund, with the refund's own key, until it has answered."""
    refund = await in_database(Refund.objects.select_related("payment").get, pk=refund_id)
    if refund.status != RefundStatus.ORDERED:
        return
    try:
        state = await stripe_gateway.create_refund(
            refund.payment_id, refund.amount, refund.idempotency_key
        )
    except StripeRefused as error:
        await in_database(_refused, refund, str(error))
        return
    await in_database(_answered, refund, state)


@transaction.atomic
def _answered(refund: Refund, state: stripe_gateway.RefundState) -> None:
    refund.stripe_id = state.id
    if state.status in ("failed", "canceled"):
        _refused(refund, state.failure or state.status)
        return
    returned = state.status == "succeeded"
    refund.status = RefundStatus.SUCCEEDED if returned else RefundStatus.PENDING
    refund.save(update_fields=["stripe_id", "status"])
    metrics.REFUNDS.labels(refund.reason, refund.status).inc()
    if returned:
        fact = RefundReported(refund.payment_id, state.total)
        services.report(Report(fact, "refund", refund.payment.registration_id))


@transaction.atomic
def _refused(refund: Refund, error: str) -> None:
    refund.status, refund.error = RefundStatus.FAILED, error
    refund.save(update_fields=["stripe_id", "status", "error"])
    metrics.REFUNDS.labels(refund.reason, "failed").inc()
    fact = RefundRefused(refund.payment_id, refund.amount)
    services.report(Report(fact, "refund", refund.payment.registration_id))


@app.periodic(cron="* * * * *")
@app.task(queue="money", queueing_lock="sweep", lock="sweep")
async def sweep_lapsed_holds(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: holds whose session should have expired. Stripe is asked before they go."""
    for registration_id in await in_database(_lapsed):
        try:
            await checkout.settle_lapsed_hold(registration_id)
        except Exception as error:
            expected = isinstance(error, StripeUnavailable | StripeRefused)
            log.warning(
                "⏳ Hold kept, to be looked at again",
                registration=registration_id,
                error=str(error) if expected else type(error).__name__,
                exc_info=None if expected else error,
            )


@app.periodic(cron="*/10 * * * *")
@app.task(queue="money", queueing_lock="refund sweep")
async def sweep_ordered_refunds(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every ten minutes: refunds whose job came to nothing.

    After a day Stripe no longer knows the refund's key, and asking again could return the money
    twice: then a person has to look.
    """
    for refund in await in_database(_forgotten_refunds):
        if refund.created_at < timezone.now() - KEY_LIVES:
            await in_database(_refused, refund, "Stripe gave no answer for a day")
        else:
            await send_refund.defer_async(refund_id=refund.pk)


def _forgotten_refunds() -> list[Refund]:
    due = Refund.objects.select_related("payment").filter(
        status=RefundStatus.ORDERED, created_at__lt=timezone.now() - FORGOTTEN_AFTER
    )
    return list(due.order_by("pk")[:MOST_AT_ONCE])


def _lapsed() -> list[str]:
    return list(
        Registration.objects.filter(
            status=RegistrationStatus.PENDING,
            hold_expires_at__lt=timezone.now() - GRACE,
        )
        .order_by(F("hold_expires_at"))
        .values_list("pk", flat=True)[:MOST_AT_ONCE]
    )
