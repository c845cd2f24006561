"""What goes in and out of the API, as JSON."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator
from pydantic.config import JsonDict

from inscrit import config
from inscrit.events.models import (
    Consent,
    Event,
    EventStatus,
    LatePaymentPolicy,
    LostDisputePolicy,
    PriceOption,
    Question,
)
from inscrit.events.photos import Photo
from inscrit.events.questions import QuestionKind, QuestionScope
from inscrit.registrations.lifecycle import Outcome, Resolution
from inscrit.registrations.models import (
    Agreement,
    Answer,
    JournalEntry,
    Participant,
    PaymentMethod,
    Registration,
    RegistrationStatus,
)
from inscrit.registrations.services import (
    MOST_PARTICIPANTS,
    Consenting,
    Contact,
    Order,
    Person,
)
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
    "payment_methods": ["stripe", "cheque"],
    "payment_days": 10,
    "how_to_pay": "Cheques payable to Amicale de l’école du Parc, to be left at the office.",
    "options": [
        {"name": "Adulte", "other_name": "Adult", "price": 1250},
        {"name": "Enfant", "other_name": "Child", "price": 800, "quota": 60},
    ],
    "questions": [
        {
            "text": "Des allergies ?",
            "other_text": "Any allergies?",
            "kind": "text",
            "scope": "participant",
        },
        {
            "text": "Repas",
            "other_text": "Meal",
            "kind": "choice",
            "choices": ["Avec viande", "Sans viande"],
            "other_choices": ["With meat", "Without meat"],
            "required": True,
        },
    ],
    "consents": [
        {"text": "J’accepte le règlement.", "other_text": "I accept the rules.", "required": True}
    ],
}
REGISTRATION: JsonDict = {
    "contact": {"name": "Camille Martin", "email": "camille@example.org", "locale": "fr"},
    "participants": [
        {"first_name": "Lou", "last_name": "Martin"},
        {"first_name": "Noé", "last_name": "Martin"},
    ],
    "payment_method": "stripe",
}
# The same for an event that has price options, questions and consents.
REGISTRATION_IN_FULL: JsonDict = {
    "contact": {"name": "Camille Martin", "email": "camille@example.org", "locale": "fr"},
    "participants": [
        {
            "first_name": "Lou",
            "last_name": "Martin",
            "option": "opt-6fzq2mk9w3x7",
            "answers": [{"question": "qst-8hr4tnc2vy5p", "value": "arachides"}],
        }
    ],
    "answers": [{"question": "qst-b3kq9z7m2xwd", "value": "Sans viande"}],
    "consents": [{"consent": "cst-p4n8s2tjv6ye", "given": True}],
    "payment_method": "cheque",
}


# The lists of what an event offers and asks; how long each may be.
ASKED = ("options", "questions", "consents")
MOST_ASKED = 50
# The default of a field that may be left out, but not be null.
LEFT_OUT: Any = None


class Given(BaseModel):
    """What a caller sends. A field that we don't know is refused: it may be a misspelt one."""

    model_config = ConfigDict(extra="forbid")


class OptionIn(Given):
    """A price. ``other_name`` is for readers of the other language; ``quota`` null: no limit."""

    id: Annotated[values.Word | None, Field(description="Of one that exists already.")] = None
    name: values.Name
    other_name: values.OptionalName = ""
    price: values.Price
    quota: values.Capacity | None = None
    active: StrictBool = True


class QuestionIn(Given):
    """`choices` and `other_choices` are for the kind `choice`, in the same order."""

    id: Annotated[values.Word | None, Field(description="Of one that exists already.")] = None
    text: values.Question
    other_text: values.OptionalQuestion = ""
    kind: QuestionKind = QuestionKind.TEXT
    scope: QuestionScope = QuestionScope.REGISTRATION
    choices: values.Choices = []
    other_choices: values.Choices = []
    required: StrictBool = False
    active: StrictBool = True

    @model_validator(mode="after")
    def _has_choices(self) -> Self:
        if (self.kind == QuestionKind.CHOICE) != bool(self.choices):
            raise ValueError("A question of the kind choice has choices, and no other has.")
        if self.other_choices and len(self.other_choices) != len(self.choices):
            raise ValueError("Write as many other_choices as choices, in the same order.")
        return self


class ConsentIn(Given):
    id: Annotated[values.Word | None, Field(description="Of one that exists already.")] = None
    text: values.Consent
    other_text: values.OptionalConsent = ""
    required: StrictBool = False
    active: StrictBool = True


