"""What goes in and out of the API, as JSON."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from inscrit import config
from inscrit.events.models import Event, EventStatus, LatePaymentPolicy, LostDisputePolicy
from inscrit.registrations.lifecycle import Outcome, Resolution
from inscrit.registrations.models import (
    JournalEntry,
    PaymentMethod,
    Registration,
    RegistrationStatus,
)
from inscrit.registrations.services import MOST_PARTICIPANTS, Contact, Order, Person
from inscrit.webhooks.models import EventOutcome, StripeEvent

from . import values

EVENT: JsonDict = {
    "title": "Summer fête",
    "description": "Games, music and a barbecue in the school yard.",
    "location": "École du Parc",
    "starts_at": "2027-07-03T14:00:00+02:00",
    "ends_at": "2027-07-03T19:00:00+02:00",
    "price": 1250,
    "currency": "eur",
    "capacity": 120,
    "status": "published",
    "late_payment": "reseat_or_refund",
}
REGISTRATION: JsonDict = {
    "contact": {"name": "Camille Martin", "email": "camille@example.org", "locale": "fr"},
    "participants": [
        {"first_name": "Lou", "last_name": "Martin"},
        {"first_name": "Noé", "last_name": "Martin"},
    ],
    "payment_method": "stripe",
}


# The default of a field that may be left out, but not be null.
LEFT_OUT: Any = None


class Given(BaseModel):
    """What a caller sends. A field that we don't know is refused: it may be a misspelt one."""

    model_config = ConfigDict(extra="forbid")


class EventPatch(Given):
    """Only the fields that stand here are changed."""

    model_config = ConfigDict(json_schema_extra={"example": {"capacity": 150}})

    title: values.Line = LEFT_OUT
    description: values.Lines = LEFT_OUT
    location: values.OptionalLine = LEFT_OUT
    starts_at: values.Time = LEFT_OUT
    ends_at: values.Time = LEFT_OUT
    time_zone: values.TimeZone = LEFT_OUT
    price: values.Price = LEFT_OUT
    currency: values.Currency = LEFT_OUT
    capacity: values.Capacity | None = LEFT_OUT
    sales_end_at: values.Time | None = LEFT_OUT
    refund_until: values.Time | None = LEFT_OUT
    status: Literal["draft", "published"] = LEFT_OUT
    late_payment: LatePaymentPolicy = LEFT_OUT
    lost_dispute: LostDisputePolicy = LEFT_OUT
    offer_hours: values.OfferHours = LEFT_OUT

    def given(self) -> dict[str, Any]:
        """The fields that the caller wrote, with their values."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class EventIn(EventPatch):
    """A new event."""

    model_config = ConfigDict(json_schema_extra={"example": EVENT})

    title: values.Line
    starts_at: values.Time
    ends_at: values.Time
    price: values.Price
    currency: values.Currency
    capacity: values.Capacity | None


class EventOut(BaseModel):
    """An event with its places. ``sales_end_at`` null: registration closes when it starts.

    ``waiting`` places are wanted on its waiting list; ``remaining`` are those beyond them.
    """

    id: str
    slug: str
    url: str
    title: str
    description: str
    location: str
    starts_at: values.Moment
    ends_at: values.Moment
    time_zone: str
    price: values.Price
    currency: values.Currency
    capacity: values.Capacity | None
    confirmed: int
    held: int
    waiting: int
    remaining: int | None
    sales_end_at: values.Moment | None
    refund_until: values.Moment | None
    status: EventStatus
    late_payment: LatePaymentPolicy
    lost_dispute: LostDisputePolicy
    offer_hours: int

    @classmethod
    def of(cls, event: Event, **more: int) -> Self:
        own = {name: getattr(event, name) for name in EventOut.model_fields if name != "url"}
        url = config.current().public_url + event.get_absolute_url()
        return cls.model_validate({**own, **more, "url": url})


class EventCancelled(EventOut):
    """The event after its cancellation, and how far that is. Amounts in minor units.

    `cancelled` registrations have given up their places, `waiting` still have them: the worker
    goes on with those. `refunds_failed` refunds need a person.
    """

    cancelled: int
    waiting: int
    to_refund: int
    refunded: int
    refunds_failed: int


class EventPage(BaseModel):
    items: list[EventOut]
    next: str | None


class PlacesOut(BaseModel):
    """``next_release_at``: when a held place may come free at the earliest."""

    capacity: int | None
    confirmed: int
    held: int
    remaining: int | None
    next_release_at: values.Moment | None

    @classmethod
    def of(cls, event: Event) -> Self:
        holding = event.registrations.filter(status=RegistrationStatus.PENDING)
        return cls(
            capacity=event.capacity,
            confirmed=event.confirmed,
            held=event.held,
            remaining=event.remaining,
            next_release_at=holding.order_by("hold_expires_at")
            .values_list("hold_expires_at", flat=True)
            .first(),
        )


def known_locale(given: str | None) -> str:
    """One of our languages: the one asked for, else the installation's."""
    language = (given or "").replace("_", "-").split("-")[0].lower()
    return language if language in config.LANGUAGES else config.current().language_code


