"""``/registrations``: who has a place, and what happened to it."""

from collections.abc import Collection
from typing import Annotated, Any

from django.utils import timezone
from ninja import Header, Query, Router
from ninja.responses import Status
from pydantic import StringConstraints

from inscrit.jobs import in_database
from inscrit.payments import cancelling, checkout, offers
from inscrit.payments.stripe_gateway import StripeRefused
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    Fact,
    MarkedPaid,
    Outcome,
    Reason,
    RefundRequested,
    ReviewResolved,
)
from inscrit.registrations.models import IdempotencyKey, PaymentMethod, Registration

from . import problems
from .access import (
    EVERYBODY_ON_THE_STAFF,
    WHO_HANDLES_REGISTRATIONS,
    Caller,
    Request,
    anybody,
    check_token,
    secretaries,
)
from .models import Role
from .orders import objections
from .problems import Problem
from .schemas import (
    OfferIn,
    RefundIn,
    RegistrationCreated,
    RegistrationIn,
    RegistrationOut,
    ReviewIn,
    refusals,
)

router = Router(tags=["registrations"])
ANYBODY: dict[str, Any] = {"security": [{}]}
IdempotencyHeader = Annotated[
    str | None,
    StringConstraints(min_length=1, max_length=255),
    Header(
        None,
        alias="Idempotency-Key",
        description="Any text of your own. For 24 hours the same key with the same body gives "
        "the registration that it gave the first time. Each API key has its own.",
    ),
]
TokenQuery = Annotated[
    str | None, Query(None, description="The `token` that creating the registration answered.")
]
WHY_NOT = {
    Reason.NOTHING_TO_REFUND: "There is no payment of which so much can be returned.",
    Reason.NOT_PAID_BY_CHEQUE: "What is paid online is not marked paid by hand.",
    Reason.NO_PLACE_LEFT: "Its places were freed, and none is left.",
    Reason.NOTHING_TO_REVIEW: "There is nothing to look at.",
    Reason.NOTHING_TO_ACCEPT: "There is no money that could be accepted for it.",
    Reason.NOTHING_TO_CHANGE: "In its present state it can't be marked paid.",
}


@router.post(
    "/events/{slug:event_id}/registrations",
    auth=anybody,
    response={201: RegistrationCreated, **refusals(404, 409, 422, 502, 503)},
    openapi_extra=ANYBODY,
)
async def create_registration(
    request: Request,
    event_id: str,
    body: RegistrationIn,
    idempotency_key: IdempotencyHeader = None,
) -> Status[RegistrationCreated]:
    """Hold places and open Stripe's checkout page; send the buyer to `checkout_url`.

    It is null where nothing is to be paid online: what is free is confirmed at once, a cheque,
    cash or a transfer is marked paid when it has come.

    Where the event has `options`, `questions` or `consents`, what is missing or not offered is a
    `422` with the way to each field, such as `participants.0.option`.

    `409 sold_out` with `remaining` and the address of the `waiting_list`, and with `option` if it
    is that price that is full · `409 sales_closed` · `422 idempotency_key_reused`: this key came
    with another body before · `502` or `503 checkout_unavailable`: Stripe could not open the page,
    and the places were given back.
    """
    order = body.order(event_id, request.auth.own(idempotency_key))
    held = await in_database(_hold, order, request.auth.actor)
    checkout_url = await _checkout_url(held)
    registration = await in_database(Registration.objects.get, pk=held.pk)
    return Status(201, RegistrationCreated.of(registration, checkout_url))


@router.post(
    "/registrations/{slug:registration_id}/take-offer",
    auth=anybody,
    response={200: RegistrationCreated, **refusals(401, 403, 404, 409, 422, 502, 503)},
    openapi_extra=ANYBODY,
)
async def take_offer(
    request: Request,
    registration_id: str,
    body: OfferIn | None = None,
    token: TokenQuery = None,
) -> RegistrationCreated:
    """Take the places offered from the waiting list; with the registration's token or a key.

    Send the buyer to `checkout_url`. It is null where nothing is to be paid online: what is free is
    confirmed, and what is paid by hand is held until `hold_expires_at`.

    `409 no_offer`: it was taken or has lapsed, or there never was one · `502` or `503
    checkout_unavailable`: Stripe could not open the page, or not close the one that was opened
    before; the offer still stands.
    """
    _permit(request.auth, registration_id, token, WHO_HANDLES_REGISTRATIONS)
    method = body.payment_method if body else None
    checkout_url = await _taken(registration_id, method, request.auth.actor)
    registration = await in_database(Registration.objects.get, pk=registration_id)
    return RegistrationCreated.of(registration, checkout_url)


