"""``/events``: what is on offer."""
# ruff: noqa: ARG001 - every operation is given the request

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from ninja import Query, Router
from ninja.responses import Status

from inscrit.events.models import Event, EventStatus, PaymentMethod
from inscrit.events.writing import AnsweredAlready, QuotaBelowTaken, UnknownItem, write_list
from inscrit.jobs import in_database
from inscrit.money import LEAST, is_too_little
from inscrit.payments import cancelling

from . import problems
from .access import Request, anybody, organisers, staff
from .paging import PageQuery, page
from .schemas import (
    EventCancelled,
    EventIn,
    EventOut,
    EventPage,
    EventPatch,
    refusals,
)

router = Router(tags=["events"])
TIMES = ("ends_at", "sales_end_at", "refund_until")
ANYBODY: dict[str, Any] = {"security": [{}]}


@router.get("", auth=anybody, response={200: EventPage, **refusals(422)}, openapi_extra=ANYBODY)
def list_events(request: Request, query: Query[PageQuery]) -> EventPage:
    """Events by their date. Published ones; with a key all of them."""
    shown = Event.objects.all()
    if not request.auth.is_staff:
        shown = shown.filter(status=EventStatus.PUBLISHED)
    whole = shown.select_related("photo").prefetch_related("options", "questions", "consents")
    found = page(whole, "starts_at", query)
    for_staff = request.auth.is_staff
    items = [EventOut.of(event, for_staff=for_staff) for event in found.items]
    return EventPage(items=items, next=found.next)


@router.post(
    "",
    auth=organisers,
    response={201: EventOut, **refusals(401, 403, 422)},
)
def create_event(request: Request, body: EventIn) -> Status[EventOut]:
    """Open an event: a draft, unless `status` says `published`."""
    event = Event(**body.given())
    _check_times(event, set(TIMES))
    _check_prices(event, body)
    with transaction.atomic():
        event.save(force_insert=True)
        _ask(event, body)
    return Status(201, EventOut.of(event, for_staff=True))


@router.get(
    "/{slug:event_id}",
    auth=anybody,
    response={200: EventOut, **refusals(404)},
    openapi_extra=ANYBODY,
)
def get_event(request: Request, event_id: str) -> EventOut:
    """One event. Drafts are shown with a key only."""
    return EventOut.of(_visible(request, event_id), for_staff=request.auth.is_staff)


@router.patch(
    "/{slug:event_id}",
    auth=organisers,
    response={200: EventOut, **refusals(401, 403, 404, 409, 422)},
)
def change_event(request: Request, event_id: str, body: EventPatch) -> EventOut:
    """Change some fields. Registrations that exist keep the price they were made at.

    `options`, `questions` and `consents` are whole lists: see their fields.

    `409 capacity_below_taken` with `taken`: so many places are confirmed or held already.
    `409 quota_below_taken` with `option` and `taken`: so many places have that price already.
    `409 currency_in_use`: somebody has registered already, or waits for a place.
    `409 event_cancelled`: a cancelled event is not published again.
    """
    return EventOut.of(_change(event_id, body), for_staff=True)


@router.post(
    "/{slug:event_id}/cancel",
    auth=organisers,
    response={200: EventCancelled, **refusals(401, 403, 404)},
)
async def cancel_event(request: Request, event_id: str) -> EventCancelled:
    """Cancel an event: every payment is refunded, every registrant told by mail.

    The call waits some seconds for it; what is left then the worker does. Calling it again tells
    how far it is, as `GET …/cancellation` does.
    """
    try:
        done = await cancelling.cancel_event(event_id, actor=request.auth.actor)
    except Event.DoesNotExist:
        raise problems.not_found("event") from None
    return await in_database(_cancelled, done)


@router.get(
    "/{slug:event_id}/cancellation",
    auth=staff,
    response={200: EventCancelled, **refusals(401, 403, 404)},
)
def get_cancellation(request: Request, event_id: str) -> EventCancelled:
    """How far the cancelling of an event is."""
    try:
        return _cancelled(cancelling.progress(event_id))
    except Event.DoesNotExist:
        raise problems.not_found("event") from None