class ContactIn(Given):
    name: values.Line
    email: values.Email
    locale: Annotated[
        str | None, Field(description="`fr` or `en`; any other is the installation's default.")
    ] = None

    def known(self) -> Contact:
        return Contact(self.name, self.email, known_locale(self.locale))


class ParticipantIn(Given):
    first_name: values.Name
    last_name: values.Name


class RegistrationIn(Given):
    model_config = ConfigDict(json_schema_extra={"example": REGISTRATION})

    contact: ContactIn
    participants: Annotated[list[ParticipantIn], Field(min_length=1, max_length=MOST_PARTICIPANTS)]
    payment_method: PaymentMethod = PaymentMethod.STRIPE

    def order(self, event_id: str, idempotency_key: str | None) -> Order:
        return Order(
            event_id=event_id,
            contact=self.contact.known(),
            participants=[Person(p.first_name, p.last_name) for p in self.participants],
            method=self.payment_method,
            idempotency_key=idempotency_key,
        )


class RegistrationCreated(BaseModel):
    """``token`` opens the registration without a key; ``checkout_url`` is where to pay."""

    id: str
    status: RegistrationStatus
    amount: values.Price
    currency: values.Currency
    places: int
    checkout_url: str | None
    hold_expires_at: values.Moment | None
    token: str

    @classmethod
    def of(cls, registration: Registration, checkout_url: str | None) -> Self:
        return cls(
            id=registration.pk,
            status=RegistrationStatus(registration.status),
            amount=registration.amount,
            currency=registration.currency,
            places=registration.places,
            checkout_url=checkout_url,
            hold_expires_at=registration.hold_expires_at,
            token=registration.token,
        )


class ParticipantOut(BaseModel):
    first_name: str
    last_name: str


class ContactOut(BaseModel):
    name: str
    email: str
    locale: str


class Step(BaseModel):
    """One line of a registration's journal. ``actor`` and ``stripe_event`` are for the staff."""

    at: values.Moment
    from_status: RegistrationStatus | None
    status: RegistrationStatus
    reason: str
    actor: str | None
    stripe_event: str | None

    @classmethod
    def of(cls, entry: JournalEntry, *, for_staff: bool) -> Self:
        return cls(
            at=entry.at,
            from_status=RegistrationStatus(entry.from_status) if entry.from_status else None,
            status=RegistrationStatus(entry.to_status),
            reason=entry.reason,
            actor=entry.actor if for_staff else None,
            stripe_event=entry.stripe_event or None if for_staff else None,
        )


