"""What can be done with the waiting list of an event: join, be served, leave, close it.

All of it happens under the event's lock, taken after registrations' and before entries'. Places
that come free go to the first in the line who fits; see docs/decisions/0043.
"""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.utils import timezone

from inscrit.events.models import Event, EventStatus, PriceOption
from inscrit.events.terms import terms_of
from inscrit.registrations.models import PaymentMethod, RegistrationStatus
from inscrit.registrations.orders import Contact, Order, Replies
from inscrit.registrations.quote import Agreed, Quote, Seat, quote
from inscrit.registrations.services import SalesClosed, offer_places, run
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
    """More places are wanted than there are in all: ``capacity``, of the ``option`` if any."""

    def __init__(self, capacity: int, option: PriceOption | None = None) -> None:
        super().__init__(f"there are {capacity} places in all")
        self.capacity, self.option = capacity, option


class AlreadyWaiting(Exception):
    """This address is on the list, or has an offer that stands: by ``entry``."""

    def __init__(self, entry: WaitingEntry) -> None:
        super().__init__("this address waits already")
        self.entry = entry


class NotWaiting(Exception):
    """The entry has left the line, one way or another."""


class NotFree(Exception):
    """So many places are not free now; ``free`` are, of the ``option`` if one is named."""

    def __init__(self, free: int, option: PriceOption | None = None) -> None:
        super().__init__(f"{free} places are free")
        self.free, self.option = free, option


def join(order: Order, *, actor: str = "registrant") -> WaitingEntry:
    """Take a place at the end of the line, and be told of it by mail.

    Raises Event.DoesNotExist, SalesClosed, Unacceptable, PlacesLeft, NeverEnough, AlreadyWaiting.
    """
    with transaction.atomic():
        event = _locked(order.event_id)
        if not event.is_on_sale(timezone.now()):
            raise SalesClosed
        wanted = quote(order, terms_of(event))
        _check_that_waiting_helps(event, wanted)
        if known := _known(event, order.contact):
            raise AlreadyWaiting(known)
        entry = _append(event, order, wanted)
        _want([entry])
        _note([entry], What.JOINED, actor)
        _tell([entry.pk], "waiting_joined")
    log.info("🪑 Waits for a place: " + entry.pk, event_id=event.pk, places=entry.places)
    return entry


def _check_that_waiting_helps(event: Event, wanted: Quote) -> None:
    places = len(wanted.seats)
    left = [(event.remaining, places)]
    left += [(option.remaining, count) for option, count in wanted.options.items()]
    if all(remaining is None or remaining >= count for remaining, count in left):
        raise PlacesLeft(event.remaining)
    if event.capacity is not None and places > event.capacity:
        raise NeverEnough(event.capacity)
    for option, count in wanted.options.items():
        if option.quota is not None and count > option.quota:
            raise NeverEnough(option.quota, option)


def ask_to_join(order: Order, *, actor: str = "registrant") -> None:
    """As ``join``, but whoever waits already is sent the link again, once a day at most; not by
    the same form sent twice, which its idempotency key tells, and what it says.

    Nothing tells the one from the other but the mailbox: anybody may ask with any address.
    Raises Event.DoesNotExist, SalesClosed, Unacceptable, PlacesLeft, NeverEnough.
    """
    try:
        join(order, actor=actor)
    except AlreadyWaiting as known:
        sent = (known.entry.key, known.entry.fingerprint)
        if order.idempotency_key and sent == (order.idempotency_key, order.fingerprint):
            return
        _tell([known.entry.pk], "waiting_again", about=f"waits {timezone.localdate()}")


def _known(event: Event, contact: Contact) -> WaitingEntry | None:
    """Who waits, or has an offer that stands. Who has said how it is paid is as anybody else."""
    offered = Q(
        registration__status=RegistrationStatus.PENDING, registration__offered_until__isnull=False
    )
    stands = Q(state=State.WAITING) | offered
    return WaitingEntry.objects.filter(
        stands, event=event, contact_email__iexact=contact.email
    ).first()


def _append(event: Event, order: Order, wanted: Quote) -> WaitingEntry:
    contact = order.contact
    last = WaitingEntry.objects.filter(event=event).aggregate(number=Max("number"))["number"]
    return WaitingEntry.objects.create(
        event=event,
        number=(last or 0) + 1,
        contact_name=contact.name,
        contact_email=contact.email,
        locale=contact.locale,
        key=order.idempotency_key or "",
        fingerprint=order.fingerprint if order.idempotency_key else "",
        places=len(wanted.seats),
        participants=[_row(seat) for seat in wanted.seats],
        answers=list(wanted.answers),
        consents=[(one.consent.pk, one.given, one.text) for one in wanted.agreements],
    )


