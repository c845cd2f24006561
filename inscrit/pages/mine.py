"""All registrations of somebody who has lost their links: asked for by e-mail."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from inscrit.jobs import in_database
from inscrit.links import services
from inscrit.networks import network_of
from inscrit.papers import entry, receipts
from inscrit.registrations.fields import REQUIRED
from inscrit.registrations.models import PaymentMethod, Registration, RegistrationStatus

from .privacy import private

WRONG = {"invalid": gettext_lazy("Please write a full address, such as name@example.org.")}


class AskForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        help_text=gettext_lazy("The one you registered with."),
        max_length=254,
        error_messages=REQUIRED | WRONG,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@private
async def ask(request: HttpRequest) -> HttpResponse:
    form = AskForm(request.POST if request.method == "POST" else None)
    return await in_database(_asked, request, form)


def _asked(request: HttpRequest, form: AskForm, *, expired: bool = False) -> HttpResponse:
    """The form; or, whatever became of it, that a mail is on its way if there is something."""
    sent = form.is_valid()
    if sent:
        origin = network_of(request.META.get("REMOTE_ADDR", ""))
        services.ask(form.cleaned_data["email"], origin, get_language() or "fr")
    context = {"form": form, "sent": sent, "expired": expired}
    status = 410 if expired else 422 if form.errors else 200
    return render(request, "pages/ask_for_mine.html", context, status=status)


@require_safe
@private
async def listing(request: HttpRequest, key: str) -> HttpResponse:
    return await in_database(_listed, request, key)


def _listed(request: HttpRequest, key: str) -> HttpResponse:
    theirs = services.registrations(key)
    if theirs is None:
        return _asked(request, AskForm(), expired=True)
    return render(request, "pages/mine.html", {"mine": [_told(one) for one in theirs]})


def _told(registration: Registration) -> dict[str, Any]:
    now = timezone.now()
    event = registration.event
    return {
        "registration": registration,
        "event": event,
        "tone": TONES.get(RegistrationStatus(registration.status), "none"),
        "is_confirmed": entry.is_given(registration),
        "has_receipt": receipts.is_due(registration),
        "can_pay": _can_pay(registration),
        "can_register_again": registration.status in OVER and event.is_on_sale(now),
    }


def _can_pay(registration: Registration) -> bool:
    held = registration.hold_expires_at
    online = registration.payment_method == PaymentMethod.STRIPE
    waiting = registration.status == RegistrationStatus.PENDING and not registration.cancelling
    return waiting and online and held is not None and timezone.now() < held


TONES = {
    RegistrationStatus.PAID: "good",
    RegistrationStatus.FREE: "good",
    RegistrationStatus.PENDING: "few",
    RegistrationStatus.PROCESSING: "few",
}
OVER = (RegistrationStatus.EXPIRED, RegistrationStatus.FAILED, RegistrationStatus.CANCELLED)
