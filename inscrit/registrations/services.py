"""What can be done with registrations: make one, and report a fact about some."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from inscrit import config
from inscrit.events.line import Kept, kept_for_the_line
from inscrit.events.models import Event, EventStatus, PriceOption
from inscrit.events.terms import terms_of
from inscrit.sql import Statement, with_rows

from . import story
from .ledger import SQL, Desk, Entry, Ledger, Report
from .lifecycle import MailKind, Outcome, Reason, Status
from .models import (
    Agreement,
    Answer,
    IdempotencyKey,
    JournalEntry,
    Participant,
    PaymentMethod,
    Registration,
    RegistrationStatus,
)
from .orders import Consenting, Contact, Order, Person
from .quote import Mistake, Quote, Unacceptable, quote

__all__ = [
    "MOST_PARTICIPANTS",
    "Consenting",
    "Contact",
    "KeyReused",
    "Mistake",
    "Order",
    "Person",
    "SalesClosed",
    "SoldOut",
    "Unacceptable",
    "desk",
    "foresee",
    "hold_places",
    "offer_places",
    "report",
    "report_once",
    "run",
]

log = structlog.get_logger()

# Stripe's floor for a Checkout session is 30 minutes from the moment it receives the request.
CHECKOUT_HOLD = timedelta(minutes=31)
KEYS_LIVE = timedelta(hours=24)
MOST_PARTICIPANTS = 20
NOTHING_KEPT = Kept()


class SoldOut(Exception):
    """Not enough places; ``remaining`` are left, of the price ``option`` if there is one."""

    def __init__(self, remaining: int, option: PriceOption | None = None) -> None:
        super().__init__(f"only {remaining} places are left")
        self.remaining, self.option = remaining, option


class SalesClosed(Exception):
    """The event takes no registrations, or not any more."""


class KeyReused(Exception):
    """An idempotency key came back with another request."""


def hold_places(order: Order, *, actor: str = "registrant") -> Registration:
    """Make a registration that holds its places, or confirm it at once if it costs nothing.

    The same idempotency key within a day gives the registration it gave the first time.
    Raises Event.DoesNotExist, SalesClosed, Unacceptable, SoldOut, KeyReused.
    """
    with transaction.atomic():
        if known := _known_by_key(order):
            return known
        event = Event.objects.get(pk=order.event_id)
        now = timezone.now()
        if not event.is_on_sale(now):
            raise SalesClosed
        wanted = quote(order, terms_of(event))
        _tell_a_crowd_quickly(event, wanted)
        registration = _create(order, wanted, event, _held_by(wanted, event, now), actor)
        kept = _take_places_beside_the_line(event, registration)
        _take_options(wanted, kept)
        if kind := _mail_at_once(registration):
            tell(registration, kind)
    log.info("📝 Registered: " + registration.pk, event_id=event.pk, places=registration.places)
    return registration


def offer_places(
    order: Order, wanted: Quote, event: Event, until: datetime, *, actor: str
) -> Registration:
    """Hold places for somebody whose turn has come on the waiting list, in their transaction.

    Whoever calls has the event's lock. Raises SalesClosed, SoldOut.
    """
    status, reason = RegistrationStatus.PENDING, Reason.PLACE_OFFERED
    registration = _create(order, wanted, event, _Hold(status, reason, until, until), actor)
    _take_places(event, registration)
    _take_options(wanted)
    tell(registration, MailKind.PLACE_OFFERED)
    return registration


def _tell_a_crowd_quickly(event: Event, wanted: Quote) -> None:
    """Raises SoldOut where that is plain already; who gets the last place is decided below."""
    if event.remaining is not None and event.remaining < len(wanted.seats):
        raise SoldOut(event.remaining)
    for option, places in wanted.options.items():
        if option.remaining is not None and option.remaining < places:
            raise SoldOut(option.remaining, option)


def _known_by_key(order: Order) -> Registration | None:
    """The registration this key stands for; the key is claimed in this transaction if new."""
    if order.idempotency_key is None:
        return None
    known = _claimed(order.idempotency_key, order.fingerprint)
    return known.registration if known else None


def _claimed(key: str, fingerprint: str) -> IdempotencyKey | None:
    """What this key stands for already. Raises KeyReused."""
    fresh = timezone.now() - KEYS_LIVE
    IdempotencyKey.objects.filter(pk=key, created_at__lt=fresh).delete()
    # Two requests with one key: the second waits here until the first has committed.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [key])
    known = IdempotencyKey.objects.filter(pk=key).first()
    if known is not None and known.fingerprint != fingerprint:
        raise KeyReused
    return known


@dataclass(frozen=True, slots=True)
class _Hold:
    """How a registration begins: in which status, why, and until when."""

    status: RegistrationStatus
    reason: Reason
    until: datetime | None
    offered_until: datetime | None = None


def _held_by(wanted: Quote, event: Event, now: datetime) -> _Hold:
    """What holds the places of somebody who comes by themselves."""
    if wanted.amount == 0:
        return _Hold(RegistrationStatus.FREE, Reason.FREE_OF_CHARGE, None)
    until = now + CHECKOUT_HOLD
    if wanted.method != PaymentMethod.STRIPE:
        until = event.held_for_payment_by_hand(now)
    return _Hold(RegistrationStatus.PENDING, Reason.REGISTERED, until)


def _create(order: Order, wanted: Quote, event: Event, hold: _Hold, actor: str) -> Registration:
    registration = Registration.objects.create(
        event=event,
        status=hold.status,
        contact_name=order.contact.name,
        contact_email=order.contact.email,
        locale=order.contact.locale,
        payment_method=wanted.method,
        places=len(wanted.seats),
        option_places={option.pk: n for option, n in wanted.options.items()} or None,
        amount=wanted.amount,
        currency=event.currency,
        hold_expires_at=hold.until,
        offered_until=hold.offered_until,
    )
    _write_down(registration, wanted)
    JournalEntry.objects.create(
        registration=registration,
        to_status=registration.status,
        reason=hold.reason,
        actor=actor,
    )
    if order.idempotency_key is not None:
        IdempotencyKey.objects.create(
            key=order.idempotency_key,
            fingerprint=order.fingerprint,
            registration=registration,
        )
    return registration


def _write_down(registration: Registration, wanted: Quote) -> None:
    """The participants, what was answered of each and once, and what was agreed to."""
    people = Participant.objects.bulk_create(
        Participant(
            registration=registration,
            position=position,
            first_name=seat.person.first_name,
            last_name=seat.person.last_name,
            option=seat.option,
            option_name=seat.option.wording(registration.locale) if seat.option else "",
            price=seat.price,
        )
        for position, seat in enumerate(wanted.seats, start=1)
    )
    replies: list[tuple[Participant | None, tuple[str, str]]]
    replies = [(None, reply) for reply in wanted.answers]
    for person, seat in zip(people, wanted.seats, strict=True):
        replies += [(person, reply) for reply in seat.answers]
    Answer.objects.bulk_create(
        Answer(registration=registration, participant=person, question_id=question, value=value)
        for person, (question, value) in replies
    )
    Agreement.objects.bulk_create(
        Agreement(
            registration=registration,
            consent=agreed.consent,
            text=agreed.text,
            given=agreed.given,
            at=agreed.at,
        )
        for agreed in wanted.agreements
    )


def _take_options(wanted: Quote, kept: Kept = NOTHING_KEPT) -> None:
    """After the event's counter: whoever moves places has the event's lock. Raises SoldOut."""
    for option, places in wanted.options.items():
        others = kept.options.get(option.pk, 0)
        room = Q(quota__isnull=True) | Q(quota__gte=F("taken") + places + others)
        mine = PriceOption.objects.filter(pk=option.pk)
        if not mine.filter(room).update(taken=F("taken") + places):
            option.refresh_from_db()
            raise SoldOut(max(0, (option.free or 0) - others), option)


def _take_places_beside_the_line(event: Event, registration: Registration) -> Kept:
    """What is kept for those who wait is not taken; how much that is.

    It is known for sure under the event's lock only. Where nobody waits there is no need to ask.
    """
    if _move(event, registration, Q(waiting=0)):
        return NOTHING_KEPT
    Event.objects.select_for_update(no_key=True).get(pk=event.pk)
    kept = kept_for_the_line(event.pk)
    _take_places(event, registration, kept)
    return kept


def _take_places(event: Event, registration: Registration, kept: Kept = NOTHING_KEPT) -> None:
    """Raises SalesClosed, SoldOut."""
    if _move(event, registration, Q(), kept):
        return
    event.refresh_from_db()
    if not event.is_offered:  # cancelled, or stopped, while we were at it
        raise SalesClosed
    raise SoldOut(max(0, (event.free or 0) - kept.places))


def _move(
    event: Event, registration: Registration, condition: Q, kept: Kept = NOTHING_KEPT
) -> bool:
    """Move the event's counter, last, so that its row is locked only until the commit."""
    counter = "confirmed" if registration.status == Status.FREE else "held"
    taken_then = F("confirmed") + F("held") + registration.places + kept.places
    room = Q(capacity__isnull=True) | Q(capacity__gte=taken_then)
    still_offered = Event.objects.filter(
        condition, room, pk=event.pk, status=EventStatus.PUBLISHED, sales_stopped_at__isnull=True
    )
    return bool(still_offered.update(**{counter: F(counter) + registration.places}))


