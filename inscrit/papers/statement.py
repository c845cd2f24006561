"""What stands on a receipt: frozen when its number is given."""

from datetime import datetime

from msgspec import Struct

from inscrit.organisation.models import Organisation
from inscrit.registrations.models import Registration


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
    """Something that was paid for. ``amount`` is in minor units."""

    title: str
    quantity: int
    amount: int


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

    @classmethod
    def of(cls, registration: Registration, paid_at: datetime) -> "Statement":
        event = registration.event
        return cls(
            issuer=Issuer.of(Organisation.current()),
            payer=registration.contact_name,
            lines=(Line(event.title, registration.places, registration.amount),),
            participants=tuple(str(one) for one in registration.participants.all()),
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            time_zone=event.time_zone,
            location=event.location,
            amount=registration.amount,
            currency=registration.currency,
            method=registration.payment_method,
            paid_at=paid_at,
        )
