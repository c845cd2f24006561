"""Opening, finding again and ending a registration's Checkout session.

Stripe is never called inside a database transaction: the attempt is stored first with a key of its
own, then Stripe is asked, then its answer is stored.
"""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext, ngettext

from inscrit import config
from inscrit.jobs import in_database
from inscrit.monitoring import metrics
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    CheckoutCompleted,
    CheckoutExpired,
    CheckoutUnavailable,
    DelayedPaymentFailed,
)
from inscrit.registrations.models import Registration, RegistrationStatus

from . import stripe_gateway
from .line_items import Line, lines_of
from .models import LIVE, CheckoutSession, SessionStatus
from .stripe_gateway import SessionState, StripeRefused, StripeUnavailable

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams
    from stripe.params.checkout._session_create_params import SessionCreateParamsLineItem

log = structlog.get_logger()

# Stripe opens none that ends sooner: https://docs.stripe.com/api/checkout/sessions/create
SHORTEST = timedelta(minutes=30)
# A session with less time left is not worth sending a buyer to.
WORTH_SHOWING = timedelta(minutes=1)
SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,250}")
# What a delayed payment becomes when the bank says no. A voucher not yet paid requires an action.
FAILED_INTENTS = frozenset({"requires_payment_method", "canceled"})


class CheckoutNotOpened(Exception):
    """Stripe could not open a session; the places have been given back."""


class NothingToPay(Exception):
    """The registration does not wait for an online payment."""


async def open_checkout(registration_id: str) -> str:
    """The address of the registration's one open Checkout session; it is opened if need be.

    Raises NothingToPay, CheckoutNotOpened.
    """
    registration, attempt = await in_database(_attempt, registration_id)
    if attempt.status == SessionStatus.OPEN:
        return attempt.url
    try:
        session = await _ask_stripe(registration, attempt)
    except (StripeUnavailable, StripeRefused) as error:
        if isinstance(error, StripeRefused) and _is_left_over(attempt):
            await in_database(_close, attempt)
            return await open_checkout(registration_id)
        metrics.CHECKOUTS.labels(_why_not(error)).inc()
        log.warning(
            "❌ Checkout session could not be opened",
            registration=registration_id,
            error=str(error),
        )
        if url := await in_database(_give_up, attempt):
            return url
        raise CheckoutNotOpened from error
    if not await in_database(_store, attempt, session):
        # Somebody else gave this attempt up meanwhile: nobody may pay it any more.
        await _end_stray(session.id, registration_id)
        raise CheckoutNotOpened
    metrics.CHECKOUTS.labels("opened").inc()
    log.info(
        f"💳 Checkout session opened: {session.id}",
        registration=registration_id,
        expires_at=session.expires_at.isoformat(),
    )
    return session.url or ""


def _why_not(error: StripeUnavailable | StripeRefused) -> str:
    if not isinstance(error, StripeRefused):
        return "unavailable"
    # Of this one buyer: others can pay.
    return "address_refused" if error.code == "email_invalid" else "refused"


async def _end_stray(session_id: str, registration_id: str) -> None:
    """If Stripe does not answer it ends by itself; what is paid through it is found by its tag."""
    try:
        await stripe_gateway.expire_session(session_id)
    except (StripeUnavailable, StripeRefused) as error:
        log.warning(
            "⏳ Checkout session that nobody waits for was left open",
            session=session_id,
            registration=registration_id,
            error=str(error),
        )


async def settle_lapsed_hold(registration_id: str, actor: str = "sweep") -> None:
    """Free the places of a hold that has ended, but only once Stripe says nobody can pay it.

    Raises StripeUnavailable: then the places stay held, and the next sweep asks again.
    """
    registration, attempt = await in_database(_latest_attempt, registration_id)
    if registration.status != RegistrationStatus.PENDING or _was_renewed(registration):
        return
    if attempt is None or attempt.status not in LIVE:
        await _report(Report(CheckoutExpired(None), actor, registration_id))
        return
    await end_session(registration_id, actor)


