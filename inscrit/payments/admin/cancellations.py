"""Cancelling a registration or a whole event from its page, and how far that is."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import ModelAdmin, confirm, list_of, one_by_one
from inscrit.backoffice.deeds import Deed, Prospect
from inscrit.events.models import Event, EventStatus
from inscrit.money import money
from inscrit.payments import cancelling
from inscrit.payments.cancelling import EventCancellation
from inscrit.payments.models import Refund
from inscrit.registrations.deeds import OfRegistration, about, actor, foresee, prospect, prospects
from inscrit.registrations.ledger import Entry
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING, CancelRequested, Outcome
from inscrit.registrations.models import Registration, RegistrationStatus
from inscrit.waiting.models import State

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class WithOrWithout(forms.Form):
    """Whether the money goes back, each way with what will come of it."""

    def __init__(self, data: QueryDict | None, back: Sequence[str], kept: Sequence[str]) -> None:
        super().__init__(data)
        choices = [
            ("back", _choice(gettext("Give the money back"), back)),
            ("kept", _choice(gettext("Keep the money for now"), kept)),
        ]
        self.fields["money"] = forms.ChoiceField(
            choices=choices, widget=forms.RadioSelect, initial="back", label=""
        )


def _choice(title: str, consequences: Sequence[str]) -> "SafeString":
    told = format_html_join("", "<li>{}</li>", ((line,) for line in consequences))
    return format_html('<strong>{}</strong><ul class="consequences">{}</ul>', title, told)


class Cancel(OfRegistration):
    name = "cancel"
    label = _("Cancel the registration")
    question = _("Cancel this registration?")
    severe = True

    def is_offered(self, one: Registration) -> bool:
        return one.status in HOLDING | CONFIRMED and not one.cancelling

    def prospect(self, one: Registration, data: QueryDict | None = None) -> Prospect:
        facts = (CancelRequested(refund=True), CancelRequested(refund=False))
        back, kept = map(prospect, foresee(one, *facts))
        if back.refusal or back.consequences == kept.consequences:
            return back
        form = WithOrWithout(data, back.consequences, kept.consequences)
        return Prospect(form=form, details=(back.consequences, kept.consequences))

    def act(self, request: HttpRequest, one: Registration, form: forms.Form | None) -> list[str]:
        refund = form is None or form.cleaned_data["money"] == "back"
        async_to_sync(cancelling.cancel)(one.pk, refund=refund, actor=actor(request))
        one.refresh_from_db()
        return [_told(one)]


def _told(registration: Registration) -> str:
    """What became of the wish to cancel."""
    if registration.status == RegistrationStatus.CANCELLED:
        return gettext("The registration is cancelled.")
    if registration.cancelling:
        return gettext("Stripe did not answer yet. It is cancelled as soon as it does.")
    status = {"status": registration.get_status_display()}
    return gettext("It has changed meanwhile, and is “%(status)s” now.") % status


def _money_back(entries: Sequence[Entry]) -> Iterator[str]:
    """What is ordered back of it, in each currency, and what has to be given back by hand."""
    back, by_hand = Counter[str](), 0
    for entry in entries:
        for order in entry.decision.refunds:
            payment = entry.before.payment(order.payment)
            back[payment.currency if payment else entry.before.currency] += order.amount
        by_hand += entry.before.left_by_hand > 0
    for currency, amount in sorted(back.items()):
        yield gettext("%(money)s goes back to the buyers.") % {"money": money(amount, currency)}
    if by_hand:
        text = ngettext(
            "%(n)d registration was paid by hand: give its money back yourselves.",
            "%(n)d registrations were paid by hand: give their money back yourselves.",
            by_hand,
        )
        yield text % {"n": by_hand}


class CancelEvent(Deed[Event]):
    name = "cancel"
    label = _("Cancel the event")
    question = _("Cancel this event?")
    severe = True

    def is_offered(self, one: Event) -> bool:
        return one.status != EventStatus.CANCELLED

    def prospect(self, one: Event, _data: QueryDict | None = None) -> Prospect:
        if one.status == EventStatus.CANCELLED:
            return Prospect(refusal=gettext("This event is cancelled already."))
        seated = Registration.objects.filter(event=one, status__in=HOLDING | CONFIRMED)
        n = seated.count()
        told = [gettext("The event is closed for good: nobody can register any more.")]
        if n:
            text = ngettext(
                "%(n)d registration is cancelled, and told by e-mail.",
                "%(n)d registrations are cancelled, and told by e-mail.",
                n,
            )
            told.append(text % {"n": n})
        told += _money_back(cancelling.foresee(one.pk))
        if waiting := one.waiting_entries.filter(state=State.WAITING).count():
            text = ngettext(
                "The waiting list is closed: %(n)d person is told by e-mail.",
                "The waiting list is closed: %(n)d people are told by e-mail.",
                waiting,
            )
            told.append(text % {"n": waiting})
        told.append(gettext("This can’t be undone."))
        return Prospect(told)

    def act(self, request: HttpRequest, one: Event, _form: forms.Form | None) -> list[str]:
        done = async_to_sync(cancelling.cancel_event)(one.pk, actor=actor(request))
        return [_how_many(done)]


def _how_many(done: EventCancellation) -> str:
    text = ngettext(
        "%(event)s: %(n)d registration was cancelled.",
        "%(event)s: %(n)d registrations were cancelled.",
        done.cancelled,
    )
    return text % {"event": done.event, "n": done.cancelled}


def progress(request: HttpRequest, event: Event) -> "SafeString | str":
    """How far the cancelling of an event is, while something of it is under way and afterwards."""
    if event.status != EventStatus.CANCELLED:
        return ""
    now = cancelling.progress(event.pk)
    context = {
        "progress": now,
        "is_waiting": now.waiting or now.refunded < now.to_refund,
        "to_refund": money(now.to_refund, event.currency),
        "refunded": money(now.refunded, event.currency),
        "registrations": list_of(Registration, f"?event__id__exact={event.pk}"),
        "failed": list_of(Refund, "?attention=yes"),
        "by_hand": list_of(Registration, f"?event__id__exact={event.pk}&attention=yes"),
    }
    return render_to_string("admin/payments/progress.html", context, request)


@admin.action(description=_("Cancel, and give the money back"), permissions=["change"])
def cancel(
    page: ModelAdmin[Registration], request: HttpRequest, chosen: QuerySet[Registration]
) -> TemplateResponse | None:
    question = gettext("Cancel these registrations, and give back what was paid?")
    if asked := confirm(
        page,
        request,
        chosen,
        question=question,
        action="cancel",
        about=about,
        consequences=lambda those: [
            one.told for one in prospects(CancelRequested(refund=True), those)
        ],
    ):
        return asked
    one_by_one(request, chosen, lambda one: _why_not_cancelled(request, one))
    return None


def _why_not_cancelled(request: HttpRequest, one: Registration) -> str | None:
    outcome = async_to_sync(cancelling.cancel)(one.pk, refund=True, actor=actor(request))
    one.refresh_from_db()
    has_places = one.status in HOLDING | CONFIRMED
    if outcome is Outcome.APPLIED and not has_places:
        return None
    if has_places:
        return _told(one)
    return gettext("It stays “%(status)s”.") % {"status": one.get_status_display()}


@admin.action(
    description=_("Cancel, tell everybody and give the money back"), permissions=["change"]
)
def cancel_event(
    page: ModelAdmin[Event], request: HttpRequest, chosen: QuerySet[Event]
) -> TemplateResponse | None:
    question = gettext("Cancel these events, tell everybody, and give back what was paid?")
    deed = CancelEvent()
    if asked := confirm(
        page,
        request,
        chosen,
        question=question,
        action="cancel_event",
        consequences=lambda those: [deed.prospect(one).told for one in those],
    ):
        return asked
    for event in chosen:
        done = async_to_sync(cancelling.cancel_event)(event.pk, actor=actor(request))
        messages.success(request, _how_many(done))
    return None
