"""The only place that calls Stripe's API, through the official library.

``StripeClient`` makes one attempt unless told otherwise and waits 80 seconds by default: both are
set here. The API version is the one the library is made for. Telemetry is off.
"""

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from inscrit import config
from inscrit.registrations.lifecycle import REFUND_STATES, RefundStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stripe import Refund, StripeClient
    from stripe.checkout import Session
    from stripe.params.checkout import SessionCreateParams

TIMEOUT = 10.0
ATTEMPTS_AGAIN = 2
# The library never repeats a call that was one too many (429).
BUSY_PAUSES = (0.3, 0.8, 2.0)
PAID = frozenset({"paid", "no_payment_required"})

_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, StripeClient]" = WeakKeyDictionary()


class StripeUnavailable(Exception):
    """Stripe gave no answer that settles the matter; the same call may be tried again."""


class StripeBusy(StripeUnavailable):
    """Too many calls at once, or another call has the same key in hand: worth a moment's wait."""


class StripeRefused(Exception):
    """Stripe said no; the same call will be refused again. ``code`` is Stripe's own."""

    def __init__(self, message: str, code: str | None) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class SessionState:
    """A Checkout session as Stripe has it now. Amounts in minor units, times in UTC."""

    id: str
    status: str
    paid: bool
    url: str | None
    payment_intent: str | None
    amount: int
    currency: str
    livemode: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund as Stripe has it. ``number`` is our own of it, None if it was not ordered by us."""

    id: str
    payment_intent: str
    amount: int
    status: RefundStatus
    number: int | None
    failure: str | None


async def create_session(params: "SessionCreateParams", idempotency_key: str) -> SessionState:
    """Open a Checkout session. The same key with the same parameters opens no second one.

    https://docs.stripe.com/api/checkout/sessions/create
    Raises StripeUnavailable, StripeRefused.
    """
    for pause in BUSY_PAUSES:
        try:
            return await _create_session(params, idempotency_key)
        except StripeBusy:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads calls
    return await _create_session(params, idempotency_key)


async def _create_session(params: "SessionCreateParams", idempotency_key: str) -> SessionState:
    async with _calling() as client:
        session = await client.v1.checkout.sessions.create_async(
            params, {"idempotency_key": idempotency_key}
        )
    return _session(session)


async def retrieve_session(session_id: str) -> SessionState:
    """https://docs.stripe.com/api/checkout/sessions/retrieve"""
    async with _calling() as client:
        session = await client.v1.checkout.sessions.retrieve_async(session_id)
    return _session(session)


async def expire_session(session_id: str) -> SessionState:
    """End an open session, so that nobody can pay it any more; returns its final state.

    Only open sessions can be expired: for any other, Stripe's refusal is followed by a look at
    what it is. https://docs.stripe.com/api/checkout/sessions/expire
    """
    try:
        async with _calling() as client:
            return _session(await client.v1.checkout.sessions.expire_async(session_id))
    except StripeRefused:
        return await retrieve_session(session_id)


async def create_refund(
    payment_intent: str, amount: int, *, number: int, idempotency_key: str
) -> RefundState:
    """Return ``amount`` minor units of a payment. https://docs.stripe.com/api/refunds/create

    ``number`` is our own of the refund: it goes with it, so that its events find their way back.
    """
    async with _calling() as client:
        refund = await client.v1.refunds.create_async(
            {
                "payment_intent": payment_intent,
                "amount": amount,
                "metadata": {"refundNumber": str(number)},
            },
            {"idempotency_key": idempotency_key},
        )
    return _refund(refund)


async def refunds_of(payment_intent: str) -> list[RefundState]:
    """All refunds of a payment. https://docs.stripe.com/api/refunds/list"""
    async with _calling() as client:
        found = await client.v1.refunds.list_async({"payment_intent": payment_intent, "limit": 100})
        return [_refund(refund) async for refund in found.auto_paging_iter()]


def _refund(refund: "Refund") -> RefundState:
    intent = refund.payment_intent
    payment = intent if isinstance(intent, str) else intent.id if intent else ""
    number = (refund.metadata.to_dict() if refund.metadata else {}).get("refundNumber", "")
    return RefundState(
        id=refund.id,
        payment_intent=payment,
        amount=refund.amount,
        status=REFUND_STATES.get(refund.status or "", RefundStatus.PENDING),
        number=int(number) if number.isascii() and number.isdigit() else None,
        failure=getattr(refund, "failure_reason", None),
    )


@cache
def _library() -> None:
    import stripe

    stripe.enable_telemetry = False


def _client() -> "StripeClient":
    """This event loop's client: connections can't be shared between loops."""
    import stripe

    settings = config.current()
    if settings.stripe_secret_key is None:
        raise StripeRefused("STRIPE_SECRET_KEY is not set", "api_key_missing")
    _library()
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = stripe.StripeClient(
            settings.stripe_secret_key,
            max_network_retries=ATTEMPTS_AGAIN,
            base_addresses={"api": settings.stripe_api_base} if settings.stripe_api_base else {},
            http_client=stripe.HTTPXClient(timeout=TIMEOUT),
        )
    return _clients[loop]


@asynccontextmanager
async def _calling() -> "AsyncIterator[StripeClient]":
    """Stripe's many errors as the two that matter: worth another try, or not."""
    import stripe

    try:
        yield _client()
    except stripe.RateLimitError as error:
        raise StripeBusy(type(error).__name__) from error
    except stripe.APIConnectionError as error:
        raise StripeUnavailable(type(error).__name__) from error
    except stripe.StripeError as error:
        if error.http_status == 409:
            raise StripeBusy(type(error).__name__) from error
        if error.http_status is None or error.http_status >= 500:
            raise StripeUnavailable(type(error).__name__) from error
        raise StripeRefused(error.user_message or type(error).__name__, error.code) from error


def _session(session: "Session") -> SessionState:
    intent = session.payment_intent
    return SessionState(
        id=session.id,
        status=session.status or "open",
        paid=session.payment_status in PAID,
        url=session.url,
        payment_intent=intent if intent is None or isinstance(intent, str) else intent.id,
        amount=session.amount_total or 0,
        currency=session.currency or "",
        livemode=session.livemode,
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
    )
