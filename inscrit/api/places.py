"""``/events/{id}/places`` and the streams of places.

The live lane answers all of this before Django does; here it is described, and answered where there
is no lane. A browser that was told once then asks again and again.
"""
# ruff: noqa: ARG001 - every operation is given the request

import json
from collections.abc import Iterable
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router

from inscrit.live.lane import EVENT_ID
from inscrit.live.places import MOST_EVENTS

from . import problems
from .access import Request
from .events import one_of, public
from .schemas import PlacesOut, refusals

router = Router(tags=["events"])
EventIds = Annotated[
    str,
    Query(
        ...,
        pattern=rf"^{EVENT_ID}(,{EVENT_ID}){{0,{MOST_EVENTS - 1}}}$",
        description=f"The ids of up to {MOST_EVENTS} events, with commas between them. Those that "
        "there are not are left out.",
        example="ev-7k2m9xqpd4ha,ev-x4k9mz7d2hqa",
    ),
]
FIGURES = '"confirmed": 17, "held": 1, "remaining": 2, "next_release_at": "2027-06-01T12:32:00Z"}'


def _stream(*frames: str) -> dict[str, Any]:
    media = {"schema": {"type": "string"}, "example": "".join(frames)}
    answer = {"description": "It does not end.", "content": {"text/event-stream": media}}
    return {"responses": {200: answer}}


def _frame(data: str) -> str:
    return f"event: places\ndata: {data}\n\n"


OF_ONE = _stream(_frame(f'{{"capacity": 20, {FIGURES}'))
OF_SEVERAL = _stream(
    _frame(f'{{"event_id": "ev-7k2m9xqpd4ha", "capacity": 20, {FIGURES}'),
    _frame(
        '{"event_id": "ev-x4k9mz7d2hqa", "capacity": null, "confirmed": 3, "held": 0, '
        '"remaining": null, "next_release_at": null}'
    ),
)


@router.get("/events/{slug:event_id}/places", auth=None, response={200: PlacesOut, **refusals(404)})
def get_places(request: Request, event_id: str) -> PlacesOut:
    """The places of an event now."""
    return PlacesOut.of(one_of(public(), event_id))


@router.get(
    "/events/{slug:event_id}/places/stream",
    auth=None,
    response=refusals(404),
    openapi_extra=OF_ONE,
)
def follow_places(request: Request, event_id: str) -> HttpResponse:
    """The places as server-sent events: once at the beginning, then at every change.

    Each is `event: places`, its `data` the same object as `GET …/places`.
    """
    return _once([PlacesOut.of(one_of(public(), event_id)).model_dump(mode="json")])


@router.get(
    "/places/stream",
    auth=None,
    response=refusals(404, 422),
    openapi_extra=OF_SEVERAL,
)
def follow_places_of_several(request: Request, events: EventIds) -> HttpResponse:
    """The places of several events in one stream: each once at the beginning, then what changes.

    Each is `event: places`, its `data` the same object as `GET …/places` with `event_id` besides.
    """
    known = public().filter(pk__in=events.split(","))
    if not known:
        raise problems.not_found("event")
    return _once(
        {"event_id": event.pk, **PlacesOut.of(event).model_dump(mode="json")} for event in known
    )


def _once(told: Iterable[dict[str, Any]]) -> HttpResponse:
    body = "retry: 5000\n\n" + "".join(_frame(json.dumps(one)) for one in told)
    return HttpResponse(body, content_type="text/event-stream; charset=utf-8")
