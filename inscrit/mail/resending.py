"""Sending a registrant's last e-mail again: from the page's button, or with a correction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import forms
from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.deeds import Prospect, Refused
from inscrit.registrations.correcting import Correction
from inscrit.registrations.deeds import OfRegistration
from inscrit.registrations.lifecycle import CONFIRMED
from inscrit.registrations.models import Registration

from . import services
from .models import FOR_ORGANISERS, Message, MessageKind

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Resend(OfRegistration):
    name = "resend"
    label = _("Send the last e-mail again")
    question = _("Send the last e-mail again?")

    def is_offered(self, one: Registration) -> bool:
        return one.status in CONFIRMED or _sent(one).exists()

    def prospect(self, one: Registration, _data: QueryDict | None = None) -> Prospect:
        latest = _sent(one).first()
        if latest is None and one.status not in CONFIRMED:
            return Prospect(refusal=gettext("Nothing has been written to the registrant so far."))
        kind = latest.get_kind_display() if latest else MessageKind.CONFIRMED.label
        said = {"mail": kind, "address": one.contact_email}
        return Prospect([gettext("“%(mail)s” goes to %(address)s.") % said])

    def act(
        self, _request: HttpRequest, one: Registration, _form: forms.Form | None
    ) -> Sequence[str]:
        if problem := _send(one):
            raise Refused(problem)
        return [_on_its_way(one)]


def after_correcting(request: HttpRequest, one: Registration, correction: Correction) -> None:
    """As the person asked for in the form."""
    if not correction.wants_mail:
        return
    if problem := _send(one):
        messages.error(request, problem)
    else:
        messages.success(request, _on_its_way(one))


def _on_its_way(one: Registration) -> str:
    return gettext("The e-mail is on its way to %(address)s.") % {"address": one.contact_email}


def _send(one: Registration) -> str | None:
    """Why it could not be sent, or None."""
    try:
        message = services.send_latest_again(one)
    except services.BeingSent:
        return gettext("It is being sent at this moment. Try again in a minute.")
    except services.NotNeeded as why:
        return str(why)
    if message is None:
        return gettext("Nothing has been written to the registrant so far.")
    return None


def _sent(one: Registration) -> "QuerySet[Message]":
    return one.messages.exclude(kind__in=FOR_ORGANISERS).order_by("-id")