ALL_OF_THEM = (
    "The whole list, in its order. Those with an `id` are changed, those without are new; one that "
    "is left out is deleted, or retired (`active` false) if somebody has it already."
)
Options = Annotated[list[OptionIn], Field(max_length=MOST_ASKED, description=ALL_OF_THEM)]
Questions = Annotated[list[QuestionIn], Field(max_length=MOST_ASKED, description=ALL_OF_THEM)]
Consents = Annotated[list[ConsentIn], Field(max_length=MOST_ASKED, description=ALL_OF_THEM)]
Methods = Annotated[
    list[PaymentMethod],
    Field(
        min_length=1, description="The ways to pay that are offered; unless told, the first two."
    ),
]


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
    currency: values.ChargedCurrency = LEFT_OUT
    capacity: values.Capacity | None = LEFT_OUT
    sales_end_at: values.Time | None = LEFT_OUT
    refund_until: values.Time | None = LEFT_OUT
    status: Literal["draft", "published"] = LEFT_OUT
    late_payment: LatePaymentPolicy = LEFT_OUT
    lost_dispute: LostDisputePolicy = LEFT_OUT
    offer_hours: values.OfferHours = LEFT_OUT
    payment_methods: Methods = LEFT_OUT
    payment_days: values.Days = LEFT_OUT
    how_to_pay: values.Lines = LEFT_OUT
    options: Options = LEFT_OUT
    questions: Questions = LEFT_OUT
    consents: Consents = LEFT_OUT

    def given(self) -> dict[str, Any]:
        """The event's own fields that the caller wrote, with their values."""
        own = self.model_fields_set - set(ASKED)
        return {name: getattr(self, name) for name in own}

    def asked(self) -> dict[str, list[dict[str, Any]]]:
        """The lists of what is offered and asked that the caller wrote."""
        lists = self.model_dump(include=self.model_fields_set & set(ASKED))
        for question in lists.get("questions", ()):
            for name in ("choices", "other_choices"):
                question[name] = "\n".join(question[name])
        return lists


class EventIn(EventPatch):
    """A new event."""

    model_config = ConfigDict(json_schema_extra={"example": EVENT})

    title: values.Line
    starts_at: values.Time
    ends_at: values.Time
    price: values.Price
    currency: values.ChargedCurrency
    capacity: values.Capacity | None


class OptionOut(BaseModel):
    """``remaining``: how many can still have this price; null without a quota."""

    id: str
    name: str
    other_name: str
    price: values.Price
    quota: int | None
    remaining: int | None
    active: bool


class QuestionOut(BaseModel):
    """What is sent as the answer to a `choice` is one of `choices`, to `yes_no` a boolean."""

    id: str
    text: str
    other_text: str
    kind: QuestionKind
    scope: QuestionScope
    choices: list[str]
    other_choices: list[str]
    required: bool
    active: bool

    @classmethod
    def of(cls, question: Question) -> Self:
        own = {name: getattr(question, name) for name in cls.model_fields}
        lines = {"choices": question.lines, "other_choices": question.other_lines}
        return cls.model_validate(own | lines)


class ConsentOut(BaseModel):
    id: str
    text: str
    other_text: str
    required: bool
    active: bool


class PhotoSize(BaseModel):
    url: str
    width: int


class PhotoOut(BaseModel):
    """``url`` is the largest of its ``sizes``; each may be kept for ever. ``alt_fr`` and ``alt_en``
    say what it shows, to those who don't see it.
    """

    url: str
    width: int
    height: int
    alt_fr: str
    alt_en: str
    sizes: list[PhotoSize]

    @classmethod
    def of(cls, photo: Photo) -> Self:
        site = config.current().public_url
        sizes = [PhotoSize(url=site + path, width=width) for width, path in photo.files]
        own = {name: getattr(photo, name) for name in ("width", "height", "alt_fr", "alt_en")}
        return cls(url=site + photo.largest, sizes=sizes, **own)


class EventOut(BaseModel):
    """An event with its places. ``sales_end_at`` null: registration closes when it starts.

    ``remaining`` are the places beyond those that its waiting list would be offered now; 0 also
    where each of its ``options`` is full. How many are ``waiting``, ``how_to_pay`` and what is not
    ``active`` is told to the staff only.
    ``price`` is what a place costs where there are no ``options``; where there are, each
    participant takes one of them.
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
    waiting: int | None
    remaining: int | None
    sales_end_at: values.Moment | None
    refund_until: values.Moment | None
    status: EventStatus
    late_payment: LatePaymentPolicy
    lost_dispute: LostDisputePolicy
    offer_hours: int
    payment_methods: list[PaymentMethod]
    payment_days: int
    how_to_pay: str | None
    photo: PhotoOut | None
    options: list[OptionOut]
    questions: list[QuestionOut]
    consents: list[ConsentOut]

    @classmethod
    def of(cls, event: Event, *, for_staff: bool = False, **more: int) -> Self:
        photo = getattr(event, "photo", None)
        told = {
            "url": config.current().public_url + event.get_absolute_url(),
            "remaining": event.left,
            "waiting": event.waiting if for_staff else None,
            "how_to_pay": event.how_to_pay if for_staff else None,
            "photo": PhotoOut.of(photo) if photo else None,
        }
        asked = {
            name: [_out(one) for one in getattr(event, name).all() if for_staff or one.active]
            for name in ASKED
        }
        made = EventOut.model_fields.keys() - told.keys() - asked.keys()
        own = {name: getattr(event, name) for name in made}
        return cls.model_validate(own | asked | told | more)


def _out(one: PriceOption | Question | Consent) -> OptionOut | QuestionOut | ConsentOut:
    match one:
        case PriceOption():
            return OptionOut.model_validate(one, from_attributes=True)
        case Question():
            return QuestionOut.of(one)
    return ConsentOut.model_validate(one, from_attributes=True)


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
    """``remaining`` is 0 where each price is full, too. ``next_release_at``: when a held place may
    come free at the earliest.
    """

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
            remaining=event.left,
            next_release_at=holding.order_by("hold_expires_at")
            .values_list("hold_expires_at", flat=True)
            .first(),
        )


def known_locale(given: str | None) -> str:
    """One of our languages: the one asked for, else the installation's."""
    language = (given or "").replace("_", "-").split("-")[0].lower()
    return language if language in config.LANGUAGES else config.current().language_code