@router.get(
    "/registrations/{slug:registration_id}",
    auth=anybody,
    response={200: RegistrationOut, **refusals(401, 403, 404)},
    openapi_extra=ANYBODY,
)
def get_registration(
    request: Request, registration_id: str, token: TokenQuery = None
) -> RegistrationOut:
    """A registration and everything that happened to it; with its token or a key."""
    _permit(request.auth, registration_id, token, EVERYBODY_ON_THE_STAFF)
    return _shown(registration_id, request.auth)


@router.post(
    "/registrations/{slug:registration_id}/cancel",
    auth=anybody,
    response={200: RegistrationOut, **refusals(401, 403, 404, 409)},
    openapi_extra=ANYBODY,
)
async def cancel_registration(
    request: Request, registration_id: str, token: TokenQuery = None
) -> RegistrationOut:
    """Give the places back; with the registration's token or a key.

    The staff's cancelling refunds what was paid. A registrant's does so until the event's
    `refund_until`; after it a person decides. Cancelling twice changes nothing.

    A Checkout session that is still open is ended at Stripe first; while Stripe does not answer,
    `cancelling` is true. Was it paid at the last moment, then the money goes back with the staff's
    cancelling and before `refund_until`; else the registration is paid, and stays so.

    `409 event_begun`: once the event has begun only the staff cancels.
    """
    _permit(request.auth, registration_id, token, WHO_HANDLES_REGISTRATIONS)
    refund = await in_database(_refund_is_due, registration_id, request.auth)
    await cancelling.cancel(registration_id, refund=refund, actor=request.auth.actor)
    return await in_database(_shown, registration_id, request.auth)


@router.post(
    "/registrations/{slug:registration_id}/refund",
    auth=secretaries,
    response={200: RegistrationOut, **refusals(401, 403, 404, 409, 422)},
)
def refund_registration(
    request: Request,
    registration_id: str,
    body: RefundIn | None = None,
    idempotency_key: IdempotencyHeader = None,
) -> RegistrationOut:
    """Order all of the money back, or `amount` of it. `amount_refunded` moves once Stripe did it.

    With an `Idempotency-Key` the same request orders it once.
    `409 nothing_to_refund`: it was not paid through Stripe, or so much is not left of it.
    """
    fact = RefundRequested(body.amount if body else None)
    return _reported(request, registration_id, fact, key=request.auth.own(idempotency_key))


@router.post(
    "/registrations/{slug:registration_id}/mark-paid",
    auth=secretaries,
    response={200: RegistrationOut, **refusals(401, 403, 404, 409)},
)
def mark_registration_paid(request: Request, registration_id: str) -> RegistrationOut:
    """The cheque, the cash or the transfer has come: confirm the registration.

    `409` `not_paid_by_cheque`, `no_place_left` or `nothing_to_change`.
    """
    return _reported(request, registration_id, MarkedPaid())


@router.post(
    "/registrations/{slug:registration_id}/review",
    auth=secretaries,
    response={200: RegistrationOut, **refusals(401, 403, 404, 409, 422)},
)
def review_registration(request: Request, registration_id: str, body: ReviewIn) -> RegistrationOut:
    """Decide on what was flagged: `review` says why a person has to look.

    `409` `nothing_to_review`, `nothing_to_accept`, `no_place_left` or `nothing_to_refund`.
    """
    return _reported(request, registration_id, ReviewResolved(body.resolution))


def _permit(
    caller: Caller, registration_id: str, token: str | None, roles: Collection[Role]
) -> None:
    if caller.is_staff:
        caller.must_be_one_of(roles)
    else:
        check_token(registration_id, token)


