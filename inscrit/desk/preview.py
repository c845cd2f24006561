"""A draft's public page as families will see it, for staff only. Nothing can be sent from it."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from inscrit.events.models import Event, EventStatus
from inscrit.events.terms import terms_of
from inscrit.pages.forms import RegistrationForm
from inscrit.pages.places import places_of


@require_safe
def preview(request: HttpRequest, event_id: str) -> HttpResponse:
    if not request.user.has_perm("events.view_event"):
        raise PermissionDenied
    event = get_object_or_404(Event, pk=event_id)
    if event.status == EventStatus.DRAFT:
        event.status = EventStatus.PUBLISHED  # on this page, never in the database
    form = RegistrationForm.blank(terms_of(event))
    context = {
        "event": event,
        "form": form,
        "options": form.terms.options,
        "places": places_of(event),
        "on_sale": event.is_on_sale(timezone.now()),
        "preview": True,
    }
    return render(request, "pages/event.html", context)
