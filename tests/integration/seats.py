"""Registrations as they stand in the database, for tests of what follows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.registrations.models import JournalEntry, Participant, Registration


def event(**said: Any) -> Event:
    values = {
        "title": "L’école à la ferme",
        "location": "Ferme du Bois-Joli",
        "starts_at": datetime(2031, 5, 14, 7, 30, tzinfo=UTC),
        "ends_at": datetime(2031, 5, 14, 15, 0, tzinfo=UTC),
        "price": 1250,
        "status": EventStatus.PUBLISHED,
    }
    return Event.objects.create(**{**values, **said})


def seat(at: Event, *people: str, **said: Any) -> Registration:
    """A registration for these first names, paid unless something else is said."""
    people = people or ("Léa", "Noé")
    values: dict[str, Any] = {
        "status": "PAID",
        "contact_name": "Zoé O’Brien",
        "contact_email": "zoe@example.org",
        "locale": "fr",
        "places": len(people),
        "amount": at.price * len(people),
        "currency": "eur",
        "paid_at": timezone.now(),
    }
    values |= said
    if values["status"] == "PENDING":
        values |= {"paid_at": None, "hold_expires_at": timezone.now() + timedelta(minutes=20)}
    made = Registration.objects.create(event=at, **values)
    for position, name in enumerate(people, start=1):
        Participant.objects.create(
            registration=made, position=position, first_name=name, last_name="O’Brien"
        )
    JournalEntry.objects.create(
        registration=made, to_status=made.status, reason="registered", actor="registrant"
    )
    return made