class ContactIn(Given):
    name: values.ContactName
    email: values.Email
    locale: Annotated[
        str | None, Field(description="`fr` or `en`; any other is the installation's default.")
    ] = None

    def known(self) -> Contact:
        return Contact(self.name, self.email, known_locale(self.locale))


class AnswerIn(Given):
    """The answer to one of the event's `questions`: a text, one of its `choices`, or a boolean."""

    question: values.Word
    value: values.Lines | StrictBool

    @property
    def reply(self) -> tuple[str, str]:
        if isinstance(self.value, bool):
            return self.question, "yes" if self.value else "no"
        return self.question, self.value


class ConsentGivenIn(Given):
    """Whether one of the event's `consents` is given, in the contact's language."""

    consent: values.Word
    given: StrictBool


Answers = Annotated[list[AnswerIn], Field(max_length=MOST_ASKED)]


class ParticipantIn(Given):
    """`option` is needed where the event has more than one."""

    first_name: values.PersonName
    last_name: values.PersonName
    option: values.Word | None = None
    answers: Answers = []

    @property
    def person(self) -> Person:
        replies = tuple(one.reply for one in self.answers)
        return Person(self.first_name, self.last_name, self.option, replies)


class RegistrationIn(Given):
    """`payment_method` is one that the event offers; unless told, the first of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": REGISTRATION,
            "examples": [REGISTRATION, REGISTRATION_IN_FULL],
        }
    )

    contact: ContactIn
    participants: Annotated[list[ParticipantIn], Field(min_length=1, max_length=MOST_PARTICIPANTS)]
    payment_method: PaymentMethod | None = None
    answers: Answers = []
    consents: Annotated[list[ConsentGivenIn], Field(max_length=MOST_ASKED)] = []

    def order(self, event_id: str, idempotency_key: str | None) -> Order:
        return Order(
            event_id=event_id,
            contact=self.contact.known(),
            participants=[participant.person for participant in self.participants],
            method=self.payment_method,
            idempotency_key=idempotency_key,
            answers=tuple(one.reply for one in self.answers),
            consents=tuple(Consenting(one.consent, one.given) for one in self.consents),
        )


class OfferIn(Given):
    """`payment_method` is one that the event offers; unless told, the offer's own."""

    model_config = ConfigDict(json_schema_extra={"example": {"payment_method": "cheque"}})

    payment_method: PaymentMethod | None = None


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


class AnswerOut(BaseModel):
    """``text`` is the question in the registrant's language, ``value`` as it was sent."""

    question: str
    text: str
    value: str | bool

    @classmethod
    def of(cls, answer: Answer, locale: str) -> Self:
        question = answer.question
        value = answer.value == "yes" if question.kind == QuestionKind.YES_NO else answer.value
        return cls(question=question.pk, text=question.wording(locale), value=value)


class AgreementOut(BaseModel):
    """``text`` is what was read, word for word, and ``at`` when."""

    consent: str
    text: str
    given: bool
    at: values.Moment

    @classmethod
    def of(cls, agreement: Agreement) -> Self:
        return cls(
            consent=agreement.consent_id,
            text=agreement.text,
            given=agreement.given,
            at=agreement.at,
        )


class OptionTaken(BaseModel):
    """A price option as it was when the place was given."""

    id: str
    name: str


class NameOut(BaseModel):
    first_name: str
    last_name: str


class ParticipantOut(NameOut):
    """``price`` is what the place costs, null for registrations made before there were options."""

    option: OptionTaken | None
    price: values.Price | None
    answers: list[AnswerOut]

    @classmethod
    def of(cls, person: Participant, locale: str) -> Self:
        taken = person.option_id
        return cls(
            first_name=person.first_name,
            last_name=person.last_name,
            option=OptionTaken(id=taken, name=person.option_name) if taken else None,
            price=person.price,
            answers=[AnswerOut.of(one, locale) for one in person.answers.all()],
        )


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
    answers: list[AnswerOut]
    consents: list[AgreementOut]
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
                ParticipantOut.of(person, registration.locale)
                for person in registration.participants.all()
            ],
            answers=[
                AnswerOut.of(one, registration.locale)
                for one in registration.answers.all()
                if one.participant_id is None
            ],
            consents=[AgreementOut.of(one) for one in registration.agreements.all()],
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


def refusals(*statuses: int) -> dict[int, type[ProblemOut]]:
    """What an operation answers with these statuses."""
    return dict.fromkeys(statuses, ProblemOut)
