"""What happens to a form of the event's page when it is sent, whatever it asks for."""

from collections.abc import Awaitable, Callable

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from inscrit.events.options import PriceOption
from inscrit.events.terms import Terms
from inscrit.jobs import in_database
from inscrit.networks import network_of
from inscrit.rate_limits import Limit
from inscrit.registrations.services import SoldOut, Unacceptable

from . import events
from .forms import RegistrationForm, new_key

# A hall full of families shares an address; nobody fills in one form a second.
FORMS = Limit("forms", 60)


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
    request: HttpRequest, terms: Terms, take: Callable[[RegistrationForm], Awaitable[HttpResponse]]
) -> HttpResponse:
    """Do what a valid form asks for, and answer what ``take`` says; else show it again.

    ``take`` may raise Refused.
    """
    if "add" in request.POST or "remove" in request.POST:
        form = RegistrationForm.edited(terms, request.POST)
        return await in_database(events.show, request, form)
    form = RegistrationForm.submitted(terms, request.POST)
    if not form.is_valid():
        return await in_database(events.show, request, form, status=422)
    try:
        _count(request)
        return await take(form)
    except Refused as refused:
        return await _refused(request, terms.event.slug, refused)


def _count(request: HttpRequest) -> None:
    """Whoever holds places with a program finds an end to it. Raises Refused."""
    network = network_of(request.META.get("REMOTE_ADDR", ""))
    if network is not None and FORMS.take(network).wait:
        raise Refused(
            _("Very many registrations come from your network just now. Please try again soon."),
            429,
        )


async def _refused(request: HttpRequest, slug: str, refused: Refused) -> HttpResponse:
    """What is offered may be another now: other places left, another wording."""
    form = RegistrationForm.submitted(await in_database(events.terms_at, slug), request.POST)
    return await in_database(
        events.show,
        request,
        form,
        problem=_explained(form, refused),
        status=refused.status,
        may_wait=refused.may_wait,
    )


def _explained(form: RegistrationForm, refused: Refused) -> str:
    """Say it beside the fields concerned; the sentence for what concerns none of them."""
    form.is_valid()
    if refused.new_key:
        form.key = new_key()
    match refused.__cause__:
        case Unacceptable() as error:
            return " ".join(form.take(error.mistakes))
        case SoldOut(option=PriceOption() as option, remaining=remaining):
            return "" if form.say_sold_out(option, remaining) else refused.problem
    return refused.problem
