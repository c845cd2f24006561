"""``/events/{id}/waiting-list``: who waits for a place."""
# ruff: noqa: ARG001 - every operation is given the request

from typing import Annotated, Any, Self

from ninja import Query, Router
from ninja.responses import Status
from pydantic import BaseModel, Field

from inscrit import config
from inscrit.events.models import Event
from inscrit.registrations.models import RegistrationStatus
from inscrit.registrations.services import MOST_PARTICIPANTS, Order, Person, SalesClosed
from inscrit.waiting import services
from inscrit.waiting.models import State, WaitingEntry

from . import problems, values
from .access import Request, anybody, staff
from .paging import PageQuery, page
from .problems import Problem
from .schemas import REGISTRATION, ContactIn, ContactOut, Given, NameOut, ParticipantIn
from .schemas import ProblemOut as Refusal

router = Router(tags=["waiting list"])
ANYBODY: dict[str, Any] = {"security": [{}]}
EXAMPLE = {name: REGISTRATION[name] for name in ("contact", "participants")}


class WaitingIn(Given):
    """As a registration, without a way to pay: there is nothing to pay yet."""

    model_config = Given.model_config | {"json_schema_extra": {"example": EXAMPLE}}

    contact: ContactIn
    participants: Annotated[list[ParticipantIn], Field(min_length=1, max_length=MOST_PARTICIPANTS)]

    def order(self, event_id: str) -> Order:
        people = [Person(one.first_name, one.last_name) for one in self.participants]
        return Order(event_id, self.contact.known(), people)


class WaitingCreated(BaseModel):
    """``url`` is the personal page of whoever waits; it shows the position and gives it up."""

    id: str
    position: int | None
    places: int
    token: str
    url: str

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
    """A place in the line. ``number`` is the order; after an offer, its registration tells more."""

    id: str
    number: int
    state: State
    places: int
    contact: ContactOut
    participants: list[NameOut]
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
            participants=[
                NameOut(first_name=one.first_name, last_name=one.last_name) for one in entry.people
            ],
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
    response={201: WaitingCreated, 404: Refusal, 409: Refusal, 422: Refusal},
    openapi_extra=ANYBODY,
)
def join_waiting_list(request: Request, event_id: str, body: WaitingIn) -> Status[WaitingCreated]:
    """Wait for places at an event that is sold out. A mail with the personal link is sent.

    Whoever's turn it is gets an offer by mail, with a link to pay. Coming by and registering does
    not overtake: while somebody waits, places beyond those they need are all that is sold.

    `409 places_left` with `remaining`: register instead · `409 sales_closed` · `409
    already_waiting`: this address waits already, or has an offer that stands · `409 never_enough`
    with `capacity`: the event has fewer places in all.
    """
    return Status(201, WaitingCreated.of(_join(body.order(event_id), request.auth.actor)))


@router.get(
    "/{slug:event_id}/waiting-list",
    auth=staff,
    response={200: WaitingPage, 401: Refusal, 403: Refusal, 404: Refusal, 422: Refusal},
)
def list_waiting(request: Request, event_id: str, query: Query[WaitingQuery]) -> WaitingPage:
    """The waiting list in its order, with whoever has left it."""
    if not Event.objects.filter(pk=event_id).exists():
        raise problems.not_found("event")
    entries = WaitingEntry.objects.filter(event=event_id).select_related("registration")
    if query.state is not None:
        entries = entries.filter(state=query.state)
    found = page(entries, "created_at", query)
    return WaitingPage(items=[WaitingOut.of(one) for one in found.items], next=found.next)


def _join(order: Order, actor: str) -> WaitingEntry:
    try:
        return services.join(order, actor=actor)
    except Event.DoesNotExist:
        raise problems.not_found("event") from None
    except SalesClosed:
        raise Problem(409, "sales_closed", "This event takes no registrations now.") from None
    except services.PlacesLeft as left:
        detail = "There are enough places: register instead."
        raise Problem(409, "places_left", detail, remaining=left.remaining) from None
    except services.NeverEnough as never:
        detail = f"The event has {never.capacity} places in all."
        raise Problem(409, "never_enough", detail, capacity=never.capacity) from None
    except services.AlreadyWaiting:
        detail = "This address is on the waiting list already. The link is in the mail sent then."
        raise Problem(409, "already_waiting", detail) from None
