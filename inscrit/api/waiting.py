"""``/events/{id}/waiting-list``: who waits for a place."""
# ruff: noqa: ARG001 - every operation is given the request

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel, Field

from inscrit import config
from inscrit.events.models import Event
from inscrit.registrations.models import RegistrationStatus
from inscrit.registrations.quote import Seat
from inscrit.registrations.services import (
    MOST_PARTICIPANTS,
    Consenting,
    Order,
)
from inscrit.waiting import services
from inscrit.waiting.models import State, WaitingEntry

from . import problems, values
from .access import Request, anybody, staff
from .orders import objections
from .paging import PageQuery, page
from .problems import Problem
from .schemas import (
    MOST_ASKED,
    REGISTRATION,
    Answers,
    ConsentGivenIn,
    ContactIn,
    ContactOut,
    Given,
    NameOut,
    OptionTaken,
    ParticipantIn,
    refusals,
)

router = Router(tags=["waiting list"])
ANYBODY: dict[str, Any] = {"security": [{}]}
EXAMPLE = {name: REGISTRATION[name] for name in ("contact", "participants")}


class WaitingIn(Given):
    """As a registration, without a way to pay: there is nothing to pay yet.

    What was chosen, answered and agreed to is kept, and goes into the registration once there is
    an offer.
    """

    model_config = Given.model_config | {"json_schema_extra": {"example": EXAMPLE}}

    contact: ContactIn
    participants: Annotated[list[ParticipantIn], Field(min_length=1, max_length=MOST_PARTICIPANTS)]
    answers: Answers = Field(default_factory=list)
    consents: Annotated[list[ConsentGivenIn], Field(max_length=MOST_ASKED)] = Field(
        default_factory=list
    )

    def order(self, event_id: str) -> Order:
        return Order(
            event_id,
            self.contact.known(),
            [one.person for one in self.participants],
            answers=tuple(one.reply for one in self.answers),
            consents=tuple(Consenting(one.consent, one.given) for one in self.consents),
        )


class WaitingPersonOut(NameOut):
    """``option``: the price they wait for, where the event has several."""

    option: OptionTaken | None

    @classmethod
    def of(cls, seat: Seat, locale: str) -> Self:
        option = seat.option
        named = OptionTaken(id=option.pk, name=option.wording(locale)) if option else None
        person = seat.person
        return cls(first_name=person.first_name, last_name=person.last_name, option=named)


class WaitingCreated(BaseModel):
    """``url`` is the personal page of whoever waits; it shows the position and gives it up.

    All but ``places`` is told to the staff only: whoever waits has it by mail.
    """

    id: str | None = None
    position: int | None = None
    places: int
    token: str | None = None
    url: str | None = None

    @classmethod
    def of(cls, entry: WaitingEntry) -> Self:
        return cls(
            id=entry.pk,
            position=entry.position,
            places=entry.places,
            token=entry.token,
            url=config.current().public_url + entry.get_absolute_url(),
        )


class WaitingOut(BaseModel):
    """A place in the line. ``number`` is the order; after an offer, its registration tells more.

    ``amount`` is what the places cost now; it is settled when they are offered.
    """

    id: str
    number: int
    state: State
    places: int
    contact: ContactOut
    participants: list[WaitingPersonOut]
    amount: values.Price
    currency: str
    created_at: values.Moment
    registration_id: str | None
    registration_status: RegistrationStatus | None
    offered_until: values.Moment | None

    @classmethod
    def of(cls, entry: WaitingEntry) -> Self:
        offered = entry.registration
        return cls(
            id=entry.pk,
            number=entry.number,
            state=State(entry.state),
            places=entry.places,
            contact=ContactOut(
                name=entry.contact_name, email=entry.contact_email, locale=entry.locale
            ),
            participants=[WaitingPersonOut.of(one, entry.locale) for one in entry.seats],
            amount=entry.amount,
            currency=entry.currency,
            created_at=entry.created_at,
            registration_id=entry.registration_id,
            registration_status=RegistrationStatus(offered.status) if offered else None,
            offered_until=offered.offered_until if offered else None,
        )


class WaitingPage(BaseModel):
    items: list[WaitingOut]
    next: str | None


class WaitingQuery(PageQuery):
    state: Annotated[State | None, Field(description="Only those in this state.")] = None


@router.post(
    "/{slug:event_id}/waiting-list",
    auth=anybody,
    response={201: WaitingCreated, **refusals(404, 409, 422)},
    openapi_extra=ANYBODY,
)
def join_waiting_list(request: Request, event_id: str, body: WaitingIn) -> Status[WaitingCreated]:
    """Wait for places at an event that is sold out. A mail with the personal link is sent.

    Without a key the answer is the same for an address that waits already, or has an offer that
    stands: it gets a mail with its link. With a key that is `409 already_waiting`.

    Whoever's turn it is gets an offer by mail, with a link to pay. Coming by and registering does
    not overtake: places that somebody in the line would be offered now are not sold.

    `409 places_left` with `remaining`: register instead · `409 sales_closed` · `409 never_enough`
    with `capacity`: the event has fewer places in all, or at the price `option`.
    """
    order = body.order(event_id)
    with _told():
        if not request.auth.is_staff:
            services.ask_to_join(order)
            return Status(201, WaitingCreated(places=len(order.participants)))
        return Status(201, WaitingCreated.of(services.join(order, actor=request.auth.actor)))


@router.get(
    "/{slug:event_id}/waiting-list",
    auth=staff,
    response={200: WaitingPage, **refusals(401, 403, 404, 422)},
)
def list_waiting(request: Request, event_id: str, query: Query[WaitingQuery]) -> WaitingPage:
    """The waiting list in its order, with whoever has left it."""
    if not Event.objects.filter(pk=event_id).exists():
        raise problems.not_found("event")
    entries = (
        WaitingEntry.objects.filter(event=event_id)
        .select_related("event", "registration")
        .prefetch_related("event__options")
    )
    if query.state is not None:
        entries = entries.filter(state=query.state)
    found = page(entries, "created_at", query)
    return WaitingPage(items=[WaitingOut.of(one) for one in found.items], next=found.next)


@contextmanager
def _told() -> Iterator[None]:
    """What stands in the way of joining, as problems. Raises Problem."""
    try:
        with objections():
            yield
    except services.PlacesLeft as left:
        detail = "There are enough places: register instead."
        raise Problem(409, "places_left", detail, remaining=left.remaining) from None
    except services.NeverEnough as never:
        raise _never_enough(never) from None
    except services.AlreadyWaiting:
        detail = "This address waits already, or has an offer that stands."
        raise Problem(409, "already_waiting", detail) from None


def _never_enough(error: services.NeverEnough) -> Problem:
    if error.option is None:
        detail = f"The event has {error.capacity} places in all."
        return Problem(409, "never_enough", detail, capacity=error.capacity)
    detail = f"There are {error.capacity} places at the price {error.option.name} in all."
    named = {"id": error.option.pk, "name": error.option.name}
    return Problem(409, "never_enough", detail, capacity=error.capacity, option=named)
