"""What a person at the desk can do with somebody who waits: offer a place, or take them off."""

from collections.abc import Sequence
from contextlib import AbstractContextManager

from django import forms
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.deeds import Deed, Prospect, Refused
from inscrit.events.options import PriceOption
from inscrit.registrations.deeds import actor
from inscrit.registrations.services import SalesClosed

from . import services
from .models import State, WaitingEntry


class OfWaiting(Deed[WaitingEntry]):
    permission = "serve"

    def is_offered(self, one: WaitingEntry) -> bool:
        return one.state == State.WAITING

    def about(self, one: WaitingEntry) -> str:
        places = ngettext("%(n)d place", "%(n)d places", one.places) % {"n": one.places}
        return f"{one.contact_name} · {one.event} · {places}"

    def alone(self, _one: WaitingEntry) -> AbstractContextManager[None]:
        return transaction.atomic()


class OfferPlaces(OfWaiting):
    name = "offer"
    label = _("Offer the places now")
    question = _("Offer the places now, out of turn?")

    def prospect(self, one: WaitingEntry, _data: QueryDict | None = None) -> Prospect:
        if refusal := _why_not(one):
            return Prospect(refusal=refusal)
        method = services.wanted_now(one).method
        until = timezone.localtime(services.offered_until(one.event, timezone.now(), method))
        told = [
            ngettext(
                "%(n)d place is held until %(until)s.",
                "%(n)d places are held until %(until)s.",
                one.places,
            )
            % {"n": one.places, "until": date_format(until, "SHORT_DATETIME_FORMAT")},
            gettext("An e-mail tells of the offer, with the link to take it."),
        ]
        if (one.position or 1) > 1:
            told.append(gettext("Those who are before in the line are passed over this once."))
        return Prospect(told, details=one.state)

    def act(
        self, request: HttpRequest, one: WaitingEntry, _form: forms.Form | None
    ) -> Sequence[str]:
        try:
            services.offer_by_hand(one.pk, actor=actor(request))
        except (services.NotWaiting, services.NotFree, SalesClosed) as error:
            raise Refused(_why_not(_again(one)) or str(error)) from error
        return [gettext("The places are offered.")]


class Remove(OfWaiting):
    name = "remove"
    label = _("Take off the list")
    question = _("Take them off the waiting list?")
    severe = True

    def prospect(self, one: WaitingEntry, _data: QueryDict | None = None) -> Prospect:
        if one.state != State.WAITING:
            return Prospect(refusal=_not_waiting())
        told = [gettext("Their place in the line is given up. No e-mail is sent.")]
        return Prospect(told, details=one.state)

    def act(
        self, request: HttpRequest, one: WaitingEntry, _form: forms.Form | None
    ) -> Sequence[str]:
        try:
            services.remove(one.pk, actor=actor(request))
        except services.NotWaiting as error:
            raise Refused(_not_waiting()) from error
        return [gettext("They are off the list.")]


def _again(one: WaitingEntry) -> WaitingEntry:
    return WaitingEntry.objects.select_related("event").get(pk=one.pk)


def _not_waiting() -> str:
    return gettext("They do not wait any more.")


def _why_not(one: WaitingEntry) -> str:
    """Why nothing can be offered to them now; empty if it can."""
    event = one.event
    if one.state != State.WAITING:
        return _not_waiting()
    if not event.is_on_sale(timezone.now()):
        return gettext("Registration for this event is closed.")
    if event.free is not None and event.free < one.places:
        return _too_few_places(event.free, one.places)
    for option, count in services.wanted_now(one).options.items():
        if option.free is not None and option.free < count:
            return _too_few_at(option, count)
    return ""


def _too_few_at(option: PriceOption, wanted: int) -> str:
    text = ngettext(
        "%(free)d place is free at the price “%(name)s”, and %(n)d are wanted. Raise how many there"
        " may be first.",
        "%(free)d places are free at the price “%(name)s”, and %(n)d are wanted. Raise how many"
        " there may be first.",
        option.free or 0,
    )
    return text % {"free": option.free, "name": option, "n": wanted}


def _too_few_places(free: int, wanted: int) -> str:
    text = ngettext(
        "%(free)d place is free, and %(n)d are wanted. Raise the event’s places first.",
        "%(free)d places are free, and %(n)d are wanted. Raise the event’s places first.",
        free,
    )
    return text % {"free": free, "n": wanted}