async def end_session(registration_id: str, actor: str) -> None:
    """End the session that may still be paid, if there is one, and report what became of it.

    'It can't be expired, it is complete' means that it was paid, and is reported so.
    Raises StripeUnavailable, StripeRefused.
    """
    registration, attempt = await in_database(_latest_attempt, registration_id)
    if attempt is None or attempt.status not in LIVE:
        if registration.cancelling:  # such as when a wrong amount was paid: its session is over
            await _report(Report(CheckoutExpired(None), actor, registration_id))
        return
    session_id = attempt.stripe_id
    if session_id is None:
        # Stripe's answer to opening it was lost: the same key tells which session it was.
        try:
            session = await _ask_stripe(registration, attempt)
        except StripeRefused:
            await in_database(_close, attempt)
            await _report(Report(CheckoutExpired(None), actor, registration_id))
            return
        await in_database(_store, attempt, session)
        session_id = session.id
    await look_at(await stripe_gateway.expire_session(session_id), registration_id, actor)


async def confirm_return(registration_id: str, session_id: str = "") -> None:
    """The buyer came back: read the session from Stripe, whatever the address claims.

    ``session_id`` is only a hint which of the registration's own sessions to read.
    Raises StripeUnavailable, StripeRefused.
    """
    stripe_id = await in_database(_session_to_read, registration_id, session_id)
    if stripe_id:
        session = await stripe_gateway.retrieve_session(stripe_id)
        await look_at(session, registration_id, "return")


async def look_at(session: SessionState, registration_id: str, actor: str) -> None:
    """Report what Stripe says of a session now."""
    if fact := fact_of(session):
        await _report(
            Report(fact, actor, registration_id, session.id, payment=session.payment_intent)
        )


def fact_of(
    session: SessionState,
) -> CheckoutCompleted | CheckoutExpired | DelayedPaymentFailed | None:
    """What Stripe's session means; None while it is open."""
    if session.status == "expired":
        return CheckoutExpired(session.id, session.livemode)
    if session.status != "complete":
        return None
    paid = session.paid or session.intent_status == "succeeded"
    money = (session.id, session.payment_intent, session.amount, session.currency)
    if not paid and session.intent_status in FAILED_INTENTS:
        return DelayedPaymentFailed(*money, session.livemode)
    return CheckoutCompleted(*money, paid=paid, livemode=session.livemode)


async def _report(report: Report) -> None:
    await in_database(services.report, report)


def _attempt(registration_id: str) -> tuple[Registration, CheckoutSession]:
    """The attempt to go on with: the live one, or a new one."""
    with transaction.atomic():
        registration = (
            Registration.objects.select_for_update(of=("self",), no_key=True)
            .select_related("event")
            .prefetch_related("participants")
            .get(pk=registration_id)
        )
        if (
            registration.status != RegistrationStatus.PENDING
            or registration.payment_method != "stripe"
            or registration.cancelling
            or not registration.amount
        ):
            raise NothingToPay
        now = timezone.now()
        last = registration.sessions.order_by("-attempt").first()
        if last and _is_usable(last, now):
            return registration, last
        if last and last.status in LIVE:
            # It is about to end; the sweep frees the places once Stripe agrees.
            raise NothingToPay
        attempt = CheckoutSession.objects.create(
            registration=registration,
            attempt=last.attempt + 1 if last else 1,
            expires_at=now + services.CHECKOUT_HOLD,
        )
        # Whoever begins to pay has time to; but what was promised for longer stays promised.
        registration.hold_expires_at = max(
            attempt.expires_at, registration.hold_expires_at or attempt.expires_at
        )
        registration.save(update_fields=["hold_expires_at", "updated_at"])
        return registration, attempt


def _is_usable(attempt: CheckoutSession, now: datetime) -> bool:
    if attempt.status == SessionStatus.OPENING:
        return True
    return attempt.status == SessionStatus.OPEN and attempt.expires_at - now > WORTH_SHOWING


def _is_left_over(attempt: CheckoutSession) -> bool:
    """Whoever began it died before Stripe had answered, and now it is too late for these times."""
    return attempt.expires_at - timezone.now() < SHORTEST