class RegistrationOut(BaseModel):
    """A registration with everything that happened to it, the oldest first."""

    id: str
    event_id: str
    status: RegistrationStatus
    payment_method: PaymentMethod
    amount: values.Price
    amount_refunded: int
    currency: values.Currency
    places: int
    contact: ContactOut
    participants: list[ParticipantOut]
    created_at: values.Moment
    hold_expires_at: values.Moment | None
    paid_at: values.Moment | None
    review: Annotated[str | None, Field(description="Why a person should look at it.")]
    cancelling: Annotated[
        bool, Field(description="It is cancelled as soon as Stripe has ended its Checkout session.")
    ]
    timeline: list[Step]

    @classmethod
    def of(cls, registration: Registration, *, for_staff: bool) -> Self:
        return cls(
            id=registration.pk,
            event_id=registration.event_id,
            status=RegistrationStatus(registration.status),
            payment_method=PaymentMethod(registration.payment_method),
            amount=registration.amount,
            amount_refunded=registration.amount_refunded,
            currency=registration.currency,
            places=registration.places,
            contact=ContactOut(
                name=registration.contact_name,
                email=registration.contact_email,
                locale=registration.locale,
            ),
            participants=[
                ParticipantOut(first_name=person.first_name, last_name=person.last_name)
                for person in registration.participants.all()
            ],
            created_at=registration.created_at,
            hold_expires_at=registration.hold_expires_at,
            paid_at=registration.paid_at,
            review=registration.review,
            cancelling=bool(registration.cancelling),
            timeline=[Step.of(entry, for_staff=for_staff) for entry in registration.journal.all()],
        )


class ReviewIn(Given):
    """`accept` seats the registration by the money that is there, `refund` gives it back,
    `ignore` leaves everything as it is.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"resolution": "accept"}})

    resolution: Resolution


class RefundIn(Given):
    """Without an amount all of it goes back."""

    model_config = ConfigDict(json_schema_extra={"example": {"amount": 500}})

    amount: Annotated[values.Price, Field(gt=0)] | None = None


class StripeEventOut(BaseModel):
    """A Stripe event in the inbox. ``object`` is the id of the Stripe object it is about."""

    id: str
    type: str
    created: values.Moment
    received_at: values.Moment
    livemode: bool
    object: str | None
    registration: str | None
    outcome: EventOutcome
    reason: str
    deliveries: int
    attempts: int

    @classmethod
    def of(cls, stored: StripeEvent, **more: Any) -> Self:
        return cls(
            id=stored.pk,
            type=stored.type,
            created=stored.created,
            received_at=stored.received_at,
            livemode=stored.livemode,
            object=stored.object_id or None,
            registration=stored.registration_id or None,
            outcome=EventOutcome(stored.outcome),
            reason=stored.reason,
            deliveries=stored.deliveries,
            attempts=stored.attempts,
            **more,
        )


class StripeEventPage(BaseModel):
    items: list[StripeEventOut]
    next: str | None


class StripeEventInFull(StripeEventOut):
    """``payload`` as Stripe sent it, null once it has been purged.

    ``signed_with`` is the fingerprint of the signing secret that verified it; ``changes`` what it
    changed, as the journal has it; ``next_try_at`` when it is applied again by itself.
    """

    api_version: str | None
    signed_with: str
    duration_us: Annotated[int, Field(description="Microseconds until it could be committed.")]
    next_try_at: values.Moment | None
    changes: list[Step]
    payload: dict[str, Any] | None

    @classmethod
    def of(cls, stored: StripeEvent, **more: Any) -> Self:
        return super().of(
            stored,
            api_version=stored.api_version or None,
            signed_with=stored.secret,
            duration_us=stored.duration_us,
            next_try_at=stored.next_try_at,
            changes=[
                Step.of(entry, for_staff=True)
                for entry in JournalEntry.objects.filter(
                    registration=stored.registration_id, stripe_event=stored.pk
                )
            ],
            payload=json.loads(stored.payload_to_show) if stored.payload else None,
            **more,
        )


class ReplayOut(BaseModel):
    id: str
    outcome: Outcome
    reason: str
    changes: Annotated[list[str], Field(description="What it changed, or would change.")]
    dry_run: bool


class FieldError(BaseModel):
    field: str
    message: str


class ProblemOut(BaseModel):
    """RFC 9457. ``code`` is stable; some codes bring members of their own."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "about:blank",
                "title": "Conflict",
                "status": 409,
                "code": "sold_out",
                "detail": "Not enough places are left.",
                "remaining": 1,
            }
        },
    )

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError] = []
