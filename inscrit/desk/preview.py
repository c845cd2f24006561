"""A draft's public page as families will see it, for staff only. Nothing can be sent from it."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from inscrit.events.models import Event, EventStatus
from inscrit.events.terms import terms_of
from inscrit.pages.events import show
from inscrit.pages.forms import RegistrationForm


@require_safe
def preview(request: HttpRequest, event_id: str) -> HttpResponse:
    if not request.user.has_perm("events.view_event"):
        raise PermissionDenied
    event = get_object_or_404(Event, pk=event_id)
    if event.status == EventStatus.DRAFT:
        event.status = EventStatus.PUBLISHED  # on this page, never in the database
    return show(request, RegistrationForm.blank(terms_of(event)), preview=True)
