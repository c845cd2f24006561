"""What happens to a form of the event's page when it is sent, whatever it asks for."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse

from inscrit.events.models import Event
from inscrit.jobs import in_database

from . import events
from .forms import RegistrationForm
from .redirects import SeeOther


class Refused(Exception):
    """The form can't go through as it is; ``problem`` tells the buyer why.

    ``new_key``: what its key stood for is over, so sending it again is another request.
    ``may_wait``: the same form may go to the waiting list.
    """

    def __init__(
        self, problem: str, status: int, *, new_key: bool = False, may_wait: bool = False
    ) -> None:
        super().__init__(problem)
        self.problem, self.status = problem, status
        self.new_key, self.may_wait = new_key, may_wait


async def submitted(
    request: HttpRequest, event: Event, take: Callable[[RegistrationForm], Awaitable[str]]
) -> HttpResponse:
    """Do what a valid form asks for, and go where ``take`` says; else show it again.

    ``take`` may raise Refused.
    """
    if "add" in request.POST or "remove" in request.POST:
        form = RegistrationForm.edited(event, request.POST)
        return await in_database(events.show, request, event, form)
    form = RegistrationForm.submitted(event, request.POST)
    if not form.is_valid():
        return await in_database(events.show, request, event, form, status=422)
    try:
        return SeeOther(await take(form))
    except Refused as refused:
        return await _refused(request, event.slug, form, refused)


async def _refused(
    request: HttpRequest, slug: str, form: RegistrationForm, refused: Refused
) -> HttpResponse:
    event = await in_database(events.find, slug)
    if refused.new_key:
        form.key = RegistrationForm.blank(event).key
    return await in_database(
        events.show,
        request,
        event,
        form,
        problem=refused.problem,
        status=refused.status,
        may_wait=refused.may_wait,
    )
