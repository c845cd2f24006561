"""What an organiser can do with an event from its page, apart from cancelling it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog
from django import forms
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inscrit.backoffice import page_of
from inscrit.backoffice.deeds import Deed, Done, Prospect
from inscrit.public_ids import new_event_id

from .models import Consent, Event, EventStatus, PriceOption, Question
from .moments import Moment, told
from .state import State, state_of
from .terms import terms_of

log = structlog.get_logger()
# What a copy does not take over: it has nobody in it, and is nobody's concern yet.
ITS_OWN = (
    "id",
    "slug",
    "confirmed",
    "held",
    "waiting",
    "sales_stopped_at",
    "sales_stopped_reason",
)


class OfEvent(Deed[Event]):
    @contextmanager
    def alone(self, one: Event) -> Iterator[None]:
        with transaction.atomic():
            one.refresh_from_db(from_queryset=Event.objects.select_for_update(no_key=True))
            yield

    def write(self, request: HttpRequest, one: Event, **said: object) -> None:
        for name, value in said.items():
            setattr(one, name, value)
        one.save(update_fields=list(said))
        log.info(f"🗓️  Event changed: {one.pk}", deed=self.name, actor=request.user.pk)


class Publish(OfEvent):
    name = "publish"
    label = _("Publish")
    question = _("Publish this event?")

    def is_offered(self, one: Event) -> bool:
        return one.status == EventStatus.DRAFT

    def prospect(self, one: Event, _data: QueryDict | None = None) -> Prospect:
        if not self.is_offered(one):
            return Prospect(refusal=gettext("This event is no draft any more."))
        if one.sales_close_at <= timezone.now():
            return Prospect(
                refusal=gettext("Registration would be closed at once: correct the dates first.")
            )
        until = told(one.sales_close_at, one.time_zone)
        return Prospect(
            [
                gettext("Everybody sees its page, and can register until %(moment)s.")
                % {"moment": until}
            ]
        )

    def act(self, request: HttpRequest, one: Event, _form: forms.Form | None) -> Sequence[str]:
        self.write(request, one, status=EventStatus.PUBLISHED)
        return [gettext("The event is published.")]


class Unpublish(OfEvent):
    name = "unpublish"
    label = _("Make it a draft again")
    question = _("Take this event off the site?")

    def is_offered(self, one: Event) -> bool:
        return one.status == EventStatus.PUBLISHED

    def prospect(self, one: Event, _data: QueryDict | None = None) -> Prospect:
        if not self.is_offered(one):
            return Prospect(refusal=gettext("This event is not published."))
        lines = [gettext("Nobody sees its page any more, and nobody can register.")]
        if taken := one.confirmed + one.held:
            text = ngettext(
                "%(n)d place is taken, and stays so.", "%(n)d places are taken, and stay so.", taken
            )
            lines.append(text % {"n": taken})
        return Prospect(lines)

    def act(self, request: HttpRequest, one: Event, _form: forms.Form | None) -> Sequence[str]:
        self.write(request, one, status=EventStatus.DRAFT)
        return [gettext("The event is a draft again.")]


class CloseSales(OfEvent):
    name = "close-sales"
    label = _("Close registration now")
    question = _("Close registration now?")

    def is_offered(self, one: Event) -> bool:
        return state_of(one, timezone.now()) in (State.ON_SALE, State.SOLD_OUT)

    def prospect(self, one: Event, _data: QueryDict | None = None) -> Prospect:
        if not self.is_offered(one):
            return Prospect(refusal=gettext("Registration is not open."))
        lines = [
            gettext("Nobody can register from now on. You can open it again."),
            gettext("Who is paying at this moment can finish, and gets the place."),
        ]
        if one.waiting:
            text = ngettext(
                "The waiting list ends, too: those who wait, for %(n)d place, are told by e-mail"
                " that none came free. Opening again does not bring the list back.",
                "The waiting list ends, too: those who wait, for %(n)d places, are told by e-mail"
                " that none came free. Opening again does not bring the list back.",
                one.waiting,
            )
            lines.append(text % {"n": one.waiting})
        return Prospect(lines)

    def act(self, request: HttpRequest, one: Event, _form: forms.Form | None) -> Sequence[str]:
        self.write(request, one, sales_end_at=timezone.now())
        return [gettext("Registration is closed.")]


class OpenSales(OfEvent):
    name = "open-sales"
    label = _("Open registration again")
    question = _("Open registration again?")

    def is_offered(self, one: Event) -> bool:
        now = timezone.now()
        return state_of(one, now) is State.CLOSED and now < one.starts_at

    def prospect(self, one: Event, _data: QueryDict | None = None) -> Prospect:
        if not self.is_offered(one):
            return Prospect(refusal=gettext("Registration can’t be opened now."))
        begins = {"moment": told(one.starts_at, one.time_zone)}
        return Prospect(
            [gettext("Families can register until the event begins, %(moment)s.") % begins]
        )

    def act(self, request: HttpRequest, one: Event, _form: forms.Form | None) -> Sequence[str]:
        self.write(request, one, sales_end_at=None)
        return [gettext("Registration is open again.")]


class CopyForm(forms.Form):
    def __init__(self, data: QueryDict | None, event: Event) -> None:
        super().__init__(data)
        longest = Event._meta.get_field("title").max_length
        self.fields["title"] = forms.CharField(
            label=gettext("Title"), max_length=longest, initial=event.title
        )
        self.fields["starts_at"] = Moment(
            ZoneInfo(event.time_zone),
            label=gettext("Begins"),
            initial=event.starts_at,
            help_text=gettext("Its end and its other dates move along with it."),
        )


class Duplicate(Deed[Event]):
    name = "duplicate"
    label = _("Duplicate")
    question = _("Duplicate this event")
    permission = "add"

    def is_permitted(self, page: object, request: HttpRequest, _one: Event | None = None) -> bool:
        return bool(page.has_add_permission(request))  # type: ignore[attr-defined]

    def prospect(self, one: Event, data: QueryDict | None = None) -> Prospect:
        return Prospect(
            [gettext("You get a draft like this event, without its registrations.")],
            form=CopyForm(data, one),
        )

    def act(self, _request: HttpRequest, one: Event, form: forms.Form | None) -> Done:
        said = form.cleaned_data if form else {}
        copy = duplicate(one, said["title"], said["starts_at"])
        text = gettext("This is the new draft. Read it through, then publish it.")
        return Done([text], page_of(copy))


def duplicate(event: Event, title: str, starts_at: datetime) -> Event:
    """A draft that is like the event, every date as far from the new beginning as it was."""
    fields = {
        field.attname: getattr(event, field.attname)
        for field in Event._meta.concrete_fields
        if field.attname not in (*ITS_OWN, "created_at")
    }
    copy = Event(**fields | {"id": new_event_id(), "title": title, "status": EventStatus.DRAFT})
    for name in ("starts_at", "ends_at", "sales_end_at", "refund_until"):
        setattr(copy, name, _moved(getattr(event, name), event, starts_at))
    with transaction.atomic():
        copy.save(force_insert=True)
        for copied in COPIED:
            copied(event, copy)
    return copy


def copy_terms(event: Event, copy: Event) -> None:
    """What it offers and asks now: retired options and questions stay where they were used."""
    terms = terms_of(event)
    items: tuple[PriceOption | Question | Consent, ...]
    items = (*terms.options, *terms.questions, *terms.consents)
    for item in items:
        fields = {
            field.attname: getattr(item, field.attname)
            for field in item._meta.concrete_fields
            if field.attname not in ("id", "event_id", "taken", "waiting")
        }
        type(item)(event=copy, **fields).save()


# Each takes the event and its copy over: rooms that keep something about events add theirs.
COPIED: list[Callable[[Event, Event], None]] = [copy_terms]


def _moved(at: datetime | None, event: Event, starts_at: datetime) -> datetime | None:
    """By the clock on the wall: nine in the morning stays so when the clocks are changed."""
    if at is None:
        return None
    zone = ZoneInfo(event.time_zone)
    walls = (one.astimezone(zone).replace(tzinfo=None) for one in (at, event.starts_at, starts_at))
    wall, began, begins = walls
    return (wall + (begins - began)).replace(tzinfo=zone)