def _was_renewed(registration: Registration) -> bool:
    """The buyer began to pay after the hold had been found lapsed: it holds again."""
    until = registration.hold_expires_at
    return until is not None and until > timezone.now()


def _session_to_read(registration_id: str, hint: str) -> str | None:
    known = CheckoutSession.objects.filter(registration=registration_id, stripe_id__isnull=False)
    named = known.filter(stripe_id=hint if SESSION_ID.fullmatch(hint) else None)
    latest = known.order_by("-attempt")
    return (named.first() or latest.first() or CheckoutSession()).stripe_id


def _latest_attempt(registration_id: str) -> tuple[Registration, CheckoutSession | None]:
    known = Registration.objects.select_related("event").prefetch_related("participants")
    registration = known.get(pk=registration_id)
    return registration, registration.sessions.order_by("-attempt").first()


def _store(attempt: CheckoutSession, session: SessionState) -> bool:
    """Keep Stripe's answer; False if the attempt has been given up meanwhile."""
    stored = CheckoutSession.objects.filter(pk=attempt.pk, status=SessionStatus.OPENING).update(
        stripe_id=session.id,
        url=session.url or "",
        status=SessionStatus.OPEN,
        expires_at=session.expires_at,
    )
    # Another request with the same key may have stored the same session first.
    return bool(stored) or CheckoutSession.objects.filter(stripe_id=session.id).exists()


def _give_up(attempt: CheckoutSession) -> str | None:
    """Nobody has the session's address, so nobody can pay it: give the places back.

    If another request has opened the session meanwhile, nothing is given up: its address.
    """
    with transaction.atomic():
        locked = Registration.objects.select_for_update(no_key=True)
        locked.get(pk=attempt.registration_id)
        attempt.refresh_from_db()
        if attempt.status == SessionStatus.OPEN:
            return attempt.url
        services.report(
            Report(CheckoutUnavailable(), "checkout", registration=attempt.registration_id)
        )
        _close(attempt)
    return None


def _close(attempt: CheckoutSession) -> None:
    """Nobody has the address of what Stripe may have opened for it."""
    opening = CheckoutSession.objects.filter(pk=attempt.pk, status=SessionStatus.OPENING)
    opening.update(status=SessionStatus.FAILED)


async def _ask_stripe(registration: Registration, attempt: CheckoutSession) -> SessionState:
    return await stripe_gateway.create_session(
        session_params(registration, attempt), attempt.idempotency_key
    )


def session_params(registration: Registration, attempt: CheckoutSession) -> "SessionCreateParams":
    """What is asked of Stripe: fixed prices, and nothing that lets the amount change.

    Repeating an attempt repeats these to the letter, as its idempotency key demands.
    """
    metadata = {"registrationId": registration.pk}
    page = config.current().public_url + registration.get_absolute_url()
    with translation.override(registration.locale):
        items = [
            _line_item(registration, line)
            for line in lines_of(registration, registration.participants.all())
        ]
        description = gettext("Registration %(id)s") % {"id": registration.pk}
    return {
        "mode": "payment",
        "line_items": items,
        "client_reference_id": registration.pk,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": description},
        "customer_email": registration.contact_email,
        "locale": "fr" if registration.locale == "fr" else "en",
        "expires_at": int(attempt.expires_at.timestamp()),
        "success_url": f"{page}&session_id={{CHECKOUT_SESSION_ID}}",
        "cancel_url": page,
        "allow_promotion_codes": False,
        "adaptive_pricing": {"enabled": False},
    }


def _line_item(registration: Registration, line: Line) -> "SessionCreateParamsLineItem":
    title = registration.event.title
    people = ngettext("%(n)d person", "%(n)d people", line.quantity)
    return {
        "quantity": line.quantity,
        "price_data": {
            "currency": registration.currency,
            "unit_amount": line.price,
            "product_data": {
                "name": f"{title} · {line.option}" if line.option else title,
                "description": people % {"n": line.quantity},
            },
        },
    }
