"""``/webhook-endpoints``: other programs that are told of changes, by API."""
# ruff: noqa: ARG001 - every operation is given the request

from typing import Annotated, Any, Literal, Self

from django.db import transaction
from django.utils import translation
from ninja import Query, Router
from ninja.responses import Status
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints

from inscrit.api import problems, values
from inscrit.api.access import Request, organisers
from inscrit.api.paging import PageQuery, page
from inscrit.api.schemas import LEFT_OUT, Given, ProblemOut

from . import destination, secrets, services
from .models import Attempt, Delivery, DeliveryState, Endpoint
from .types import TYPES

router = Router(tags=["webhook endpoints"], auth=organisers)
REFUSED: dict[int, Any] = {401: ProblemOut, 403: ProblemOut}
NOT_FOUND: dict[int, Any] = {**REFUSED, 404: ProblemOut}


def _known(name: str) -> str:
    if name not in TYPES:
        raise ValueError(f"Choose among {', '.join(TYPES)}.")
    return name


# Literal takes them one by one; mypy knows no literal that is computed.
Type = Annotated[
    str,
    Field(json_schema_extra={"enum": list(TYPES)}),
    AfterValidator(_known),
]
ENDPOINT: dict[str, Any] = {
    "url": "https://erp.example.org/inscrit",
    "description": "Accounting",
    "types": ["registration.paid", "registration.refunded"],
}


def _reachable(url: str) -> str:
    try:
        with translation.override("en"):  # as every other problem
            destination.check(url)
    except destination.Forbidden as error:
        raise ValueError(str(error)) from None
    return url


Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=500),
    AfterValidator(values.printable),
    AfterValidator(_reachable),
    Field(
        description="`https://` only. Private addresses are refused.",
        json_schema_extra={"format": "uri"},
    ),
]
Types = Annotated[
    list[Type], Field(min_length=1, max_length=len(TYPES), description="What it is told.")
]


class EndpointPatch(Given):
    """Only the fields that stand here are changed."""

    model_config = ConfigDict(json_schema_extra={"example": {"types": ["registration.paid"]}})

    url: Url = LEFT_OUT
    description: values.OptionalLine = LEFT_OUT
    types: Types = LEFT_OUT
    enabled: StrictBool = LEFT_OUT

    def given(self) -> dict[str, Any]:
        """The columns that the caller wrote, with their values."""
        wanted = {name: getattr(self, name) for name in self.model_fields_set - {"enabled"}}
        if "types" in wanted:
            wanted["types"] = list(dict.fromkeys(wanted["types"]))
        return wanted


class EndpointIn(EndpointPatch):
    """A new endpoint."""

    model_config = ConfigDict(json_schema_extra={"example": ENDPOINT})

    url: Url
    types: Types


class EndpointOut(BaseModel):
    """An endpoint. ``last_success_at``: when it last took a message."""

    id: str
    url: str
    description: str
    types: list[str]
    enabled: bool
    disabled_at: values.Moment | None
    disabled_reason: str | None
    created_at: values.Moment
    last_success_at: values.Moment | None

    @classmethod
    def of(cls, endpoint: Endpoint, **more: str) -> Self:
        return cls(
            id=endpoint.pk,
            url=endpoint.url,
            description=endpoint.description,
            types=endpoint.types,
            enabled=endpoint.is_enabled,
            disabled_at=endpoint.disabled_at,
            disabled_reason=endpoint.disabled_reason or None,
            created_at=endpoint.created_at,
            last_success_at=endpoint.succeeded_at,
            **more,
        )


class EndpointWithSecret(EndpointOut):
    """``secret`` is told this once: keep it, and check each message's signature with it."""

    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])]


class EndpointPage(BaseModel):
    items: list[EndpointOut]
    next: str | None


class AttemptOut(BaseModel):
    """One try: the answer's ``status`` with the beginning of its body, or an ``error``."""

    at: values.Moment
    status: int | None
    excerpt: str
    error: str | None
    milliseconds: int

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(
            at=attempt.at,
            status=attempt.status,
            excerpt=attempt.excerpt,
            error=attempt.error or None,
            milliseconds=attempt.milliseconds,
        )


class DeliveryOut(BaseModel):
    """A message on its way to an endpoint; ``message_id`` is its ``webhook-id``."""

    message_id: str
    type: str
    registration_id: str | None
    event_id: str | None
    at: values.Moment
    state: DeliveryState
    next_try_at: values.Moment | None
    attempts: list[AttemptOut]

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        waiting = delivery.state == DeliveryState.WAITING
        return cls(
            message_id=delivery.message_id,
            type=delivery.message.type,
            registration_id=delivery.message.registration_id,
            event_id=delivery.message.event_id or None,
            at=delivery.message.at,
            state=DeliveryState(delivery.state),
            next_try_at=delivery.next_try_at if waiting else None,
            attempts=[AttemptOut.of(one) for one in delivery.tries.all()],
        )


