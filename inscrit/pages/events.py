"""The list of events, and one event with its form."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from inscrit.events.models import Event, EventStatus
from inscrit.events.terms import Terms, terms_of

from .forms import RegistrationForm
from .places import Places, places_of


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every published event that is not over."""
    now = timezone.now()
    coming = Event.objects.filter(status=EventStatus.PUBLISHED, ends_at__gt=now)
    events = [
        {
            "event": event,
            "places": Places(event.remaining),
            "on_sale": event.is_on_sale(now),
            "prices": sorted({option.price for option in event.options.all() if option.active}),
        }
        for event in coming.prefetch_related("options")
    ]
    return render(request, "pages/events.html", {"events": events})


@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    return show(request, RegistrationForm.blank(terms_at(slug)))


def terms_at(slug: str) -> Terms:
    """What the event at this address offers and asks. Raises Http404."""
    return terms_of(find(slug))


def find(slug: str) -> Event:
    """The event at this address; a draft is nobody's business yet. Raises Http404."""
    try:
        return Event.objects.exclude(status=EventStatus.DRAFT).get(slug=slug)
    except Event.DoesNotExist as error:
        raise Http404 from error


def show(
    request: HttpRequest,
    form: RegistrationForm,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The event's page. ``problem`` is a sentence on why the form did not go through."""
    event = form.event
    context: dict[str, Any] = {
        "event": event,
        "form": form,
        "options": form.terms.options,
        "places": places_of(event),
        "on_sale": event.is_on_sale(timezone.now()),
        "problem": problem,
    }
    return render(request, "pages/event.html", context, status=status)
