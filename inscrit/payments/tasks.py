"""Jobs of money: send the refunds that were ordered, free the holds that have ended."""

from collections.abc import Awaitable
from datetime import timedelta

import structlog
from django.db.models import F
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.jobs import in_database
from inscrit.registrations.models import Registration, RegistrationStatus

from . import cancelling, checkout, refunding
from .models import Refund, RefundStatus
from .stripe_gateway import StripeRefused, StripeUnavailable

log = structlog.get_logger()

# Stripe tells us itself when a session expires; only what it did not tell is asked for.
GRACE = timedelta(minutes=1)
MOST_AT_ONCE = 500
HOLD_KEPT = "⏳ Hold kept, to be looked at again"
REFUND_NOT_SENT = "⏳ Refund not sent yet, to be tried again"


@app.task(queue="money", retry=RetryStrategy(max_attempts=100, linear_wait=20))
async def send_refund(refund_id: int) -> None:
    """Ask Stripe for a refund, with the refund's own key, until it has answered."""
    refund = await in_database(Refund.objects.select_related("payment").get, pk=refund_id)
    if refund.status == RefundStatus.ORDERED:
        await refunding.send(refund)


@app.task(queue="money", retry=RetryStrategy(max_attempts=100, linear_wait=20))
async def end_session(registration_id: str) -> None:
    """End a registration's Checkout session at Stripe, and report what became of it."""
    await checkout.end_session(registration_id, "cancellation")


@app.periodic(cron="* * * * *")
@app.task(queue="money", queueing_lock="cancellations", lock="cancellations")
async def sweep_cancellations(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: cancellations that a crash or Stripe's silence left half-done."""
    for registration_id in await in_database(cancelling.unfinished):
        await _settle(registration_id, checkout.end_session(registration_id, "cancellation"))
    for event_id in await in_database(cancelling.unfinished_events):
        await cancelling.go_on(event_id, actor="sweep")


async def _settle(registration_id: str, work: Awaitable[None], otherwise: str = HOLD_KEPT) -> None:
    """One that fails must not hold up the others; ``otherwise`` is what the log says of it."""
    try:
        await work
    except Exception as error:
        expected = isinstance(error, StripeUnavailable | StripeRefused)
        log.warning(
            otherwise,
            registration=registration_id,
            error=str(error) if expected else type(error).__name__,
            exc_info=None if expected else error,
        )


@app.periodic(cron="* * * * *")
@app.task(queue="money", queueing_lock="sweep", lock="sweep")
async def sweep_lapsed_holds(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every minute: holds whose session should have expired. Stripe is asked before they go."""
    for registration_id in await in_database(_lapsed):
        await _settle(registration_id, checkout.settle_lapsed_hold(registration_id))


@app.periodic(cron="*/10 * * * *")
@app.task(queue="money", queueing_lock="refund sweep", lock="refund sweep")
async def sweep_ordered_refunds(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it
    """Every ten minutes: refunds whose job came to nothing, or waits for a next try."""
    for refund in await in_database(lambda: list(refunding.forgotten()[:MOST_AT_ONCE])):
        await _settle(refund.payment.registration_id, refunding.send(refund), REFUND_NOT_SENT)


def _lapsed() -> list[str]:
    return list(
        Registration.objects.filter(
            status=RegistrationStatus.PENDING,
            hold_expires_at__lt=timezone.now() - GRACE,
        )
        .order_by(F("hold_expires_at"))
        .values_list("pk", flat=True)[:MOST_AT_ONCE]
    )
