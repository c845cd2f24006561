"""The list that lies at the entrance: everybody by name, with a box and room for a signature."""

import unicodedata
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from inscrit.events.models import Event
from inscrit.events.moments import told
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING
from inscrit.registrations.models import Participant, PaymentMethod, Registration


@dataclass(frozen=True, slots=True)
class Line:
    last_name: str
    first_name: str
    contact: str
    note: str


@require_GET
def attendance(request: HttpRequest, event_id: str) -> HttpResponse:
    if not request.user.has_perms(("events.view_event", "registrations.view_registration")):
        raise PermissionDenied
    event = get_object_or_404(Event, pk=event_id)
    lines = list_of_people(event)
    context = {
        "event": event,
        "when": told(event.starts_at, event.time_zone),
        "lines": lines,
        "expected": sum(not line.note for line in lines),
    }
    return render(request, "desk/attendance.html", context)


def list_of_people(event: Event) -> list[Line]:
    """Whoever has a place, and whoever holds one that is still to be paid."""
    people = (
        Participant.objects.filter(
            registration__event=event, registration__status__in=CONFIRMED | HOLDING
        )
        .select_related("registration")
        .order_by("registration_id", "position")
    )
    lines = [
        Line(one.last_name, one.first_name, one.registration.contact_name, _note(one.registration))
        for one in people
    ]
    return sorted(lines, key=lambda line: (_sorted(line.last_name), _sorted(line.first_name)))


def _note(registration: Registration) -> str:
    if registration.status in CONFIRMED:
        return ""
    if registration.payment_method == PaymentMethod.CHEQUE:
        return _("cheque to come")
    return _("not paid yet")


def _sorted(name: str) -> str:
    """É stands with E."""
    return unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