def tell(registration: Registration, kind: MailKind) -> None:
    run([with_rows(SQL["queue_mails"], [{"registration_id": registration.pk, "kind": kind}])])


def _mail_at_once(registration: Registration) -> MailKind | None:
    """Whoever goes on to pay by card hears of it when that is done, or has not been done soon."""
    if registration.status == Status.FREE:
        return MailKind.CONFIRMED
    if registration.payment_method != PaymentMethod.STRIPE:
        return MailKind.REGISTERED
    return None


def report_once(key: str | None, registration_id: str, report_: Report) -> Entry | None:
    """Apply a person's wish once for an idempotency key; None if it was applied already.

    Raises KeyReused, Registration.DoesNotExist.
    """
    with transaction.atomic():
        registration = Registration.objects.get(pk=registration_id)
        if key is not None:
            wish = hashlib.sha256(repr((registration_id, report_.fact)).encode()).hexdigest()
            if _claimed(key, wish):
                return None
            IdempotencyKey.objects.create(key=key, fingerprint=wish, registration=registration)
        (entry,) = report(report_)
        # What was refused now may be possible later, with the same key.
        transaction.set_rollback(entry is None or entry.decision.outcome is Outcome.REJECTED)
    return entry


def report(*reports: Report) -> list[Entry | None]:
    """Apply facts in one transaction, in the order given; each is told once it is committed.

    None stands for a report that concerns no registration of ours.
    """
    settings = config.current()
    ledger = Ledger(livemode=settings.livemode, desk=desk(settings))
    with transaction.atomic():
        (locked,) = run([ledger.locking(reports)])
        ledger.take(*run(ledger.reading(locked)))
        entries = [ledger.apply(one) for one in reports]
        run(ledger.writing())
        transaction.on_commit(lambda: story.tell(ledger.entries))
    return entries


def foresee(*reports: Report, events_cancelled: bool = False) -> list[Entry | None]:
    """What each of these would lead to, by itself and now; nothing is changed.

    None stands for a report that concerns no registration of ours. ``events_cancelled``: as if
    their events were cancelled first.
    """
    ledger = Ledger(livemode=config.current().livemode)
    with transaction.atomic():
        (locked,) = run([ledger.locking(reports)])
        ledger.take(*run(ledger.reading(locked)))
    if events_cancelled:
        ledger.suppose_events_cancelled()
    return [ledger.foresee(one) for one in reports]


def desk(settings: config.Config) -> Desk | None:
    """Who is told that a person has to look; None if nobody is named."""
    if settings.organiser_email is None:
        return None
    return Desk(settings.organiser_email, settings.language_code)


def run(todo: Sequence[Statement]) -> list[list[Any]]:
    """Run a ledger's statements on Django's connection; the rows that each gave."""
    results = []
    with connection.cursor() as cursor:
        for statement in todo:
            cursor.execute(statement.query, statement.parameters)
            results.append(cursor.fetchall() if cursor.description else [])
    return results
