"""Moving a registration to another event, from its page: where to, and what will come of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice.deeds import Prospect
from inscrit.events.models import Event, EventStatus, PriceOption
from inscrit.events.moments import told

from .deeds import Reported, why_not
from .deeds import foresee as foreseen
from .lifecycle import CONFIRMED, HOLDING, MoveRequested, Outcome
from .models import Registration

if TYPE_CHECKING:
    EventChoice = forms.ModelChoiceField[Event]
else:
    EventChoice = forms.ModelChoiceField


def destinations(registration: Registration) -> QuerySet[Event]:
    """Where it could go now: the same price or price options, and enough room."""
    room = Q(capacity__isnull=True) | Q(
        capacity__gte=F("confirmed") + F("held") + registration.places
    )
    offered = Event.objects.filter(
        room,
        status=EventStatus.PUBLISHED,
        sales_stopped_at__isnull=True,
        ends_at__gt=timezone.now(),
        currency=registration.currency,
    )
    return _same_price(offered, registration).exclude(pk=registration.event_id)


def _same_price(events: QuerySet[Event], registration: Registration) -> QuerySet[Event]:
    options = PriceOption.objects.filter(event=OuterRef("pk"), active=True)
    taken = Counter(
        (one.option.name, one.price or 0)
        for one in registration.participants.select_related("option")
        if one.option
    )
    if not taken:
        plain = events.filter(~Exists(options)).alias(costs=F("price") * registration.places)
        return plain.filter(costs=registration.amount)
    for (name, price), places in taken.items():
        room = Q(quota__isnull=True) | Q(quota__gte=F("taken") + places)
        events = events.filter(Exists(options.filter(room, name=name, price=price)))
    return events


def _nowhere(registration: Registration) -> str:
    if registration.option_places:
        return gettext(
            "No other published event has the same price options, at the prices that were agreed,"
            " and enough places left. Open one, for example by duplicating this event."
        )
    return gettext(
        "No other published event costs the same and has enough places left. Open one,"
        " for example by duplicating this event."
    )


class Where(EventChoice):
    def label_from_instance(self, obj: Any) -> str:
        """What is free counts, also what the waiting list would be offered: a person decides."""
        when = told(obj.starts_at, obj.time_zone)
        if obj.free is None:
            return f"{obj.title}, {when}"
        left = ngettext("%(n)d place left", "%(n)d places left", obj.free) % {"n": obj.free}
        if obj.waiting:
            wait = ngettext(
                "%(n)d person waits for a place", "%(n)d people wait for a place", obj.waiting
            )
            left = f"{left}, {wait % {'n': obj.waiting}}"
        return f"{obj.title}, {when} ({left})"


class MoveForm(forms.Form):
    def __init__(self, data: QueryDict | None, choices: QuerySet[Event]) -> None:
        super().__init__(data)
        self.fields["event"] = Where(choices, label=gettext("Move to"))


def _before_the_line(one: Registration, event: Event) -> str:
    text = ngettext(
        "Others wait for a place at “%(event)s”: moved there, it takes one before them.",
        "Others wait for a place at “%(event)s”: moved there, it takes %(n)d before them.",
        one.places,
    )
    return text % {"n": one.places, "event": event}


class Move(Reported):
    name = "move"
    label = _("Move to another event")
    question = _("Move to another event?")
    done = _("The registration is moved.")

    def is_offered(self, one: Registration) -> bool:
        return one.status in HOLDING | CONFIRMED and not one.cancelling

    def prospect(self, one: Registration, data: QueryDict | None = None) -> Prospect:
        choices = destinations(one)
        first = choices.first()
        if first is None:
            return Prospect(refusal=_nowhere(one))
        (entry,) = foreseen(one, MoveRequested(first.pk))
        if entry.decision.outcome is not Outcome.APPLIED:
            return Prospect(refusal=why_not(entry))
        return Prospect(self._consequences(one, choices), form=MoveForm(data, choices))

    def _consequences(self, one: Registration, choices: Iterable[Event]) -> Sequence[str]:
        status = {"status": one.get_status_display(), "event": one.event}
        places = ngettext(
            "Its place at “%(event)s” becomes free.",
            "Its %(n)d places at “%(event)s” become free.",
            one.places,
        )
        return [
            gettext("The registration stays “%(status)s”, and no money moves.") % status,
            places % {"n": one.places, "event": one.event},
            *[_before_the_line(one, event) for event in choices if event.waiting],
            gettext("The registrant is told by e-mail."),
        ]

    def fact(self, form: forms.Form | None) -> MoveRequested:
        return MoveRequested(form.cleaned_data["event"].pk if form else "")

    def act(
        self, request: HttpRequest, one: Registration, form: forms.Form | None
    ) -> Sequence[str]:
        super().act(request, one, form)
        one.refresh_from_db()
        return [
            gettext("The registration is now at “%(event)s”.") % {"event": one.event},
            gettext("The registrant is told by e-mail."),
        ]