class DeliveryPage(BaseModel):
    items: list[DeliveryOut]
    next: str | None


class DeliveryQuery(PageQuery):
    state: Literal["waiting", "delivered", "failed"] | None = None


@router.get("", response={200: EndpointPage, **REFUSED, 422: ProblemOut})
def list_webhook_endpoints(request: Request, query: Query[PageQuery]) -> EndpointPage:
    """Every endpoint, the oldest first."""
    found = page(Endpoint.objects.all(), "created_at", query)
    return EndpointPage(items=[EndpointOut.of(one) for one in found.items], next=found.next)


@router.post("", response={201: EndpointWithSecret, **REFUSED, 422: ProblemOut})
def create_webhook_endpoint(request: Request, body: EndpointIn) -> Status[EndpointWithSecret]:
    """Have a program told of changes from now on. `secret` is told in this answer only."""
    with transaction.atomic():
        endpoint = Endpoint.objects.create(**body.given())
        _switch(endpoint, body)
    return Status(201, EndpointWithSecret.of(endpoint, secret=secrets.secret(endpoint)))


@router.get("/{slug:endpoint_id}", response={200: EndpointOut, **NOT_FOUND})
def get_webhook_endpoint(request: Request, endpoint_id: str) -> EndpointOut:
    """One endpoint, without its secret."""
    return EndpointOut.of(_found(endpoint_id))


@router.patch("/{slug:endpoint_id}", response={200: EndpointOut, **NOT_FOUND, 422: ProblemOut})
def change_webhook_endpoint(request: Request, endpoint_id: str, body: EndpointPatch) -> EndpointOut:
    """Change some fields. `enabled` switches it off and on; what it missed stays unsent."""
    endpoint = _found(endpoint_id)
    with transaction.atomic():
        given = body.given()
        for name, value in given.items():
            setattr(endpoint, name, value)
        endpoint.save(update_fields=list(given))
        _switch(endpoint, body)
    return EndpointOut.of(endpoint)


@router.delete("/{slug:endpoint_id}", response={204: None, **NOT_FOUND})
def delete_webhook_endpoint(request: Request, endpoint_id: str) -> Status[None]:
    """Remove an endpoint, with the record of what was sent to it."""
    _found(endpoint_id).delete()
    return Status(204, None)


@router.post("/{slug:endpoint_id}/rotate-secret", response={200: EndpointWithSecret, **NOT_FOUND})
def rotate_webhook_secret(request: Request, endpoint_id: str) -> EndpointWithSecret:
    """Make a new secret. For 24 hours each message carries the signatures of both."""
    endpoint = _found(endpoint_id)
    return EndpointWithSecret.of(endpoint, secret=secrets.rotate(endpoint))


@router.post("/{slug:endpoint_id}/test", response={202: DeliveryOut, **NOT_FOUND})
def test_webhook_endpoint(request: Request, endpoint_id: str) -> Status[DeliveryOut]:
    """Send a message of type `endpoint.test`; `GET …/deliveries` tells what came of it."""
    return Status(202, DeliveryOut.of(services.send_test(_found(endpoint_id))))


@router.get(
    "/{slug:endpoint_id}/deliveries", response={200: DeliveryPage, **NOT_FOUND, 422: ProblemOut}
)
def list_webhook_deliveries(
    request: Request, endpoint_id: str, query: Query[DeliveryQuery]
) -> DeliveryPage:
    """What was sent to an endpoint in the last 30 days, the newest first, with every try."""
    shown = _found(endpoint_id).deliveries.select_related("message").prefetch_related("tries")
    if query.state is not None:
        shown = shown.filter(state=query.state)
    found = page(shown, "-created_at", query)
    return DeliveryPage(items=[DeliveryOut.of(one) for one in found.items], next=found.next)


@router.post(
    "/{slug:endpoint_id}/deliveries/{slug:message_id}/resend",
    response={202: DeliveryOut, **NOT_FOUND},
)
def resend_webhook_message(
    request: Request, endpoint_id: str, message_id: str
) -> Status[DeliveryOut]:
    """Send a message once more, with the same id and the same body."""
    known = _found(endpoint_id).deliveries.select_related("message")
    delivery = known.filter(message=message_id).first()
    if delivery is None:
        raise problems.not_found("message")
    services.send_again([delivery])
    delivery.refresh_from_db()
    return Status(202, DeliveryOut.of(delivery))


def _found(endpoint_id: str) -> Endpoint:
    try:
        return Endpoint.objects.get(pk=endpoint_id)
    except Endpoint.DoesNotExist:
        raise problems.not_found("webhook endpoint") from None


def _switch(endpoint: Endpoint, body: EndpointPatch) -> None:
    if "enabled" not in body.model_fields_set or body.enabled == endpoint.is_enabled:
        return
    (services.enable if body.enabled else services.disable)(endpoint)
