"""The list of events, and one event with its form."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from inscrit.events.models import Event, EventStatus
from inscrit.events.terms import Terms, terms_of
from inscrit.waiting import answering

from . import sharing
from .forms import RegistrationForm
from .places import places_of, places_of_all, stream_of


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every published event that is not over."""
    now = timezone.now()
    coming = Event.objects.filter(status=EventStatus.PUBLISHED, ends_at__gt=now)
    events = list(coming.select_related("photo").prefetch_related("options"))
    places = places_of_all(events)
    shown = [
        {"event": event, "places": places[event.pk], "on_sale": event.is_on_sale(now)}
        for event in events
    ]
    return render(request, "pages/events.html", {"events": shown, "stream": stream_of(places)})


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    return show(request, RegistrationForm.blank(terms_at(slug)))


def terms_at(slug: str) -> Terms:
    """What the event at this address offers and asks. Raises Http404."""
    return terms_of(find(slug))


def find(slug: str) -> Event:
    """The event at this address; a draft is nobody's business yet. Raises Http404."""
    try:
        shown = Event.objects.exclude(status=EventStatus.DRAFT).select_related("photo")
        return shown.get(slug=slug)
    except Event.DoesNotExist as error:
        raise Http404 from error


def show(
    request: HttpRequest,
    form: RegistrationForm,
    *,
    problem: str = "",
    status: int = 200,
    may_wait: bool = False,
    preview: bool = False,
) -> HttpResponse:
    """The event's page. ``problem`` is a sentence on why the form did not go through.

    ``may_wait`` offers the waiting list although some places are left: too few for this form.
    Nothing can be sent from a ``preview``.
    """
    event = form.event
    places = places_of(event)
    on_sale = event.is_on_sale(timezone.now())
    context: dict[str, Any] = {
        "event": event,
        "form": form,
        "options": form.terms.options,
        "places": places,
        "may_wait": may_wait or places.sold_out,
        "on_sale": on_sale,
        "problem": problem,
        "preview": preview,
        "time_to_answer": answering.time_for_anybody(event) if on_sale else "",
        "shared": sharing.shared(event, on_sale=on_sale),
    }
    return render(request, "pages/event.html", context, status=status)
