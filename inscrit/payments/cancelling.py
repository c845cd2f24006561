"""Cancelling what may be being paid at this moment.

A Checkout session that is open somewhere is ended at Stripe first, so that nobody pays for places
that were given back. 'It is complete' means paid: then the money goes back.
"""

import asyncio
from dataclasses import dataclass

import structlog
from django.db import transaction

from inscrit.events.models import Event, EventStatus
from inscrit.jobs import in_database
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING, CancelRequested, CheckoutExpired
from inscrit.registrations.models import Registration

from . import checkout, stripe_gateway
from .models import CheckoutSession, SessionStatus
from .stripe_gateway import StripeRefused, StripeUnavailable

log = structlog.get_logger()

# Stripe takes 25 requests a second in test mode: https://docs.stripe.com/rate-limits
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class EventCancellation:
    """How far it came: ``waiting`` registrations could not be cancelled yet."""

    event: Event
    cancelled: int
    waiting: int


async def cancel(registration_id: str, *, refund: bool, actor: str) -> None:
    """Free a registration's places; with ``refund`` order back what was paid.

    A registration that has no places any more stays as it is.
    Raises StripeUnavailable, StripeRefused: then nothing was changed.
    """
    session_id = await _open_session(registration_id)
    if session_id is None:
        await _report(Report(CancelRequested(refund), actor, registration_id))
        return
    session = await stripe_gateway.expire_session(session_id)
    if session.status == "open":
        raise StripeUnavailable("the Checkout session is still open")
    if session.status == "expired":
        # In this order and at once: it was cancelled, it did not lapse.
        await _report(
            Report(CancelRequested(refund), actor, registration_id),
            Report(CheckoutExpired(session.id), actor, registration_id, session.id),
        )
        return
    await checkout.look_at(session, registration_id, actor)
    # Paid while it was being cancelled: nobody wants to have paid for that.
    await _report(Report(CancelRequested(refund=True), actor, registration_id))


async def cancel_event(event_id: str, *, actor: str) -> EventCancellation:
    """Close an event for good, and cancel its registrations with their money back.

    What could not be done yet is done by the next call. Raises Event.DoesNotExist.
    """
    event = await in_database(_close, event_id)
    registrations = await in_database(_with_places, event_id)
    gate = asyncio.Semaphore(AT_ONCE)
    done = await asyncio.gather(*(_try_to_cancel(one, actor, gate) for one in registrations))
    await in_database(event.refresh_from_db)
    return EventCancellation(event, cancelled=sum(done), waiting=len(done) - sum(done))


async def _try_to_cancel(registration_id: str, actor: str, gate: asyncio.Semaphore) -> bool:
    async with gate:
        try:
            await cancel(registration_id, refund=True, actor=actor)
        except (StripeUnavailable, StripeRefused) as error:
            log.warning(
                "⏳ Registration not cancelled yet, Stripe does not answer",
                registration=registration_id,
                error=str(error),
            )
            return False
    return True


async def _open_session(registration_id: str) -> str | None:
    """Stripe's id of the session that could still be paid, if there is one."""
    attempt = await in_database(_live_attempt, registration_id)
    if attempt is not None and attempt.status == SessionStatus.OPENING:
        # Stripe's answer is not stored yet, or was lost: the attempt's key brings it again.
        try:
            await checkout.open_checkout(registration_id)
        except (checkout.CheckoutNotOpened, checkout.NothingToPay):
            return None
        attempt = await in_database(_live_attempt, registration_id)
    return attempt.stripe_id if attempt else None


def _live_attempt(registration_id: str) -> CheckoutSession | None:
    live = (SessionStatus.OPENING, SessionStatus.OPEN)
    return CheckoutSession.objects.filter(registration=registration_id, status__in=live).first()


async def _report(*reports: Report) -> None:
    await in_database(services.report, *reports)


def _close(event_id: str) -> Event:
    with transaction.atomic():
        event = Event.objects.select_for_update(no_key=True).get(pk=event_id)
        event.status = EventStatus.CANCELLED
        event.save(update_fields=["status"])
    return event


def _with_places(event_id: str) -> list[str]:
    return list(
        Registration.objects.filter(event=event_id, status__in=HOLDING | CONFIRMED).values_list(
            "pk", flat=True
        )
    )
