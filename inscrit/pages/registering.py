"""Sending the registration form: places are held, then the buyer goes on to pay."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from inscrit.jobs import in_database
from inscrit.payments import checkout
from inscrit.registrations.lifecycle import LAPSED, Status
from inscrit.registrations.models import PaymentMethod, Registration, RegistrationStatus
from inscrit.registrations.services import (
    KeyReused,
    SalesClosed,
    SoldOut,
    Unacceptable,
    hold_places,
)

from . import events
from .forms import RegistrationForm
from .redirects import SeeOther
from .submitting import Refused, submitted


@require_http_methods(["GET", "HEAD", "POST"])
async def register(request: HttpRequest, slug: str) -> HttpResponse:
    terms = await in_database(events.terms_at, slug)
    if request.method != "POST":
        # A browser that goes back to a form it had sent may ask for it again like this.
        return await in_database(events.show, request, RegistrationForm.blank(terms))
    return await submitted(request, terms, _take)


async def _take(form: RegistrationForm) -> HttpResponse:
    """Hold the places, and send the buyer on. Raises Refused."""
    registration = await _hold(form)
    page = SeeOther(registration.get_absolute_url())
    if not _pays_online(registration):
        return page
    try:
        return SeeOther(await checkout.open_checkout(registration.pk))
    except checkout.NothingToPay:
        return page
    except checkout.CheckoutNotOpened as error:
        problem = _(
            "The payment page could not be opened just now. Nothing was charged, and no place is "
            "held for you. Please try again in a moment."
        )
        raise Refused(problem, 503, new_key=True) from error


async def _hold(form: RegistrationForm) -> Registration:
    order = form.order(get_language() or "fr")
    try:
        registration = await in_database(hold_places, order)
    except SoldOut as error:
        # One price may be full while there are places at another: waiting helps then, too.
        raise Refused(_too_few(error.remaining), 409, may_wait=True) from error
    except Unacceptable as error:
        raise Refused("", 422) from error
    except SalesClosed as error:
        raise Refused(_("Registration for this event is closed."), 409) from error
    except KeyReused as error:
        problem = _("The form was changed after it had been sent. Please check it and send again.")
        raise Refused(problem, 409, new_key=True) from error
    if registration.status in LAPSED | {Status.CANCELLED}:
        problem = _(
            "What you registered with this form has ended. To register again, send it again."
        )
        raise Refused(problem, 409, new_key=True)
    return registration


def _pays_online(registration: Registration) -> bool:
    waiting = registration.status == RegistrationStatus.PENDING
    return waiting and registration.payment_method == PaymentMethod.STRIPE


def _too_few(remaining: int) -> str:
    if remaining <= 0:
        return _("Sorry, the last place has just gone. Nothing was charged.")
    return ngettext(
        "Sorry, only {n} place is left now. Nothing was charged.",
        "Sorry, only {n} places are left now. Nothing was charged.",
        remaining,
    ).format(n=remaining)
