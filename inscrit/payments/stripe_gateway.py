"""The only place that calls Stripe's API, through the official library.

``StripeClient`` makes one attempt unless told otherwise and waits 80 seconds by default: both are
set here. The API version is the one the library is made for. Telemetry is off.

What somebody waits for is asked at once. Whatever looks through many objects is in no hurry: it
makes one call at a time, at a pace that leaves Stripe's limits to the buyers.
"""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast
from weakref import WeakKeyDictionary

from inscrit import config
from inscrit.registrations.lifecycle import REFUND_STATES, RefundStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from stripe import (
        Account,
        Dispute,
        Event,
        ListObject,
        PaymentIntent,
        Refund,
        RequestOptions,
        StripeClient,
        StripeObject,
        WebhookEndpoint,
    )
    from stripe.checkout import Session
    from stripe.params import (
        EventListParams,
        WebhookEndpointCreateParams,
        WebhookEndpointUpdateParams,
    )
    from stripe.params.checkout import SessionCreateParams

T = TypeVar("T")
S = TypeVar("S")
L = TypeVar("L", bound="StripeObject")

TIMEOUT = 10.0
ATTEMPTS_AGAIN = 2
# The library never repeats a call that was one too many (429).
BUSY_PAUSES = (0.3, 0.8, 2.0)
# Stripe takes 25 calls a second for each endpoint: https://docs.stripe.com/rate-limits
PACE_SECONDS = 0.1
UNHURRIED_PAUSES = (*BUSY_PAUSES, 5.0, 10.0, 20.0)
PAGE = 100
NOT_FOUND = 404
PAID = frozenset({"paid", "no_payment_required"})

_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, StripeClient]" = WeakKeyDictionary()


class StripeUnavailable(Exception):
    """Stripe gave no answer that settles the matter; the same call may be tried again."""


class StripeBusy(StripeUnavailable):
    """Too many calls at once, or another call has the same key in hand: worth a moment's wait."""