def _hold(order: services.Order, actor: str) -> Registration:
    try:
        with objections():
            return services.hold_places(order, actor=actor)
    except services.SoldOut as sold_out:
        raise _sold_out(sold_out, order.event_id) from None
    except services.KeyReused:
        raise _key_reused() from None


def _sold_out(error: services.SoldOut, event_id: str) -> Problem:
    line = f"/api/v1/events/{event_id}/waiting-list"
    left, option = error.remaining, error.option
    more: dict[str, Any] = {"remaining": left, "waiting_list": line}
    at = ""
    if option is not None:
        more["option"] = {"id": option.pk, "name": option.name}
        at = f" at the price {option.name}"
    detail = f"Not enough places are left{at}: {left}. To join the waiting list: POST {line}"
    return Problem(409, "sold_out", detail, **more)


def _key_reused() -> Problem:
    detail = "This Idempotency-Key came with another request before."
    return Problem(422, "idempotency_key_reused", detail)


async def _checkout_url(registration: Registration) -> str | None:
    try:
        return await checkout.open_checkout(registration.pk)
    except checkout.NothingToPay:
        return None
    except checkout.CheckoutNotOpened as error:
        # The places were given back: the caller's next try, with the same key, is a new one.
        await in_database(_forget_keys, registration)
        raise _checkout_unavailable(error, "the places were given back") from error


async def _taken(registration_id: str, method: PaymentMethod | None, actor: str) -> str | None:
    try:
        with objections():
            return await offers.take(registration_id, method, actor=actor)
    except Registration.DoesNotExist:
        raise problems.not_found("registration") from None
    except (offers.NoOffer, checkout.NothingToPay):
        raise Problem(409, "no_offer", "There is no offer that could be taken now.") from None
    except offers.StillOpen as error:
        detail = "Stripe could not close the checkout page that was opened before."
        raise Problem(503, "checkout_unavailable", detail, headers={"Retry-After": "5"}) from error
    except checkout.CheckoutNotOpened as error:
        raise _checkout_unavailable(error, "the offer still stands") from error


def _forget_keys(registration: Registration) -> None:
    IdempotencyKey.objects.filter(registration=registration).delete()


def _checkout_unavailable(error: checkout.CheckoutNotOpened, so: str) -> Problem:
    """502 if Stripe refused, 503 if it may answer the next time."""
    detail = f"Stripe could not open the checkout page; {so}."
    if isinstance(error.__cause__, StripeRefused):
        return Problem(502, "checkout_unavailable", detail)
    return Problem(503, "checkout_unavailable", detail, headers={"Retry-After": "5"})


def _refund_is_due(registration_id: str, caller: Caller) -> bool:
    """Whether cancelling gives the money back: for the staff always, else by the event's policy.

    Raises Problem where a registrant can't cancel any more.
    """
    registration, now = _found(registration_id), timezone.now()
    if caller.is_staff:
        return True
    if registration.has_places_to_give_back and now >= registration.event.starts_at:
        detail = "The event has begun: only the organisers can cancel now."
        raise Problem(409, "event_begun", detail)
    return registration.event.gives_money_back(now)


def _reported(
    request: Request, registration_id: str, fact: Fact, *, key: str | None = None
) -> RegistrationOut:
    report = Report(fact, request.auth.actor, registration_id)
    try:
        entry = services.report_once(key, registration_id, report)
    except Registration.DoesNotExist:
        raise problems.not_found("registration") from None
    except services.KeyReused:
        raise _key_reused() from None
    if entry is not None and entry.decision.outcome is Outcome.REJECTED:
        reason = entry.decision.reason
        raise Problem(409, reason, WHY_NOT.get(reason, "This can't be done now."))
    return _shown(registration_id, request.auth)


def _shown(registration_id: str, caller: Caller) -> RegistrationOut:
    return RegistrationOut.of(_found(registration_id), for_staff=caller.is_staff)


def _found(registration_id: str) -> Registration:
    known = Registration.objects.select_related("event").prefetch_related(
        "participants__answers__question", "answers__question", "agreements", "journal"
    )
    try:
        return known.get(pk=registration_id)
    except Registration.DoesNotExist:
        raise problems.not_found("registration") from None
