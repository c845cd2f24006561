"""``/registrations/{id}/checkin``: letting people in."""

from typing import Annotated, Self

from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from inscrit.checkin import services
from inscrit.checkin.services import Answer
from inscrit.checkin.verdicts import Verdict
from inscrit.registrations.models import Registration

from . import problems, values
from .access import Request, secretaries
from .problems import Problem
from .schemas import Given, NameOut, refusals

router = Router(tags=["registrations"])
STAYS_OUT = {
    Verdict.WRONG_EVENT: "This registration is for another event.",
    Verdict.NOT_PAID: "It is not paid.",
    Verdict.REFUNDED: "Its money was given back.",
    Verdict.CANCELLED: "It is cancelled.",
}


class CheckinIn(Given):
    """With `event_id`, a registration of another event is refused."""

    model_config = ConfigDict(json_schema_extra={"example": {"event_id": "ev-x4k9mz7d2hqa"}})

    event_id: Annotated[str | None, Field(max_length=40)] = None


class GuestOut(NameOut):
    arrived_at: values.Moment | None


class CheckinOut(BaseModel):
    """Who is here of a registration."""

    registration_id: str
    verdict: Verdict
    participants: list[GuestOut]

    @classmethod
    def of(cls, registration_id: str, answer: Answer) -> Self:
        people = [
            GuestOut(
                first_name=guest.participant.first_name,
                last_name=guest.participant.last_name,
                arrived_at=guest.at,
            )
            for guest in answer.guests
        ]
        return cls(registration_id=registration_id, verdict=answer.verdict, participants=people)


@router.post(
    "/registrations/{slug:registration_id}/checkin",
    auth=secretaries,
    response={200: CheckinOut, **refusals(401, 403, 404, 409, 422)},
)
def check_in_registration(
    request: Request, registration_id: str, body: CheckinIn | None = None
) -> CheckinOut:
    """Let its participants in at the entrance; those who are in already stay in.

    `verdict` is `welcome`, or `already` if nobody new came in. `409` `wrong_event`, `not_paid`,
    `refunded` or `cancelled`: they don't come in.
    """
    event_id = (body and body.event_id) or _event_of(registration_id)
    answer = services.check_in(event_id, registration_id, by=request.auth.actor)
    if answer.verdict is Verdict.UNKNOWN:
        raise problems.not_found("registration")
    if answer.verdict in STAYS_OUT:
        raise Problem(409, answer.verdict, STAYS_OUT[answer.verdict])
    return CheckinOut.of(registration_id, answer)


def _event_of(registration_id: str) -> str:
    known = Registration.objects.filter(pk=registration_id).values_list("event_id", flat=True)
    return known.first() or ""