class StripeRefused(Exception):
    """Stripe said no; the same call will be refused again.

    ``code`` is Stripe's own, ``clock`` the moment by its clock, where it told.
    """

    def __init__(self, message: str, code: str | None, clock: datetime | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.clock = clock


class StripeUnknown(StripeRefused):
    """Stripe has no such object, or not in the mode of our key."""


@dataclass(frozen=True, slots=True)
class SessionState:
    """A Checkout session as Stripe has it now. Amounts in minor units, times in UTC.

    ``registration`` is the one it names. ``intent_status`` is its payment's, where it was asked
    for: a session whose delayed payment failed stays complete and unpaid.
    """

    id: str
    status: str
    paid: bool
    url: str | None
    payment_intent: str | None
    amount: int
    currency: str
    livemode: bool
    expires_at: datetime
    registration: str | None = None
    intent_status: str | None = None


@dataclass(frozen=True, slots=True)
class IntentState:
    """A PaymentIntent as Stripe has it now; ``amount`` is what was received, in minor units."""

    id: str
    status: str
    amount: int
    currency: str
    livemode: bool
    registration: str | None


@dataclass(frozen=True, slots=True)
class RefundState:
    """A refund as Stripe has it. ``number`` is our own of it, None if it was not ordered by us."""

    id: str
    payment_intent: str
    amount: int
    status: RefundStatus
    number: int | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class DisputeState:
    """A dispute as Stripe has it; ``status`` in Stripe's words."""

    id: str
    payment_intent: str
    amount: int
    status: str


@dataclass(frozen=True, slots=True)
class AccountState:
    """Whose account our key opens. ``clock`` is Stripe's at the moment of its answer."""

    id: str
    name: str
    charges_enabled: bool
    clock: datetime | None


@dataclass(frozen=True, slots=True)
class EndpointState:
    """Where Stripe sends its events, and which; ``api_version`` None is the account's own."""

    id: str
    url: str
    enabled: bool
    events: frozenset[str]
    api_version: str | None
    livemode: bool


async def create_session(params: "SessionCreateParams", idempotency_key: str) -> SessionState:
    """Open a Checkout session. The same key with the same parameters opens no second one.

    https://docs.stripe.com/api/checkout/sessions/create
    Raises StripeUnavailable, StripeRefused.
    """
    options: RequestOptions = {"idempotency_key": idempotency_key}
    return _session(
        await _call(lambda client: client.v1.checkout.sessions.create_async(params, options))
    )


async def retrieve_session(session_id: str) -> SessionState:
    """https://docs.stripe.com/api/checkout/sessions/retrieve"""
    return _session(
        await _call(lambda client: client.v1.checkout.sessions.retrieve_async(session_id))
    )


async def expire_session(session_id: str) -> SessionState:
    """End an open session, so that nobody can pay it any more; returns its final state.

    Only open sessions can be expired: for any other, Stripe's refusal is followed by a look at
    what it is. https://docs.stripe.com/api/checkout/sessions/expire
    """
    try:
        return _session(
            await _call(lambda client: client.v1.checkout.sessions.expire_async(session_id))
        )
    except StripeRefused:
        return await retrieve_session(session_id)


async def create_refund(
    payment_intent: str, amount: int, *, number: int, idempotency_key: str
) -> RefundState:
    """Return ``amount`` minor units of a payment. https://docs.stripe.com/api/refunds/create

    ``number`` is our own of the refund: it goes with it, so that its events find their way back.
    """
    return _refund(
        await _call(
            lambda client: client.v1.refunds.create_async(
                {
                    "payment_intent": payment_intent,
                    "amount": amount,
                    "metadata": {"refundNumber": str(number)},
                },
                {"idempotency_key": idempotency_key},
            )
        )
    )


async def refunds_of(payment_intent: str) -> list[RefundState]:
    """All refunds of a payment. https://docs.stripe.com/api/refunds/list"""
    return [
        _refund(refund)
        async for page in _pages(
            lambda client: client.v1.refunds.list_async(
                {"payment_intent": payment_intent, "limit": PAGE}
            )
        )
        for refund in page
    ]


async def sessions(since: datetime) -> "AsyncIterator[list[SessionState]]":
    """Pages of the Checkout sessions opened since then, the newest first.

    https://docs.stripe.com/api/checkout/sessions/list
    """
    async for page in _pages(
        lambda client: client.v1.checkout.sessions.list_async(
            {"created": {"gte": _seconds(since)}, "limit": PAGE, "expand": ["data.payment_intent"]}
        )
    ):
        yield [_session(session) for session in page]


async def payment_intents(since: datetime) -> "AsyncIterator[list[IntentState]]":
    """Pages of the PaymentIntents made since then, the newest first.

    https://docs.stripe.com/api/payment_intents/list
    """
    async for page in _pages(
        lambda client: client.v1.payment_intents.list_async(
            {"created": {"gte": _seconds(since)}, "limit": PAGE}
        )
    ):
        yield [_intent(intent) for intent in page]


async def refunds(since: datetime) -> "AsyncIterator[list[RefundState]]":
    """Pages of the refunds made since then, the newest first."""
    async for page in _pages(
        lambda client: client.v1.refunds.list_async(
            {"created": {"gte": _seconds(since)}, "limit": PAGE}
        )
    ):
        yield [_refund(refund) for refund in page]


async def disputes(since: datetime) -> "AsyncIterator[list[DisputeState]]":
    """Pages of the disputes opened since then, the newest first.

    https://docs.stripe.com/api/disputes/list
    """
    async for page in _pages(
        lambda client: client.v1.disputes.list_async(
            {"created": {"gte": _seconds(since)}, "limit": PAGE}
        )
    ):
        yield [_dispute(dispute) for dispute in page]


async def undelivered_events(since: datetime, types: "Sequence[str]") -> "AsyncIterator[list[str]]":
    """Pages of the events since then that some endpoint has not taken, as JSON, the oldest first.

    At most 20 types, and 30 days back. Stripe goes from old to new only from an event that is
    named: where there are several pages, the oldest one is looked for first.
    https://docs.stripe.com/webhooks/process-undelivered-events
    """
    wanted: EventListParams = {
        "created": {"gte": _seconds(since)},
        "delivery_success": False,
        "types": list(types),
        "limit": PAGE,
    }
    pages = 0
    last: list[Event] = []
    async for page in _pages(lambda client: client.v1.events.list_async(wanted)):
        pages, last = pages + 1, page or last
    if pages == 1:
        yield [_body(event) for event in reversed(last)]
        return
    yield [_body(last[-1])]
    newer: EventListParams = {**wanted, "ending_before": last[-1].id}
    async for page in _pages(lambda client: client.v1.events.list_async(newer), ascending=True):
        yield [_body(event) for event in reversed(page)]


async def find_session(session_id: str) -> SessionState | None:
    """A session with its payment's status; None if Stripe knows none."""
    return await _found(
        lambda client: client.v1.checkout.sessions.retrieve_async(
            session_id, {"expand": ["payment_intent"]}
        ),
        _session,
    )


async def session_of(payment_intent: str) -> SessionState | None:
    """The session that a payment was made in, with the payment's status; None if in none."""
    found = await _found(
        lambda client: client.v1.checkout.sessions.list_async(
            {"payment_intent": payment_intent, "limit": 1, "expand": ["data.payment_intent"]}
        ),
        lambda page: page.data,
    )
    return next(map(_session, found or []), None)


async def find_payment_intent(payment_intent: str) -> IntentState | None:
    """https://docs.stripe.com/api/payment_intents/retrieve"""
    return await _found(
        lambda client: client.v1.payment_intents.retrieve_async(payment_intent), _intent
    )


async def find_refund(refund_id: str) -> RefundState | None:
    """https://docs.stripe.com/api/refunds/retrieve"""
    return await _found(lambda client: client.v1.refunds.retrieve_async(refund_id), _refund)


async def find_dispute(dispute_id: str) -> DisputeState | None:
    """https://docs.stripe.com/api/disputes/retrieve"""
    return await _found(lambda client: client.v1.disputes.retrieve_async(dispute_id), _dispute)


def api_version() -> str:
    """The version of Stripe's API that the library is made for, and we with it."""
    import stripe

    return stripe.api_version


async def account() -> AccountState:
    """https://docs.stripe.com/api/accounts/retrieve"""
    return _account(await _call(lambda client: client.v1.accounts.retrieve_current_async()))


async def endpoints() -> list[EndpointState]:
    """All webhook endpoints of our key's mode. https://docs.stripe.com/api/webhook_endpoints/list"""
    return [
        _endpoint(endpoint)
        async for page in _pages(
            lambda client: client.v1.webhook_endpoints.list_async({"limit": PAGE})
        )
        for endpoint in page
    ]


async def create_endpoint(url: str, events: "Sequence[str]") -> tuple[EndpointState, str]:
    """A new endpoint of our API version, with its signing secret: Stripe tells it only now.

    https://docs.stripe.com/api/webhook_endpoints/create
    """
    wanted = cast(
        "WebhookEndpointCreateParams",
        {
            "url": url,
            "enabled_events": list(events),
            "api_version": api_version(),
            "description": "Inscrit",
        },
    )
    made = await _call(lambda client: client.v1.webhook_endpoints.create_async(wanted))
    return _endpoint(made), made.secret or ""


async def change_endpoint(
    endpoint_id: str, *, enabled: bool, events: "Sequence[str]" = ()
) -> EndpointState:
    """Switch an endpoint on or off, and give it these events if there are any.

    https://docs.stripe.com/api/webhook_endpoints/update
    """
    said: dict[str, object] = {"disabled": not enabled}
    if events:
        said["enabled_events"] = list(events)
    wanted = cast("WebhookEndpointUpdateParams", said)
    return _endpoint(
        await _call(lambda client: client.v1.webhook_endpoints.update_async(endpoint_id, wanted))
    )


async def pay_as_a_rehearsal(registration_id: str, amount: int, currency: str) -> IntentState:
    """Make a payment with Stripe's own test card, as if through a Checkout session.

    No API pays a Checkout session; its payment carries the same metadata and confirms as well.
    A live key is refused by Stripe for this card. https://docs.stripe.com/testing
    """
    metadata = {"registrationId": registration_id}
    return _intent(
        await _call(
            lambda client: client.v1.payment_intents.create_async(
                {
                    "amount": amount,
                    "currency": currency,
                    "payment_method": "pm_card_visa",
                    "allowed_payment_method_types": ["card"],
                    "confirm": True,
                    "metadata": metadata,
                    "description": "inscrit doctor --canary",
                },
                {"idempotency_key": f"canary-{registration_id}"},
            )
        )
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


async def _call(
    call: "Callable[[StripeClient], Awaitable[T]]", pauses: "Sequence[float]" = BUSY_PAUSES
) -> T:
    """Stripe's answer; a call that was one too many is repeated after a moment."""
    for pause in pauses:
        try:
            async with _calling() as client:
                return await call(client)
        except StripeBusy:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads calls
    async with _calling() as client:
        return await call(client)


async def breathe() -> None:
    """Between two calls of whatever is in no hurry."""
    await asyncio.sleep(PACE_SECONDS)


async def _unhurried(call: "Callable[[StripeClient], Awaitable[T]]") -> T:
    await breathe()
    return await _call(call, UNHURRIED_PAUSES)


async def _found(
    call: "Callable[[StripeClient], Awaitable[T]]", read: Callable[[T], S]
) -> S | None:
    try:
        return read(await _unhurried(call))
    except StripeUnknown:
        return None


async def _pages(
    first: "Callable[[StripeClient], Awaitable[ListObject[L]]]", *, ascending: bool = False
) -> "AsyncIterator[list[L]]":
    """Page after page, one call at a time; ``ascending`` for a list with ``ending_before``."""
    page = await _unhurried(first)
    while True:
        yield page.data
        if not page.has_more or not page.data:
            return
        onwards = page.previous_page_async if ascending else page.next_page_async
        page = await _unhurried(lambda _client, go=onwards: go())  # type: ignore[misc]


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
        if error.http_status == NOT_FOUND or error.code == "resource_missing":
            raise StripeUnknown(error.user_message or "no such object", error.code) from error
        said = error.user_message or type(error).__name__
        raise StripeRefused(said, error.code, _clock(error.headers or {})) from error


def _session(session: "Session") -> SessionState:
    intent = session.payment_intent
    return SessionState(
        id=session.id,
        status=session.status or "open",
        paid=session.payment_status in PAID,
        url=session.url,
        payment_intent=_id(intent),
        amount=session.amount_total or 0,
        currency=session.currency or "",
        livemode=session.livemode,
        expires_at=datetime.fromtimestamp(session.expires_at, UTC),
        registration=_tag(session) or session.client_reference_id,
        intent_status=None if intent is None or isinstance(intent, str) else intent.status,
    )


def _intent(intent: "PaymentIntent") -> IntentState:
    return IntentState(
        id=intent.id,
        status=intent.status,
        amount=intent.amount_received,
        currency=intent.currency,
        livemode=intent.livemode,
        registration=_tag(intent),
    )


def _refund(refund: "Refund") -> RefundState:
    number = _metadata(refund).get("refundNumber", "")
    return RefundState(
        id=refund.id,
        payment_intent=_id(refund.payment_intent) or "",
        amount=refund.amount,
        status=REFUND_STATES.get(refund.status or "", RefundStatus.PENDING),
        number=int(number) if number.isascii() and number.isdigit() else None,
        failure=getattr(refund, "failure_reason", None),
    )


def _dispute(dispute: "Dispute") -> DisputeState:
    return DisputeState(
        dispute.id, _id(dispute.payment_intent) or "", dispute.amount, dispute.status
    )


def _account(account: "Account") -> AccountState:
    profile = getattr(account, "business_profile", None)
    response = account.last_response
    return AccountState(
        id=account.id,
        name=getattr(profile, "name", None) or "",
        charges_enabled=bool(getattr(account, "charges_enabled", True)),
        clock=_clock(response.headers) if response else None,
    )


def _clock(headers: Mapping[str, str]) -> datetime | None:
    """When Stripe answered, by its own clock."""
    try:
        return parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return None


def _endpoint(endpoint: "WebhookEndpoint") -> EndpointState:
    return EndpointState(
        id=endpoint.id,
        url=endpoint.url,
        enabled=endpoint.status == "enabled",
        events=frozenset(endpoint.enabled_events),
        api_version=endpoint.api_version,
        livemode=endpoint.livemode,
    )


def _body(event: "Event") -> str:
    return json.dumps(event.to_dict(for_json=True), ensure_ascii=False)


def _id(intent: "str | PaymentIntent | None") -> str | None:
    return intent if intent is None or isinstance(intent, str) else intent.id


def _metadata(tagged: "Session | PaymentIntent | Refund") -> dict[str, str]:
    return tagged.metadata.to_dict() if tagged.metadata else {}


def _tag(tagged: "Session | PaymentIntent") -> str | None:
    return _metadata(tagged).get("registrationId") or None


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
