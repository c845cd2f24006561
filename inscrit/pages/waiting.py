"""The waiting list of an event, and one's own place in its line."""

from contextlib import suppress

from django.conf import settings
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from inscrit.events.models import Event
from inscrit.jobs import in_database
from inscrit.registrations.services import SalesClosed, Unacceptable
from inscrit.waiting import answering, services
from inscrit.waiting.models import State, WaitingEntry

from . import events
from .forms import RegistrationForm
from .places import places_of
from .privacy import private
from .redirects import SeeOther
from .submitting import Refused, submitted

# The cookie of who has just asked for a place in the line, and how long it is good, in seconds.
ASKED, ASKED_FOR = "asked_to_wait", 600


@require_http_methods(["GET", "HEAD", "POST"])
@private
async def join(request: HttpRequest, slug: str) -> HttpResponse:
    terms = await in_database(events.terms_at, slug)
    if request.method != "POST":
        # A browser that goes back to a form it had sent may ask for it again like this.
        return await in_database(events.show, request, RegistrationForm.blank(terms))
    return await submitted(request, terms, _join)


async def _join(form: RegistrationForm) -> HttpResponse:
    """Asks for a place in the line; the link to it comes by mail only. Raises Refused."""
    order = form.order(get_language() or "fr")
    try:
        await in_database(services.ask_to_join, order)
    except SalesClosed as error:
        raise Refused(_("Registration for this event is closed."), 409) from error
    except services.PlacesLeft as error:
        problem = _("Good news: there are enough places now. You can register at once.")
        raise Refused(problem, 409) from error
    except Unacceptable as error:
        raise Refused("", 422) from error
    except services.NeverEnough as error:
        raise Refused(_never_enough(error), 409, may_wait=True) from error
    return _asked(form.event, order.contact.email)


def _asked(event: Event, email: str) -> HttpResponse:
    """On to a page that may be read again; the address that it names is in no address of a page."""
    page = reverse("pages:asked-to-wait", args=[event.slug])
    answer = SeeOther(page)
    answer.set_cookie(
        ASKED,
        signing.dumps(email, salt=ASKED),
        max_age=ASKED_FOR,
        path=page,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return answer


@require_safe
@private
async def asked(request: HttpRequest, slug: str) -> HttpResponse:
    """Where the link to one's place in the line was sent; a little later, the event."""
    terms = await in_database(events.terms_at, slug)
    try:
        email = signing.loads(request.COOKIES.get(ASKED, ""), salt=ASKED, max_age=ASKED_FOR)
    except signing.BadSignature:
        return SeeOther(terms.event.get_absolute_url())
    context = {"event": terms.event, "email": email}
    return await in_database(render, request, "pages/asked_to_wait.html", context)


def _never_enough(error: services.NeverEnough) -> str:
    if error.option is None:
        text = ngettext(
            "The event has {n} place in all: please wait with fewer participants.",
            "The event has {n} places in all: please wait with fewer participants.",
            error.capacity,
        )
    else:
        text = ngettext(
            "There is {n} place at the price “{name}” in all: please wait with fewer participants.",
            "There are {n} places at the price “{name}” in all: please wait with fewer"
            " participants.",
            error.capacity,
        )
    return text.format(n=error.capacity, name=error.option)


@require_safe
@private
async def page(request: HttpRequest, entry_id: str) -> HttpResponse:
    """One's position in the line; once there is an offer, on to its registration."""
    entry = await _opened(request, entry_id)
    if entry.registration is not None:
        return SeeOther(entry.registration.get_absolute_url())
    return await in_database(_show, request, entry)


@require_safe
@private
async def status(request: HttpRequest, entry_id: str) -> HttpResponse:
    """What the page asks again and again, so that it can say when something has moved."""
    entry = await _opened(request, entry_id)
    return JsonResponse({"status": await in_database(_status, entry)})


@require_http_methods(["GET", "HEAD", "POST"])
@private
async def leave(request: HttpRequest, entry_id: str) -> HttpResponse:
    """Give the place in the line up: asked for on a page of its own, done by its button."""
    entry = await _opened(request, entry_id)
    if entry.state != State.WAITING:
        return SeeOther(entry.get_absolute_url())
    if request.method != "POST":
        return await in_database(_ask_whether_to_leave, request, entry)
    # Whoever has been offered a place meanwhile sees that on the page.
    with suppress(services.NotWaiting):
        await in_database(services.leave, entry_id)
    return SeeOther(entry.get_absolute_url())


def _ask_whether_to_leave(request: HttpRequest, entry: WaitingEntry) -> HttpResponse:
    context = {"entry": entry, "event": entry.event}
    return render(request, "pages/leave_waiting_list.html", context)


async def _opened(request: HttpRequest, entry_id: str) -> WaitingEntry:
    """The place in the line, if the address has its token. Raises Http404."""
    entry = await in_database(_find, entry_id)
    if entry is None or not entry.opens_with(request.GET.get("token", "")):
        raise Http404
    return entry


def _find(entry_id: str) -> WaitingEntry | None:
    known = WaitingEntry.objects.select_related("event", "registration")
    return known.filter(pk=entry_id).first()


def _status(entry: WaitingEntry) -> str:
    return f"{entry.state} {entry.position or ''}".strip()


def _show(request: HttpRequest, entry: WaitingEntry) -> HttpResponse:
    context = {
        "entry": entry,
        "event": entry.event,
        "places": places_of(entry.event),
        "position": entry.position,
        "status": _status(entry),
        "time_to_answer": answering.time_for(entry),
    }
    return render(request, "pages/waiting.html", context)
