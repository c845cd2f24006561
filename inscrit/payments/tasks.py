"""Jobs of money: send the refunds that were ordered, free the holds that have ended."""

from datetime import timedelta

import structlog
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


@app.task(
    queue="money",
    retry=RetryStrategy(max_attempts=100, linear_wait=20, retry_exceptions=[StripeUnavailable]),
)
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
        except (StripeUnavailable, StripeRefused) as error:
            log.warning(
                "⏳ Hold kept, Stripe does not say yet",
                registration=registration_id,
                error=str(error),
            )


def _lapsed() -> list[str]:
    return list(
        Registration.objects.filter(
            status=RegistrationStatus.PENDING,
            hold_expires_at__lt=timezone.now() - GRACE,
        )
        .order_by(F("hold_expires_at"))
        .values_list("pk", flat=True)[:MOST_AT_ONCE]
    )
