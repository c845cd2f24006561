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
from inscrit.events.models import Event, EventStatus
from inscrit.sql import Statement, with_rows

from . import story
from .ledger import SQL, Desk, Entry, Ledger, Report
from .lifecycle import MailKind, Outcome, Reason, Status
from .models import (
    IdempotencyKey,
    JournalEntry,
    Participant,
    PaymentMethod,
    Registration,
    RegistrationStatus,
)

log = structlog.get_logger()

# Stripe's floor for a Checkout session is 30 minutes from the moment it receives the request.
CHECKOUT_HOLD = timedelta(minutes=31)
CHEQUE_HOLD = timedelta(days=10)
KEYS_LIVE = timedelta(hours=24)
MOST_PARTICIPANTS = 20


class SoldOut(Exception):
    """Not enough places; ``remaining`` are left."""

    def __init__(self, remaining: int) -> None:
        super().__init__(f"only {remaining} places are left")
        self.remaining = remaining


class SalesClosed(Exception):
    """The event takes no registrations, or not any more."""


class KeyReused(Exception):
    """An idempotency key came back with another request."""


@dataclass(frozen=True, slots=True)
class Contact:
    name: str
    email: str
    locale: str


@dataclass(frozen=True, slots=True)
class Person:
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class Order:
    """A request for places, checked for form by whoever took it."""

    event_id: str
    contact: Contact
    participants: Sequence[Person]
    method: PaymentMethod = PaymentMethod.STRIPE
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """What an idempotency key stands for: the same request gives the same text."""
        text = repr((self.event_id, self.contact, tuple(self.participants), str(self.method)))
        return hashlib.sha256(text.encode()).hexdigest()


def hold_places(order: Order, *, actor: str = "registrant") -> Registration:
    """Make a registration that holds its places, or confirm it at once if it costs nothing.

    The same idempotency key within a day gives the registration it gave the first time.
    Raises Event.DoesNotExist, SalesClosed, SoldOut, KeyReused.
    """
    with transaction.atomic():
        if known := _known_by_key(order):
            return known
        event = Event.objects.get(pk=order.event_id)
        now = timezone.now()
        if not event.is_on_sale(now):
            raise SalesClosed
        if event.remaining is not None and event.remaining < len(order.participants):
            raise SoldOut(event.remaining)  # a crowd is told quickly; who gets a place: see below
        registration = _create(order, event, _held_by(order, event, now), actor)
        _take_places(event, registration, reserved=F("waiting"))
    log.info("📝 Registered: " + registration.pk, event_id=event.pk, places=registration.places)
    return registration


def offer_places(order: Order, event: Event, until: datetime, *, actor: str) -> Registration:
    """Hold places for somebody whose turn has come on the waiting list, in their transaction.

    Whoever calls has the event's lock. Raises SalesClosed, SoldOut.
    """
    status, reason = RegistrationStatus.PENDING, Reason.PLACE_OFFERED
    registration = _create(order, event, _Hold(status, reason, until, until), actor)
    _take_places(event, registration)
    mail = {"registration_id": registration.pk, "kind": MailKind.PLACE_OFFERED}
    run([with_rows(SQL["queue_mails"], [mail])])
    return registration


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


def _held_by(order: Order, event: Event, now: datetime) -> _Hold:
    """What holds the places of somebody who comes by themselves."""
    if event.price == 0:
        return _Hold(RegistrationStatus.FREE, Reason.FREE_OF_CHARGE, None)
    until = now + CHECKOUT_HOLD
    if order.method == PaymentMethod.CHEQUE:
        until = min(now + CHEQUE_HOLD, event.sales_close_at)
    return _Hold(RegistrationStatus.PENDING, Reason.REGISTERED, until)


def _create(order: Order, event: Event, hold: _Hold, actor: str) -> Registration:
    places = len(order.participants)
    registration = Registration.objects.create(
        event=event,
        status=hold.status,
        contact_name=order.contact.name,
        contact_email=order.contact.email,
        locale=order.contact.locale,
        payment_method=order.method,
        places=places,
        amount=event.price * places,
        currency=event.currency,
        hold_expires_at=hold.until,
        offered_until=hold.offered_until,
    )
    Participant.objects.bulk_create(
        Participant(
            registration=registration,
            position=position,
            first_name=person.first_name,
            last_name=person.last_name,
        )
        for position, person in enumerate(order.participants, start=1)
    )
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


def _take_places(event: Event, registration: Registration, reserved: F | int = 0) -> None:
    """Move the event's counter, last, so that its row is locked only until the commit.

    So many places as are ``reserved`` are left.
    """
    counter = "confirmed" if registration.status == Status.FREE else "held"
    taken_then = F("confirmed") + F("held") + registration.places + reserved
    room = Q(capacity__isnull=True) | Q(capacity__gte=taken_then)
    still_offered = Event.objects.filter(
        pk=event.pk, status=EventStatus.PUBLISHED, sales_stopped_at__isnull=True
    )
    taken = still_offered.filter(room).update(**{counter: F(counter) + registration.places})
    if not taken:
        event.refresh_from_db()
        if not event.is_offered:  # cancelled, or stopped, while we were at it
            raise SalesClosed
        raise SoldOut(event.remaining or 0)
    if kind := _mail_at_once(registration):
        mail = {"registration_id": registration.pk, "kind": kind}
        run([with_rows(SQL["queue_mails"], [mail])])


def _mail_at_once(registration: Registration) -> MailKind | None:
    """Whoever goes on to pay by card hears of it when that is done, or has not been done soon."""
    if registration.status == Status.FREE:
        return MailKind.CONFIRMED
    if registration.payment_method == PaymentMethod.CHEQUE:
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


def foresee(*reports: Report) -> list[Entry | None]:
    """What each of these would lead to, by itself and now; nothing is changed.

    None stands for a report that concerns no registration of ours.
    """
    ledger = Ledger(livemode=config.current().livemode)
    with transaction.atomic():
        (locked,) = run([ledger.locking(reports)])
        ledger.take(*run(ledger.reading(locked)))
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
