"""Somebody from the waiting list takes the places offered, and says how they are paid.

Who pays online has the time of the offer, and may open the payment page as often as they like. Who
pays by hand has taken the places: from then on the registration is as any other, and is held as
long as the event gives for that.

Paid by hand or not, the status, the places and the money stay as they are: how long and by which
way somebody pays is no decision of the lifecycle, and is written here, under the same lock.
"""

from datetime import datetime

import structlog
from django.db import transaction
from django.utils import timezone

from inscrit.jobs import in_database
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CONFIRMED, MailKind, OfferAccepted, Reason
from inscrit.registrations.models import (
    JournalEntry,
    PaymentMethod,
    Registration,
    RegistrationStatus,
)
from inscrit.registrations.quote import Unacceptable, not_offered

from . import checkout
from .models import SessionStatus
from .stripe_gateway import StripeRefused, StripeUnavailable

log = structlog.get_logger()


class NoOffer(Exception):
    """It was taken or has lapsed, or there never was one."""


class StillOpen(Exception):
    """The payment page that was opened before can't be closed now; it may still be paid."""


async def take(registration_id: str, method: PaymentMethod | None, *, actor: str) -> str | None:
    """Take the places offered; the address to pay at, or None if nothing is paid online.

    Without a ``method`` it is the one that the offer was made with. Raises
    Registration.DoesNotExist, NoOffer, Unacceptable, StillOpen, checkout.CheckoutNotOpened.
    """
    if await in_database(_is_being_paid, registration_id, method):
        return await checkout.open_checkout(registration_id)
    offered = await in_database(_found, registration_id, method)
    if not offered.amount:
        await in_database(services.report, Report(OfferAccepted(), actor, registration_id))
        return None
    if (method or offered.payment_method) != PaymentMethod.STRIPE:
        await _close_payment_page(registration_id, actor)
    if await in_database(_chosen, registration_id, method, actor) != PaymentMethod.STRIPE:
        return None
    return await checkout.open_checkout(registration_id)


async def _close_payment_page(registration_id: str, actor: str) -> None:
    """Nobody pays twice; what turns out to be paid is reported, and is no offer any more."""
    try:
        await checkout.end_session(registration_id, actor)
    except (StripeUnavailable, StripeRefused) as error:
        raise StillOpen from error


def stands(registration: Registration, now: datetime) -> bool:
    """Whether it is an offer that may still be taken."""
    until = registration.offered_until
    waits = registration.status == RegistrationStatus.PENDING and not registration.cancelling
    return waits and until is not None and now < until


def held_by_hand(offered: Registration, now: datetime) -> datetime:
    """Until when the places would be held for who takes the offer now, to pay by hand.

    Never less than what was offered.
    """
    by_hand = offered.event.held_for_payment_by_hand(now)
    return max(by_hand, offered.offered_until or by_hand)


def _is_being_paid(registration_id: str, method: PaymentMethod | None) -> bool:
    """Whether the offer's time is over, but not that of the payment page opened before."""
    now = timezone.now()
    opened = Registration.objects.filter(
        pk=registration_id,
        status=RegistrationStatus.PENDING,
        cancelling="",
        payment_method=PaymentMethod.STRIPE,
        offered_until__lte=now,
        hold_expires_at__gt=now,
        sessions__status=SessionStatus.OPEN,
    )
    return method in (None, PaymentMethod.STRIPE) and opened.exists()


def _found(registration_id: str, method: PaymentMethod | None) -> Registration:
    offered = Registration.objects.select_related("event").get(pk=registration_id)
    is_taken = offered.status in CONFIRMED and not offered.amount
    if not is_taken and not stands(offered, timezone.now()):
        raise NoOffer
    if method is not None and method not in offered.event.methods:
        raise Unacceptable([not_offered(offered.event)])
    return offered


def _chosen(registration_id: str, method: PaymentMethod | None, actor: str) -> str:
    """Write down how it is paid, under its lock; returns that."""
    with transaction.atomic():
        locked = Registration.objects.select_for_update(of=("self",), no_key=True)
        offered = locked.select_related("event").get(pk=registration_id)
        now = timezone.now()
        if not stands(offered, now):
            raise NoOffer
        offered.payment_method = method or offered.payment_method
        if offered.payment_method != PaymentMethod.STRIPE:
            _taken_by_hand(offered, now, actor)
        offered.save(
            update_fields=["payment_method", "offered_until", "hold_expires_at", "updated_at"]
        )
    return offered.payment_method


def _taken_by_hand(offered: Registration, now: datetime, actor: str) -> None:
    if offered.sessions.filter(status__in=(SessionStatus.OPENING, SessionStatus.OPEN)).exists():
        raise StillOpen  # opened in another window, at this very moment
    offered.hold_expires_at = held_by_hand(offered, now)
    offered.offered_until = None
    JournalEntry.objects.create(
        registration=offered,
        from_status=offered.status,
        to_status=offered.status,
        reason=Reason.OFFER_TAKEN,
        actor=actor,
    )
    services.tell(offered, MailKind.REGISTERED)
    log.info("🪑 Offer taken, to be paid by hand: " + offered.pk, method=offered.payment_method)
