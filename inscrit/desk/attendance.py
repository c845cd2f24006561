"""The list that lies at the entrance: everybody by name, with a box and room for a signature."""

import unicodedata
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.text import Truncator
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
    option: str
    details: list[str]


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
        "has_options": any(line.option for line in lines),
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
        .prefetch_related(
            "answers__question", "registration__answers__question", "registration__agreements"
        )
        .order_by("registration_id", "position")
    )
    lines = [
        Line(
            one.last_name,
            one.first_name,
            one.registration.contact_name,
            _note(one.registration),
            one.option_name,
            _details(one),
        )
        for one in people
    ]
    return sorted(lines, key=lambda line: (_sorted(line.last_name), _sorted(line.first_name)))


def _note(registration: Registration) -> str:
    if registration.status in CONFIRMED:
        return ""
    match registration.payment_method:
        case PaymentMethod.CHEQUE:
            return _("cheque to come")
        case PaymentMethod.CASH:
            return _("cash to come")
        case PaymentMethod.TRANSFER:
            return _("transfer to come")
    return _("not paid yet")


def _details(person: Participant) -> list[str]:
    """What was answered of this person and for the whole family, and what was agreed to."""
    family = person.registration
    once = [one for one in family.answers.all() if one.participant_id is None]
    said = [f"{one.question} {one}" for one in (*person.answers.all(), *once)]
    return said + [
        _("%(text)s: %(answer)s")
        % {
            "text": Truncator(one.text).chars(60).rstrip(" .:"),
            "answer": _("Yes") if one.given else _("No"),
        }
        for one in family.agreements.all()
    ]


def _sorted(name: str) -> str:
    """É stands with E."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(one for one in letters if not unicodedata.combining(one))
