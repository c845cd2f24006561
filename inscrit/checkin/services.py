"""Letting people in, and taking that back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone

from inscrit.events.models import Event
from inscrit.papers import entry
from inscrit.registrations.lifecycle import CONFIRMED
from inscrit.registrations.models import Participant, Registration

from .models import Arrival
from .verdicts import Verdict, refusal

MOST_FOUND = 30
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Guest:
    """A participant, and since when they are here."""

    participant: Participant
    arrival: Arrival | None = None

    @property
    def at(self) -> datetime | None:
        return self.arrival.at if self.arrival else None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said at the entrance. ``let_in`` are those who came in just now."""

    verdict: Verdict
    registration: Registration | None = None
    guests: Sequence[Guest] = ()
    let_in: Sequence[int] = field(default=())

    @property
    def first_at(self) -> datetime | None:
        return min((guest.at for guest in self.guests if guest.at), default=None)


def scan(event: Event, text: str, *, by: str, scan: str = "") -> Answer:
    """Let in whoever shows this code."""
    registration_id = entry.read(text)
    if registration_id is None:
        return Answer(Verdict.UNKNOWN)
    return check_in(event.pk, registration_id, by=by, scan=scan)


def check_in(
    event_id: str,
    registration_id: str,
    *,
    by: str,
    scan: str = "",
    participants: Sequence[int] | None = None,
) -> Answer:
    """Let in a registration's participants, or those with these ids. Doing it twice does it once.

    ``scan`` names the moment: asked again with the same one, the answer is the same.
    """
    with transaction.atomic():
        # Two phones with the same code: the second sees what the first has written.
        locked = Registration.objects.select_for_update(no_key=True, of=("self",))
        registration = locked.select_related("event").filter(pk=registration_id).first()
        if registration is None:
            return Answer(Verdict.UNKNOWN)
        before = guests(registration)
        if no := refusal(registration.status, is_here=registration.event_id == event_id):
            return Answer(no, registration, before)
        wanted = [
            one for one in before if participants is None or one.participant.pk in participants
        ]
        missing = [one.participant for one in wanted if one.arrival is None]
        Arrival.objects.bulk_create(
            Arrival(participant=one, by=by[:80], scan=scan) for one in missing
        )
    if missing:
        log.info("🎟️  Checked in: " + registration.pk, persons=len(missing))
    let_in = [one.pk for one in missing] or _let_in_before(wanted, scan)
    verdict = Verdict.WELCOME if let_in else Verdict.ALREADY
    return Answer(verdict, registration, guests(registration), let_in)


def _let_in_before(wanted: Sequence[Guest], scan: str) -> list[int]:
    """Those whom this very request let in when it came for the first time."""
    same = (one for one in wanted if scan and one.arrival and one.arrival.scan == scan)
    return [one.participant.pk for one in same]


def undo(event_id: str, participant_id: int, *, by: str) -> Answer:
    """Take an arrival back; the row stays and says so. Doing it twice does it once."""
    known = Participant.objects.select_related("registration__event")
    participant = known.filter(pk=participant_id, registration__event=event_id).first()
    if participant is None:
        return Answer(Verdict.UNKNOWN)
    arrivals = Arrival.objects.filter(participant=participant, undone_at__isnull=True)
    if arrivals.update(undone_at=timezone.now(), undone_by=by[:80]):
        log.info("🎟️  Check-in taken back: " + participant.registration_id)
    registration = participant.registration
    return Answer(Verdict.ALREADY, registration, guests(registration))


def guests(registration: Registration) -> list[Guest]:
    return [_guest(one) for one in _people().filter(registration=registration)]


def _people() -> QuerySet[Participant]:
    here = Prefetch("arrivals", Arrival.objects.filter(undone_at__isnull=True), to_attr="here")
    return Participant.objects.order_by("position").prefetch_related(here)


def _guest(participant: Participant) -> Guest:
    here: list[Arrival] = participant.here  # type: ignore[attr-defined]
    return Guest(participant, here[0] if here else None)


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many have arrived, of all who may."""

    arrived: int = 0
    expected: int = 0


def crowd(event: Event) -> Crowd:
    return crowds([event])[event.pk]


def crowds(events: Sequence[Event]) -> dict[str, Crowd]:
    """By the events' ids."""
    theirs = Participant.objects.filter(
        registration__event__in=events, registration__status__in=CONFIRMED
    )
    counted = (
        theirs.order_by()
        .values("registration__event")
        .annotate(
            arrived=Count("arrivals", filter=Q(arrivals__undone_at__isnull=True)),
            expected=Count("pk", distinct=True),
        )
    )
    rows = counted.values_list("registration__event", "arrived", "expected")
    known = {event_id: Crowd(arrived, expected) for event_id, arrived, expected in rows}
    return {event.pk: known.get(event.pk, Crowd()) for event in events}


def found(event: Event, words: str) -> list[Answer]:
    """Registrations by a participant's or contact's name, or by number: all words have to fit.

    Whoever stands there types no accents.
    """
    theirs = Registration.objects.filter(event=event)
    people = Participant.objects.filter(registration=OuterRef("pk"))
    for word in words.replace("\0", "").split()[:6]:
        named = people.filter(Q(first_name__named=word) | Q(last_name__named=word))
        theirs = theirs.filter(Q(contact_name__named=word) | Q(pk__icontains=word) | Exists(named))
    some = theirs.select_related("event").prefetch_related(Prefetch("participants", _people()))
    return [_seen(one) for one in some.order_by("contact_name", "pk")[:MOST_FOUND]]


def _seen(registration: Registration) -> Answer:
    """As it would be answered, without letting anybody in."""
    here = [_guest(one) for one in registration.participants.all()]
    no = refusal(registration.status, is_here=True)
    everybody = all(one.arrival for one in here)
    return Answer(no or (Verdict.ALREADY if everybody else Verdict.WELCOME), registration, here)