def _row(seat: Seat) -> list[Any]:
    option = seat.option.pk if seat.option else None
    return [seat.person.first_name, seat.person.last_name, option, list(seat.answers)]


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
    """The first for whom there is room now, at each price, too; who is passed over stays."""
    rows = run([Statement(SQL["first_who_fits"], {"event": event.pk})])[0]
    return _waiting(event).get(pk=rows[0][0]) if rows else None


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
        for option, count in wanted_now(entry).options.items():
            if option.free is not None and option.free < count:
                raise NotFree(option.free, option)
        _offer(event, entry, What.OFFERED_BY_HAND, actor)
    return entry


def _offer(event: Event, entry: WaitingEntry, what: WaitingNote.What, actor: str) -> None:
    entry.event = event
    wanted = wanted_now(entry)
    until = offered_until(event, timezone.now(), wanted.method)
    _want([entry], -1)
    entry.registration = offer_places(entry.order, wanted, event, until, actor=actor)
    entry.state = State.OFFERED
    entry.save(update_fields=["registration", "state"])
    _note([entry], what, actor)
    told = {"registration": entry.registration.pk, "until": until.isoformat()}
    transaction.on_commit(lambda: log.info("🪑 Place offered to: " + entry.pk, **told))


def offered_until(
    event: Event, now: datetime, method: PaymentMethod = PaymentMethod.STRIPE
) -> datetime:
    """A cheque takes as long as the event says a cheque may take."""
    if method != PaymentMethod.STRIPE:
        return event.held_for_payment_by_hand(now)
    return min(now + timedelta(hours=event.offer_hours), event.sales_close_at)


def wanted_now(entry: WaitingEntry) -> Quote:
    """What they asked for, at the prices of now. What is asked since then is not held against them,
    and what is not asked any more is left out.
    """
    event = entry.event
    asked = set(event.questions.values_list("pk", flat=True))
    seats = [replace(one, answers=_still(one.answers, asked)) for one in entry.seats]
    consents = {one.pk: one for one in event.consents.all()}
    agreements = [
        Agreed(consents[id_], given, text, entry.created_at)
        for id_, given, text in entry.consents
        if id_ in consents
    ]
    first = event.methods_in_time(timezone.now())[0]
    method = first if any(seat.price for seat in seats) else PaymentMethod.STRIPE
    return Quote(method, seats, _still(entry.order.answers, asked), agreements)


def _still(replies: Replies, asked: Container[str]) -> Replies:
    return tuple(reply for reply in replies if reply[0] in asked)


def leave(entry_id: str, *, actor: str = "registrant") -> None:
    """Give one's place in the line up. Raises WaitingEntry.DoesNotExist, NotWaiting."""
    _end(entry_id, State.LEFT, What.LEFT, actor)


def remove(entry_id: str, *, actor: str) -> None:
    """Take somebody off the list. Raises WaitingEntry.DoesNotExist, NotWaiting."""
    _end(entry_id, State.REMOVED, What.REMOVED, actor)


def _end(entry_id: str, state: State, what: WaitingNote.What, actor: str) -> None:
    with transaction.atomic():
        _event, entry = _locked_entry(entry_id)
        entry.state = state
        entry.save(update_fields=["state"])
        _want([entry], -1)
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
        _want(entries, -1)
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


def _want(entries: Sequence[WaitingEntry], sign: int = 1) -> None:
    """Move the counters of the places wanted: the event's, and those of its price options."""
    for entry in entries:
        more = F("waiting") + sign * entry.places
        Event.objects.filter(pk=entry.event_id).update(waiting=more)
        for option, count in entry.option_places.items():
            more = F("waiting") + sign * count
            PriceOption.objects.filter(pk=option).update(waiting=more)


def _note(entries: Sequence[WaitingEntry], what: WaitingNote.What, actor: str) -> None:
    WaitingNote.objects.bulk_create(
        WaitingNote(entry=entry, what=what, actor=actor) for entry in entries
    )


def _tell(entry_ids: Sequence[str], kind: str, *, about: str | None = None) -> None:
    """``about``: it is told once to each."""
    if entry_ids:
        parameters = {"entries": list(entry_ids), "kind": kind, "about": about}
        run([Statement(SQL["queue_mails"], parameters)])
