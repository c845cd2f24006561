"""What can be done with the waiting list of an event: join, be served, leave, close it.

All of it happens under the event's lock, taken after registrations' and before entries'. Places
that come free go to the first in the line who fits; see docs/decisions/0043.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.db import transaction
from django.db.models import F, Max, QuerySet
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.events.terms import terms_of
from inscrit.registrations.models import RegistrationStatus
from inscrit.registrations.quote import quote
from inscrit.registrations.services import Contact, Order, SalesClosed, offer_places, run
from inscrit.sql import Statement, statements

from .models import State, WaitingEntry, WaitingNote

SQL = statements(Path(__file__).parent / "sql" / "waiting.sql")
KEPT = timedelta(days=30)
What = WaitingNote.What
log = structlog.get_logger()


class PlacesLeft(Exception):
    """There is no need to wait: so many places are ``remaining``."""

    def __init__(self, remaining: int | None) -> None:
        super().__init__(f"{remaining} places are left")
        self.remaining = remaining


class NeverEnough(Exception):
    """More places are wanted than the event has in all: ``capacity``."""

    def __init__(self, capacity: int) -> None:
        super().__init__(f"the event has {capacity} places in all")
        self.capacity = capacity


class AlreadyWaiting(Exception):
    """This address is on the list, or has an offer that stands."""


class NotWaiting(Exception):
    """The entry has left the line, one way or another."""


class NotFree(Exception):
    """So many places are not free now; ``free`` are."""

    def __init__(self, free: int) -> None:
        super().__init__(f"{free} places are free")
        self.free = free


def join(order: Order, *, actor: str = "registrant") -> WaitingEntry:
    """Take a place at the end of the line, and be told of it by mail.

    Raises Event.DoesNotExist, SalesClosed, PlacesLeft, NeverEnough, AlreadyWaiting.
    """
    with transaction.atomic():
        event = _locked(order.event_id)
        _check_that_waiting_helps(event, len(order.participants))
        if _is_known(event, order.contact):
            raise AlreadyWaiting
        entry = _append(event, order)
        _wanted(event, entry.places)
        _note([entry], What.JOINED, actor)
        _tell([entry.pk], "waiting_joined")
    log.info("🪑 Waits for a place: " + entry.pk, event_id=event.pk, places=entry.places)
    return entry


def _check_that_waiting_helps(event: Event, places: int) -> None:
    if not event.is_on_sale(timezone.now()):
        raise SalesClosed
    if event.remaining is None or event.remaining >= places:
        raise PlacesLeft(event.remaining)
    if event.capacity is not None and places > event.capacity:
        raise NeverEnough(event.capacity)


def _is_known(event: Event, contact: Contact) -> bool:
    same = WaitingEntry.objects.filter(event=event, contact_email__iexact=contact.email)
    waits = same.filter(state=State.WAITING)
    has_offer = same.filter(registration__status=RegistrationStatus.PENDING)
    return waits.exists() or has_offer.exists()


def _append(event: Event, order: Order) -> WaitingEntry:
    last = WaitingEntry.objects.filter(event=event).aggregate(number=Max("number"))["number"]
    return WaitingEntry.objects.create(
        event=event,
        number=(last or 0) + 1,
        contact_name=order.contact.name,
        contact_email=order.contact.email,
        locale=order.contact.locale,
        places=len(order.participants),
        participants=[[one.first_name, one.last_name] for one in order.participants],
    )


def serve(event_id: str) -> int:
    """Bring the line to where it should be: offer what is free, or close it; how many it concerned.

    One offer, one transaction: whoever is killed half-way has offered what was committed, and the
    next call goes on there. Raises Event.DoesNotExist.
    """
    served = 0
    while _serve_one(event_id):
        served += 1
    return served + _close_if_over(event_id)


def _serve_one(event_id: str) -> bool:
    with transaction.atomic():
        event = _locked(event_id)
        if not event.is_on_sale(timezone.now()):
            return False
        entry = _first_who_fits(event)
        if entry is None:
            return False
        _offer(event, entry, What.OFFERED, "waiting list")
    return True


def _first_who_fits(event: Event) -> WaitingEntry | None:
    fitting = _waiting(event)
    if event.free is not None:
        fitting = fitting.filter(places__lte=event.free)
    return fitting.order_by("number").first()


def offer_by_hand(entry_id: str, *, actor: str) -> WaitingEntry:
    """Offer somebody free places out of turn.

    Raises WaitingEntry.DoesNotExist, NotWaiting, SalesClosed, NotFree.
    """
    with transaction.atomic():
        event, entry = _locked_entry(entry_id)
        if not event.is_on_sale(timezone.now()):
            raise SalesClosed
        if event.free is not None and event.free < entry.places:
            raise NotFree(event.free)
        _offer(event, entry, What.OFFERED_BY_HAND, actor)
    return entry


def _offer(event: Event, entry: WaitingEntry, what: WaitingNote.What, actor: str) -> None:
    contact = Contact(entry.contact_name, entry.contact_email, entry.locale)
    order = Order(event.pk, contact, entry.people)
    until = offered_until(event, timezone.now())
    _wanted(event, -entry.places)
    wanted = quote(order, terms_of(event))
    entry.registration = offer_places(order, wanted, event, until, actor=actor)
    entry.state = State.OFFERED
    entry.save(update_fields=["registration", "state"])
    _note([entry], what, actor)
    told = {"registration": entry.registration.pk, "until": until.isoformat()}
    transaction.on_commit(lambda: log.info("🪑 Place offered to: " + entry.pk, **told))


def offered_until(event: Event, now: datetime) -> datetime:
    return min(now + timedelta(hours=event.offer_hours), event.sales_close_at)


def leave(entry_id: str, *, actor: str = "registrant") -> None:
    """Give one's place in the line up. Raises WaitingEntry.DoesNotExist, NotWaiting."""
    _end(entry_id, State.LEFT, What.LEFT, actor)


