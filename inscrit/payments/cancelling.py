"""Cancelling a registration that may be being paid at this moment, and a whole event.

The cancellation is written down first, then the Checkout session is ended at Stripe. The other way
round Stripe's own 'expired' overtakes us (half the time, when it was measured): the registration
would count as lapsed, and the buyer be told so. Whoever pays in the moment between gets the money
back, as with every late payment.
"""

import asyncio
from dataclasses import dataclass

import structlog
from django.db import transaction

from inscrit.events.models import Event, EventStatus
from inscrit.jobs import in_database
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING, CancelRequested
from inscrit.registrations.models import Registration

from . import checkout, stripe_gateway
from .models import CheckoutSession, SessionStatus
from .stripe_gateway import StripeRefused, StripeUnavailable

log = structlog.get_logger()

# Stripe takes 25 requests a second in test mode: https://docs.stripe.com/rate-limits
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class EventCancellation:
    """The event afterwards, and how many registrations were cancelled with it."""

    event: Event
    registrations: int


async def cancel(registration_id: str, *, refund: bool, actor: str) -> None:
    """Free a registration's places; with ``refund`` order back what was paid.

    A registration that has no places any more stays as it is.
    """
    report = Report(CancelRequested(refund), actor, registration_id)
    await in_database(services.report, report)
    await _end_session(registration_id, actor)


async def cancel_event(event_id: str, *, actor: str) -> EventCancellation:
    """Close an event for good, and cancel its registrations with their money back.

    Interrupted, it goes on where it stopped when it is called again. Raises Event.DoesNotExist.
    """
    event = await in_database(_close, event_id)
    registrations = await in_database(_with_places, event_id)
    gate = asyncio.Semaphore(AT_ONCE)

    async def cancel_one(registration_id: str) -> None:
        async with gate:
            await cancel(registration_id, refund=True, actor=actor)

    await asyncio.gather(*map(cancel_one, registrations))
    await in_database(event.refresh_from_db)
    return EventCancellation(event, len(registrations))


async def _end_session(registration_id: str, actor: str) -> None:
    """End the session that could still be paid. If that fails, a payment would be sent back."""
    session_id = await in_database(_open_session, registration_id)
    if session_id is None:
        return
    try:
        session = await stripe_gateway.expire_session(session_id)
    except (StripeUnavailable, StripeRefused) as error:
        log.warning(
            "⏳ Checkout session of a cancelled registration left open",
            registration=registration_id,
            error=str(error),
        )
        return
    await checkout.look_at(session, registration_id, actor)


def _open_session(registration_id: str) -> str | None:
    opened = CheckoutSession.objects.filter(registration=registration_id, status=SessionStatus.OPEN)
    return opened.values_list("stripe_id", flat=True).first()


def _close(event_id: str) -> Event:
    with transaction.atomic():
        event = Event.objects.select_for_update(no_key=True).get(pk=event_id)
        event.status = EventStatus.CANCELLED
        event.save(update_fields=["status"])
    return event


def _with_places(event_id: str) -> list[str]:
    seated = Registration.objects.filter(event=event_id, status__in=HOLDING | CONFIRMED)
    return list(seated.values_list("pk", flat=True))
