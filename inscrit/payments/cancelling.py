"""Cancelling a registration that may be being paid at this moment, and a whole event.

The wish is written down first; while the registration's Checkout session may still be paid, its
places stay held, and the session is ended at Stripe. Whatever Stripe then says, expired or paid
after all, ends in CANCELLED, with the money back if that was the wish. A crash half-way, or
Stripe's silence, is made good by a job that was queued with the wish, and by a sweep.
"""

import asyncio
import time
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import F, Q, Sum
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from inscrit.events.models import Event, EventStatus
from inscrit.jobs import in_database
from inscrit.registrations import services
from inscrit.registrations.ledger import Entry, Report
from inscrit.registrations.lifecycle import (
    CONFIRMED,
    HOLDING,
    CancelRequested,
    Outcome,
    Reason,
)
from inscrit.registrations.models import JournalEntry, PaymentMethod, Registration

from . import checkout
from .models import Payment, PaymentState, Refund, RefundStatus
from .stripe_gateway import StripeRefused, StripeUnavailable

log = structlog.get_logger()

# Stripe takes 25 requests a second in test mode: https://docs.stripe.com/rate-limits
AT_ONCE = 5
# How long a caller waits for a whole event; the worker goes on with the rest.
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class EventCancellation:
    """How far the cancelling of an event is: registrations, and amounts in minor units.

    ``waiting`` have their places still; ``refunds_failed`` counts refunds that a person must mend,
    ``by_hand`` the registrations whose money came by hand and has to go back by hand.
    """

    event: Event
    cancelled: int
    waiting: int
    to_refund: int
    refunded: int
    refunds_failed: int
    by_hand: int


async def cancel(registration_id: str, *, refund: bool, actor: str) -> Outcome | None:
    """Free a registration's places; with ``refund`` order back what was paid.

    A registration that has no places any more stays as it is. While Stripe can't be reached, one
    that may still be paid keeps its places; the worker goes on. What became of the wish at once;
    None if there is no such registration.
    """
    report = Report(CancelRequested(refund), actor, registration_id)
    (entry,) = await in_database(services.report, report)
    if entry is None:
        return None
    if not entry.decision.ends_session:
        return entry.decision.outcome
    try:
        await checkout.end_session(registration_id, actor)
    except (StripeUnavailable, StripeRefused) as error:
        log.warning(
            "⏳ Cancellation waits for Stripe, the places are kept until then",
            registration=registration_id,
            error=str(error),
        )
    return entry.decision.outcome


async def cancel_event(event_id: str, *, actor: str) -> EventCancellation:
    """Close an event for good, and cancel its registrations with their money back.

    Waits a while for all of them; what is left then is the worker's. Raises Event.DoesNotExist.
    """
    await in_database(_close, event_id, actor)
    await go_on(event_id, actor=actor, until=time.monotonic() + PATIENCE_SECONDS)
    return await in_database(progress, event_id)


async def go_on(event_id: str, *, actor: str, until: float | None = None) -> None:
    """Cancel the registrations that a cancelled event still has; ``until`` is monotonic time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def cancel_one(registration_id: str) -> None:
        async with gate:
            if until is not None and time.monotonic() > until:
                return
            try:
                await cancel(registration_id, refund=True, actor=actor)
            except Exception as error:  # one that fails must not hold up the others
                log.error(
                    "❌ Registration of a cancelled event not cancelled, to be tried again",
                    registration=registration_id,
                    exc_info=error,
                )

    await asyncio.gather(*map(cancel_one, await in_database(_concerned, event_id)))


def progress(event_id: str) -> EventCancellation:
    """How far the cancelling of an event is. Raises Event.DoesNotExist."""
    event = Event.objects.get(pk=event_id)
    of_event = Registration.objects.filter(event=event)
    cancelled = JournalEntry.objects.filter(
        registration__event=event, reason=Reason.EVENT_CANCELLED
    )
    money = Payment.objects.filter(registration__event=event).aggregate(
        ordered=Sum("refund_ordered", default=0), returned=Sum("refunded", default=0)
    )
    # Once a person has decided about the registration, nothing is to be mended any more.
    failed = Refund.objects.filter(
        payment__registration__event=event,
        payment__registration__review__isnull=False,
        status=RefundStatus.FAILED,
    )
    return EventCancellation(
        event=event,
        cancelled=cancelled.values("registration").distinct().count(),
        waiting=of_event.filter(status__in=HOLDING | CONFIRMED).count(),
        to_refund=money["ordered"],
        refunded=money["returned"],
        refunds_failed=failed.count(),
        by_hand=of_event.filter(review=Reason.CANCELLED_WITHOUT_REFUND, paid_at__isnull=False)
        .exclude(payment_method=PaymentMethod.STRIPE)
        .count(),
    )


def unfinished() -> list[str]:
    """Registrations whose cancellation waits for Stripe."""
    return list(Registration.objects.exclude(cancelling="").values_list("pk", flat=True)[:500])


def unfinished_events() -> list[str]:
    """Cancelled events that still have somebody in them."""
    seated = Q(confirmed__gt=0) | Q(held__gt=0)
    cancelled = Event.objects.filter(seated, status=EventStatus.CANCELLED)
    return list(cancelled.values_list("pk", flat=True))


# Its name is that of the jobs' room, where it is found when a worker starts.
@app.task(
    name="inscrit.payments.tasks.cancel_registrations",
    queue="money",
    retry=RetryStrategy(max_attempts=100, linear_wait=20),
)
async def cancel_registrations(event_id: str, actor: str) -> None:
    """Cancel what is left of a cancelled event."""
    await go_on(event_id, actor=actor)


def _close(event_id: str, actor: str) -> None:
    with transaction.atomic():
        event = Event.objects.select_for_update(no_key=True).get(pk=event_id)
        if event.status != EventStatus.CANCELLED:
            log.info("🚫 Event cancelled: " + event.pk, actor=actor)
        event.status = EventStatus.CANCELLED
        event.save(update_fields=["status"])
        # Not at once: whoever cancels does most of it, and a crash must not end it half-way.
        cancel_registrations.configure(schedule_in={"seconds": 30}).defer(
            event_id=event.pk, actor=actor
        )


def foresee(event_id: str) -> list[Entry]:
    """What cancelling an event would do to each of its registrations, if it were done now."""
    reports = [Report(CancelRequested(refund=True), "", id_) for id_ in _concerned(event_id)]
    entries = services.foresee(*reports, events_cancelled=True)
    return [entry for entry in entries if entry is not None]


def _concerned(event_id: str) -> list[str]:
    seated = Q(status__in=HOLDING | CONFIRMED)
    # Money that somebody was to decide about goes back as well.
    kept = Q(
        review__isnull=False,
        payments__status=PaymentState.SUCCEEDED,
        payments__settles=False,
        payments__resolution="",
        payments__amount__gt=F("payments__refund_ordered"),
    )
    concerned = Registration.objects.filter(seated | kept, event=event_id)
    return list(concerned.order_by("pk").values_list("pk", flat=True).distinct())
