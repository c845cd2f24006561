"""What stands on a receipt: frozen when its number is given."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from inscrit.organisation.models import Organisation
from inscrit.payments.line_items import lines_of
from inscrit.registrations.models import Participant, Registration


def _named(person: Participant) -> str:
    return f"{person} ({person.option_name})" if person.option_name else str(person)


class Issuer(Struct, frozen=True):
    """Who received the money."""

    name: str
    address: str = ""
    registration_number: str = ""
    tax_note: str = ""
    contact_email: str = ""

    @classmethod
    def of(cls, one: Organisation) -> "Issuer":
        return cls(str(one), one.address, one.registration_number, one.tax_note, one.contact_email)


class Line(Struct, frozen=True):
    """Something that was paid for, a price option or the event itself; amounts in minor units.

    ``price`` of one of them is None where it was not noted.
    """

    title: str
    quantity: int
    amount: int
    price: int | None = None


def _lines(registration: Registration, people: Iterable[Participant]) -> tuple[Line, ...]:
    """One for each price; one in all where another amount came than these make."""
    title, came = registration.event.title, registration.received
    if (came.amount, came.currency) != (registration.amount, registration.currency):
        return (Line(title, registration.places, came.amount),)
    return tuple(
        Line(one.option or title, one.quantity, one.price * one.quantity, one.price)
        for one in lines_of(registration, people)
    )


class Statement(Struct, frozen=True):
    """All of it, but for the refunds that come later."""

    issuer: Issuer
    payer: str
    lines: tuple[Line, ...]
    participants: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    location: str
    amount: int
    currency: str
    method: str
    paid_at: datetime
    title: str = ""

    @classmethod
    def of(cls, registration: Registration, paid_at: datetime) -> "Statement":
        event, people = registration.event, registration.participants.all()
        return cls(
            issuer=Issuer.of(Organisation.current()),
            payer=registration.contact_name,
            title=event.title,
            lines=_lines(registration, people),
            participants=tuple(map(_named, people)),
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            time_zone=event.time_zone,
            location=event.location,
            amount=registration.received.amount,
            currency=registration.received.currency,
            method=registration.payment_method,
            paid_at=paid_at,
        )
