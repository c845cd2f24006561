"""The page at the entrance: a phone's camera, or a search by name."""

from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from inscrit.backoffice import list_of
from inscrit.events.models import Event, EventStatus
from inscrit.registrations.deeds import actor

from . import services
from .models import Arrival
from .services import Answer
from .verdicts import Verdict

PERMISSION = "checkin.add_arrival"
HEADERS = {
    "Cache-Control": "no-store",
    # The camera is for this page; nothing from elsewhere runs or is shown on it.
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}
LEVELS = {Verdict.WELCOME: "good", Verdict.ALREADY: "warn"}


@require_safe
def choice(request: HttpRequest) -> HttpResponse:
    """Which entrance: events that are not over, the next one first.

    Its address is the admin's own for this part, too: whoever may only look sees who has arrived.
    """
    if not _is_permitted(request) and request.user.has_perm("checkin.view_arrival"):
        return redirect(list_of(Arrival))
    _must_be_permitted(request)
    coming = Event.objects.filter(status=EventStatus.PUBLISHED, ends_at__gt=timezone.now())
    events = list(coming.order_by("starts_at")[:50])
    crowds = services.crowds(events)
    context = {"events": [{"event": one, "count": crowds[one.pk]} for one in events]}
    return _guarded(render(request, "checkin/choice.html", context))


@require_http_methods(["GET", "HEAD", "POST"])
def entrance(request: HttpRequest, event_id: str) -> HttpResponse:
    """The page; a POST lets somebody in or takes it back, for a script or for a form."""
    if _wants_data(request) and not _is_permitted(request):
        return JsonResponse({"signed_out": True}, status=401)
    _must_be_permitted(request)
    event = get_object_or_404(Event, pk=event_id)
    if request.method != "POST":
        return _page(request, event)
    answer, deed = _done(request, event), request.POST.get("deed", "")
    if _wants_data(request):
        return _guarded(JsonResponse(_data(request, event, answer, deed)))
    return _page(request, event, answer, deed)


def _done(request: HttpRequest, event: Event) -> Answer:
    said, by = request.POST, actor(request)
    moment = said.get("scan", "")[:64]
    if said.get("deed") == "scan":
        return services.scan(event, said.get("code", ""), by=by, scan=moment)
    person = said.get("participant", "")
    number = int(person) if person.isascii() and person.isdigit() and len(person) < 18 else None
    if said.get("deed") == "undo":
        return services.undo(event.pk, number or 0, by=by)
    chosen = None if number is None else [number]
    registration_id = said.get("registration", "").replace("\0", "")
    return services.check_in(event.pk, registration_id, by=by, scan=moment, participants=chosen)


def _page(
    request: HttpRequest, event: Event, answer: Answer | None = None, deed: str = ""
) -> HttpResponse:
    words = request.GET.get("q", "").strip()[:100]
    context = {
        "event": event,
        "count": services.crowd(event),
        "words": words,
        "found": services.found(event, words) if words else [],
        "result": _result(request, event, answer, deed) if answer else "",
    }
    return _guarded(render(request, "checkin/entrance.html", context))


def _data(request: HttpRequest, event: Event, answer: Answer, deed: str) -> dict[str, Any]:
    """The same as the page says, for its script."""
    count = services.crowd(event)
    return {
        "level": _level(answer, deed),
        "verdict": answer.verdict,
        "html": _result(request, event, answer, deed),
        "arrived": count.arrived,
        "expected": count.expected,
    }


def _level(answer: Answer, deed: str) -> str:
    if deed == "undo" and answer.registration is not None:
        return "plain"
    return LEVELS.get(answer.verdict, "bad")


def _result(request: HttpRequest, event: Event, answer: Answer, deed: str) -> str:
    context = {
        "event": event,
        "answer": answer,
        "registration": answer.registration,
        "level": _level(answer, deed),
        "undone": deed == "undo",
        "verdict": answer.verdict,
        "is_open": answer.verdict in LEVELS,
        "moment": uuid4().hex,
        "persons": len(answer.let_in) or len(answer.guests),
    }
    return render_to_string("checkin/_result.html", context, request)


def _wants_data(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _is_permitted(request: HttpRequest) -> bool:
    return admin.site.has_permission(request) and request.user.has_perm(PERMISSION)


def _must_be_permitted(request: HttpRequest) -> None:
    if not _is_permitted(request):
        raise PermissionDenied


def _guarded(response: HttpResponse) -> HttpResponse:
    for name, value in HEADERS.items():
        response[name] = value
    return response


def _signed_in_first(view: Any) -> Any:
    """Whoever is not signed in gets the admin's own door; a script is told in its own words."""
    behind_the_door = admin.site.admin_view(view)

    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        way: Any = view if _wants_data(request) else behind_the_door
        response: HttpResponse = way(request, **kwargs)
        return response

    return guarded


urlpatterns: list[URLPattern] = [
    path("", _signed_in_first(choice), name="choice"),
    path("<slug:event_id>", _signed_in_first(entrance), name="entrance"),
]
app_name = "checkin"
