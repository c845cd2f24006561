"""A real payment from end to end, in test mode: registered, paid, confirmed by webhook, refunded.

Its event is a draft, which nobody is shown. At a sandbox the payment page is filled in as a buyer
would. At Stripe no API pays a Checkout session, so a payment with the same metadata is made.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import httpx
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inscrit.config import Config
from inscrit.events.models import Event, EventStatus
from inscrit.jobs import in_database
from inscrit.payments import cancelling, checkout, stripe_gateway
from inscrit.payments.stripe_gateway import StripeRefused, StripeUnavailable
from inscrit.registrations.models import Registration, RegistrationStatus
from inscrit.registrations.services import Contact, Order, Person, hold_places

from .finding import Finding, error, errors, ok, skipped

NAME, SLUG, ACTOR = "canary", "inscrit-canary", "doctor"
PRICE, CURRENCY = 100, "eur"
PATIENCE_SECONDS = 45
CARD = {"payment_method_type": "card", "card_number": "4242424242424242", "cvc": "123"}


class NotPaid(Exception):
    """The payment was not taken; the message says why."""


async def look(settings: Config, before: Sequence[Finding]) -> Finding:
    """Only in test mode, and only where nothing is known to be wrong already."""
    if settings.livemode is not False:
        what = _("A test payment is made in test mode only; this key is not a test key.")
        return error(NAME, what, _("Rehearse with sk_test_… on an installation of its own."))
    if settings.organiser_email is None:
        what = _("A test payment’s mails go to ORGANISER_EMAIL, which is not set.")
        return error(NAME, what, _("Set ORGANISER_EMAIL to an address that is read."))
    if errors(before):
        return skipped(NAME, _("First what is wrong: a test payment would not arrive."))
    return await _rehearse(settings)


async def _rehearse(settings: Config) -> Finding:
    began = time.monotonic()
    registration = await in_database(_register, settings)
    try:
        await _pay(settings, registration)
        if not await _becomes(registration, RegistrationStatus.PAID):
            what = _("The test payment %(id)s was made, but no webhook confirmed it.")
            mend = _(
                "The web side’s log refuses signatures? Then STRIPE_WEBHOOK_SECRET is another"
                " endpoint’s. Else follow the payment there: docs/how-to/read-the-log.md"
            )
            return error(NAME, what % {"id": registration.pk}, mend)
        seconds = round(time.monotonic() - began, 1)
    except (StripeUnavailable, StripeRefused, checkout.CheckoutNotOpened, NotPaid) as problem:
        what = _("The test payment could not be made: %(why)s")
        why = str(problem) or str(problem.__cause__ or type(problem).__name__)
        return error(NAME, what % {"why": why}, _("Look at what Stripe says of the key."))
    finally:
        await cancelling.cancel(registration.pk, refund=True, actor=ACTOR)
    if not await _becomes(registration, RegistrationStatus.REFUNDED):
        what = _("The test payment was confirmed, but its refund has not come.")
        return error(NAME, what, _("The worker sends refunds: read its log."))
    what = _("A test payment was confirmed after %(n)s seconds, and refunded (%(id)s).")
    return ok(NAME, what % {"n": seconds, "id": registration.pk})


@transaction.atomic
def _register(settings: Config) -> Registration:
    """The event is published within this transaction only: nobody ever sees it so."""
    now = timezone.now()
    event, _made = Event.objects.update_or_create(
        slug=SLUG,
        defaults={
            "title": "Canary",
            "starts_at": now + timedelta(days=1),
            "ends_at": now + timedelta(days=1),
            "price": PRICE,
            "currency": CURRENCY,
            "status": EventStatus.PUBLISHED,
        },
    )
    contact = Contact("Canary", settings.organiser_email or "", settings.language_code)
    made = hold_places(Order(event.pk, contact, [Person("Canary", "Test")]), actor=ACTOR)
    Event.objects.filter(pk=event.pk).update(status=EventStatus.DRAFT)
    return made


async def _pay(settings: Config, registration: Registration) -> None:
    """Raises StripeUnavailable, StripeRefused, CheckoutNotOpened, NotPaid."""
    if settings.stripe_api_base is None:
        await stripe_gateway.pay_as_a_rehearsal(registration.pk, PRICE, CURRENCY)
        return
    url = await checkout.open_checkout(registration.pk)
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    form = {**CARD, "email": registration.contact_email, "name": "Canary", "exp": "12 / 34"}
    try:
        async with httpx.AsyncClient(timeout=20, headers={"origin": origin}) as browser:
            answer = await browser.post(url, data=form)
    except httpx.HTTPError as problem:
        raise NotPaid(type(problem).__name__) from None
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise NotPaid(f"{origin}: {answer.status_code}")


async def _becomes(registration: Registration, status: RegistrationStatus) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if await in_database(_status, registration.pk) == status:
            return True
        await asyncio.sleep(0.2)
    return False


def _status(registration_id: str) -> str:
    return Registration.objects.values_list("status", flat=True).get(pk=registration_id)