def _cancelled(done: cancelling.EventCancellation) -> EventCancelled:
    return EventCancelled.of(
        done.event,
        for_staff=True,
        cancelled=done.cancelled,
        waiting=done.waiting,
        to_refund=done.to_refund,
        refunded=done.refunded,
        refunds_failed=done.refunds_failed,
    )


def public() -> QuerySet[Event]:
    """Drafts are nobody's business; a cancelled event's address still tells that it is so."""
    return Event.objects.exclude(status=EventStatus.DRAFT)


def _visible(request: Request, event_id: str) -> Event:
    return one_of(Event.objects.all() if request.auth.is_staff else public(), event_id)


def one_of(events: QuerySet[Event], event_id: str) -> Event:
    try:
        return events.get(pk=event_id)
    except Event.DoesNotExist:
        raise problems.not_found("event") from None


def _change(event_id: str, body: EventPatch) -> Event:
    fields = body.given()
    with transaction.atomic():
        # Under the lock the counters stand still; only these fields are written back.
        event = one_of(Event.objects.select_for_update(no_key=True), event_id)
        if "status" in fields and event.status == EventStatus.CANCELLED:
            raise problems.Problem(409, "event_cancelled", "A cancelled event stays cancelled.")
        if fields.get("currency", event.currency) != event.currency and event.is_asked_for:
            detail = "Somebody has registered or waits for a place: the currency stays."
            raise problems.Problem(409, "currency_in_use", detail)
        for name, value in fields.items():
            setattr(event, name, value)
        _check_times(event, body.model_fields_set)
        _check_prices(event, body)
        _check_capacity(event)
        event.save(update_fields=list(fields))
        _ask(event, body)
    return event


def _ask(event: Event, body: EventPatch) -> None:
    """Write the lists of what is offered and asked. Raises Problem."""
    try:
        for name, rows in body.asked().items():
            write_list(event, name, rows)
    except UnknownItem as error:
        raise problems.invalid(f"{error.name}.{error.number}.id", "There is no such one.") from None
    except AnsweredAlready as error:
        message = "It has been answered: retire it and ask another one."
        raise problems.invalid(f"questions.{error.number}", message) from None
    except QuotaBelowTaken as error:
        taken = error.option.taken
        detail = f"{taken} places have the price {error.option.name} already."
        raise problems.Problem(
            409, "quota_below_taken", detail, option=error.option.pk, taken=taken
        ) from None


def _check_times(event: Event, said: set[str]) -> None:
    """Raises Problem; what stands already is left alone."""
    if event.ends_at < event.starts_at:
        raise problems.invalid("ends_at", "An event can't end before it starts.")
    if said & {"ends_at", "sales_end_at"} and _is_after(event.sales_end_at, event.ends_at):
        message = "Registration can't close after the event has ended."
        raise problems.invalid("sales_end_at", message)
    if said & {"ends_at", "refund_until"} and _is_after(event.refund_until, event.ends_at):
        message = "Money can't be promised back after the event has ended."
        raise problems.invalid("refund_until", message)


def _is_after(moment: datetime | None, end: datetime) -> bool:
    return moment is not None and moment > end


def _check_prices(event: Event, body: EventPatch) -> None:
    """Raises Problem for what Stripe would refuse to charge; what stands already is left alone."""
    said = body.model_fields_set
    if PaymentMethod.STRIPE not in event.payment_methods:
        return
    prices = {"price": event.price} if said & {"price", "currency", "payment_methods"} else {}
    if "options" in said:
        prices |= {f"options.{n}.price": one.price for n, one in enumerate(body.options)}
    least = LEAST.get(event.currency, 1)
    message = (
        f"By card no less than {least} can be charged; or leave stripe out of the ways to pay."
    )
    wrong = [field for field, price in prices.items() if is_too_little(price, event.currency)]
    if wrong:
        raise problems.invalid_fields(dict.fromkeys(wrong, message))


def _check_capacity(event: Event) -> None:
    taken = event.confirmed + event.held
    if event.capacity is not None and event.capacity < taken:
        detail = f"{taken} places are confirmed or held already."
        raise problems.Problem(409, "capacity_below_taken", detail, taken=taken)
