"""One registration, for whoever holds its link."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from inscrit.jobs import in_database
from inscrit.papers import entry, receipts
from inscrit.payments import cancelling, checkout, offers
from inscrit.payments.stripe_gateway import StripeRefused, StripeUnavailable
from inscrit.registrations import services
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import LAPSED, CancelRequested, Status
from inscrit.registrations.models import PaymentMethod, Registration, RegistrationStatus
from inscrit.registrations.quote import Unacceptable

from .forms import hint
from .opening import opened
from .privacy import private
from .redirects import SeeOther
from .timeline import stages, timeline

# What went wrong with the button of an offer; the page that is fetched next says it.
TROUBLES = {
    "still-open": gettext_lazy(
        "The payment page that you opened before could not be closed just now. Please try again in"
        " a moment."
    ),
    "unopened": gettext_lazy(
        "The payment page could not be opened just now. Nothing was charged, and the place is still"
        " offered to you. Please try again in a moment."
    ),
}
# Money may have come for these without our knowing it yet.
AWAITING_MONEY = LAPSED | {Status.PENDING}


@require_safe
@private
async def page(request: HttpRequest, registration_id: str) -> HttpResponse:
    """Its state in plain words. Back from Stripe, it is read there before it is shown."""
    registration = await opened(request, registration_id)
    returned = "session_id" in request.GET
    if returned and registration.status in AWAITING_MONEY:
        await _read_stripe(registration_id, request.GET["session_id"])
    problem = TROUBLES.get(request.GET.get("trouble", ""), "")
    return await in_database(
        _show, request, registration_id, returned=returned, problem=str(problem)
    )


@require_safe
@private
async def status(request: HttpRequest, registration_id: str) -> HttpResponse:
    """What the page asks again and again while money is under way."""
    registration = await opened(request, registration_id)
    return JsonResponse({"status": registration.status})


@require_http_methods(["GET", "HEAD", "POST"])
@private
async def pay(request: HttpRequest, registration_id: str) -> HttpResponse:
    """On to Stripe, to the one session that is open; back to the page if there is none.

    A place offered is taken by the same button; it names the way to pay where there are several.
    """
    registration = await opened(request, registration_id)
    page = registration.get_absolute_url()
    if request.method != "POST":
        # A browser that goes back to what it had sent may ask for it again like this.
        return SeeOther(page)
    try:
        if registration.offered_until is None:
            return SeeOther(await checkout.open_checkout(registration_id))
        chosen = request.POST.get("payment_method")
        method = PaymentMethod(chosen) if chosen in PaymentMethod.values else None
        return SeeOther(await offers.take(registration_id, method, actor="registrant") or page)
    except offers.StillOpen:
        return SeeOther(f"{page}&trouble=still-open")
    except checkout.CheckoutNotOpened:
        return SeeOther(page if registration.offered_until is None else f"{page}&trouble=unopened")
    except (checkout.NothingToPay, offers.NoOffer, Unacceptable):
        # The page explains what happened.
        return SeeOther(page)


@require_http_methods(["GET", "HEAD", "POST"])
@private
async def cancel(request: HttpRequest, registration_id: str) -> HttpResponse:
    """Give the places back: asked for on a page of its own, done by its button."""
    registration = await opened(request, registration_id)
    if not _can_cancel(registration):
        return SeeOther(registration.get_absolute_url())
    refund = registration.event.gives_money_back(timezone.now())
    promised = request.POST.get("refund") == "yes"
    if request.method != "POST" or promised is not refund:
        # Asked for the first time, or the time for refunds ended since the page was shown.
        return await in_database(_ask_whether_to_cancel, request, registration, refund=refund)
    await cancelling.cancel(registration_id, refund=refund, actor="registrant")
    return SeeOther(registration.get_absolute_url())


def _can_cancel(registration: Registration) -> bool:
    return registration.has_places_to_give_back and timezone.now() < registration.event.starts_at


def _ask_whether_to_cancel(
    request: HttpRequest, registration: Registration, *, refund: bool
) -> HttpResponse:
    context = {
        "registration": registration,
        "event": registration.event,
        "participants": registration.participants.all(),
        "charged": registration.was_charged,
        "refund": refund,
        **_at_stake(registration),
    }
    return render(request, "pages/cancel.html", context)


def _at_stake(registration: Registration) -> dict[str, Any]:
    """What cancelling would give back, in minor units; and whether none of it came by Stripe."""
    wish = Report(CancelRequested(refund=True), "registrant", registration.pk)
    (foreseen,) = services.foresee(wish)
    if foreseen is None:
        return {"to_return": 0, "by_hand": False}
    return {
        "to_return": sum(refund.amount for refund in foreseen.decision.refunds),
        "by_hand": foreseen.before.settling_payment is None,
    }


async def _read_stripe(registration_id: str, session_id: str) -> None:
    try:
        await checkout.confirm_return(registration_id, session_id)
    except (StripeUnavailable, StripeRefused):
        return  # The webhook will tell; the page goes on asking.


def _show(
    request: HttpRequest, registration_id: str, *, returned: bool = False, problem: str = ""
) -> HttpResponse:
    registration = Registration.objects.select_related("event").get(pk=registration_id)
    history = timeline(registration)
    # What costs nothing is accepted on the page, whatever is paid by hand besides.
    online = registration.payment_method == PaymentMethod.STRIPE or not registration.amount
    pending = registration.status == RegistrationStatus.PENDING
    now = timezone.now()
    held = registration.hold_expires_at is not None and now < registration.hold_expires_at
    ways = _ways(registration, now)
    context = {
        # The address keeps it, also when something else has come of the offer.
        "problem": problem if ways else "",
        "ways": ways,
        "registration": registration,
        "event": registration.event,
        "participants": registration.participants.prefetch_related("answers__question"),
        "answers": registration.answers.filter(participant=None).select_related("question"),
        "agreements": registration.agreements.all(),
        "timeline": history,
        "last_reason": next((step.reason for step in reversed(history) if step.reason), ""),
        "online": online,
        "held": held,
        "returned": returned,
        "can_pay": pending and online and held,
        "changing": registration.status == RegistrationStatus.PROCESSING
        or (pending and (online or bool(ways))),
        "is_offer": pending and held and registration.offered_until is not None,
        "can_cancel": _can_cancel(registration),
        "code": entry.svg(registration.pk) if entry.is_given(registration) else "",
        "has_receipt": receipts.is_due(registration),
        "stages": stages(registration),
        "can_register_again": registration.event.is_on_sale(now),
    }
    return render(request, "pages/registration.html", context)


def _ways(registration: Registration, now: datetime) -> list[dict[str, Any]]:
    """How an offer may be paid, with what it means, where there is a choice.

    Who pays online has until the end of the offer, as the page says already.
    """
    if not offers.stands(registration, now):
        return []
    by_hand, zone = offers.held_by_hand(registration, now), registration.event.time_zone
    return [
        {
            "method": one,
            "label": one.label,
            "hint": "" if one == PaymentMethod.STRIPE else hint(one, by_hand, zone),
        }
        for one in registration.choice_of_methods(now)
    ]
