"""What can be taken along: calendar files, the receipt, the code for the entrance."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.http import require_safe

from inscrit.jobs import in_database
from inscrit.papers import calendar, entry, receipts
from inscrit.papers.pdf import paper
from inscrit.registrations.models import Registration

from . import events
from .opening import opened
from .privacy import private


@require_safe
def event_calendar(_request: HttpRequest, slug: str) -> HttpResponse:
    """The event's date for anybody's calendar."""
    event = events.find(slug)
    return _calendar(calendar.of_event(event), f"{event.slug}.ics")


@require_safe
@private
async def registration_calendar(request: HttpRequest, registration_id: str) -> HttpResponse:
    registration = await opened(request, registration_id)
    with translation.override(registration.locale):
        file = await in_database(calendar.of_registration, registration)
    return _calendar(file, f"{registration.event.slug}.ics")


@require_safe
@private
async def receipt(request: HttpRequest, registration_id: str) -> HttpResponse:
    """The receipt, given now if nobody asked for it before."""
    registration = await opened(request, registration_id)
    try:
        name, content = await in_database(_printed, registration)
    except receipts.NothingPaid:
        raise Http404 from None
    return _file(content, "application/pdf", name)


@require_safe
@private
async def code(request: HttpRequest, registration_id: str) -> HttpResponse:
    """The QR code as a picture."""
    registration = await opened(request, registration_id)
    if not entry.is_given(registration):
        raise Http404
    return _file(entry.png(registration.pk), "image/png", f"{registration.pk}.png")


def _printed(registration: Registration) -> tuple[str, bytes]:
    printed = paper(receipts.issue(registration.pk))
    return printed.name, printed.render()


def _calendar(file: calendar.File, name: str) -> HttpResponse:
    return _file(file.content, file.content_type, name)


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'inline; filename="{name}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)