def remove(entry_id: str, *, actor: str) -> None:
    """Take somebody off the list. Raises WaitingEntry.DoesNotExist, NotWaiting."""
    _end(entry_id, State.REMOVED, What.REMOVED, actor)


def _end(entry_id: str, state: State, what: WaitingNote.What, actor: str) -> None:
    with transaction.atomic():
        event, entry = _locked_entry(entry_id)
        entry.state = state
        entry.save(update_fields=["state"])
        _wanted(event, -entry.places)
        _note([entry], what, actor)
    log.info(f"🪑 Waits no more: {entry_id}", state=str(state), actor=actor)


def _close_if_over(event_id: str) -> int:
    """Tell whoever still waits for an event that is cancelled, or takes nobody any more."""
    with transaction.atomic():
        event = _locked(event_id)
        over = timezone.now() >= event.sales_close_at
        if event.status != EventStatus.CANCELLED and not over:
            return 0
        entries = list(_waiting(event))
        _waiting(event).update(state=State.CLOSED)
        _wanted(event, -sum(entry.places for entry in entries))
        _note(entries, What.CLOSED, "waiting list")
        _tell([entry.pk for entry in entries], "waiting_closed")
    if entries:
        log.info("🪑 Waiting list closed: " + event_id, told=len(entries))
    return len(entries)


def unserved() -> list[str]:
    """Events for which somebody waits."""
    return list(Event.objects.filter(waiting__gt=0).values_list("pk", flat=True))


def forget_old() -> int:
    """Forget names and addresses a while after the event; how many were forgotten."""
    ((count,),) = run([Statement(SQL["forget"], {"before": timezone.now() - KEPT})])[0]
    return int(count)


def _locked(event_id: str) -> Event:
    return Event.objects.select_for_update(no_key=True).get(pk=event_id)


def _locked_entry(entry_id: str) -> tuple[Event, WaitingEntry]:
    """Somebody who waits, and their event, under its lock."""
    event = _locked(WaitingEntry.objects.get(pk=entry_id).event_id)
    entry = WaitingEntry.objects.get(pk=entry_id)
    if entry.state != State.WAITING:
        raise NotWaiting
    entry.event = event
    return event, entry


def _waiting(event: Event) -> QuerySet[WaitingEntry]:
    return WaitingEntry.objects.filter(event=event, state=State.WAITING)


def _wanted(event: Event, places: int) -> None:
    """Move the counter of the places wanted."""
    if places:
        Event.objects.filter(pk=event.pk).update(waiting=F("waiting") + places)


def _note(entries: Sequence[WaitingEntry], what: WaitingNote.What, actor: str) -> None:
    WaitingNote.objects.bulk_create(
        WaitingNote(entry=entry, what=what, actor=actor) for entry in entries
    )


def _tell(entry_ids: Sequence[str], kind: str) -> None:
    if entry_ids:
        parameters = {"entries": list(entry_ids), "kind": kind}
        run([Statement(SQL["queue_mails"], parameters)])
