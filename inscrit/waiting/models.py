"""Who waits for a place at an event that is sold out, and the journal that explains it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from inscrit.events.models import Event, PriceOption
from inscrit.public_ids import new_id
from inscrit.registrations.models import Registration
from inscrit.registrations.orders import Contact, Order, Person, Replies
from inscrit.registrations.quote import Seat

_signer = signing.Signer(salt="inscrit.waiting")


def new_entry_id() -> str:
    return new_id("wait")


class State(models.TextChoices):
    """What became of somebody's place in the line. ``OFFERED``: their registration tells the rest.

    The other three are how a place in the line ends without an offer.
    """

    WAITING = "waiting", _("Waiting")
    OFFERED = "offered", _("Was offered a place")
    LEFT = "left", _("Left the list")
    REMOVED = "removed", _("Removed by an organiser")
    CLOSED = "closed", pgettext_lazy("waiting list", "List closed")


class WaitingEntry(models.Model):
    """A family's place in the line. It changes only under its event's lock, with its counter.

    ``number`` is the order within the event. What it asked for is kept as the order it becomes once
    it is offered: each of ``participants`` is first and last name, the price option and its answers
    (pairs of question and answer); then what was answered once, and of each consent whether it was
    given and the words that were read.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_entry_id, editable=False)
    event = models.ForeignKey(
        Event, models.PROTECT, related_name="waiting_entries", verbose_name=_("event")
    )
    number = models.PositiveIntegerField(_("number"))
    state = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.WAITING
    )
    contact_name = models.CharField(_("name"), max_length=200)
    contact_email = models.EmailField(_("e-mail"))
    locale = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    places = models.PositiveIntegerField(_("places"))
    participants = models.JSONField(_("participants"))
    answers = models.JSONField(_("answers"), default=list, db_default=[])
    consents = models.JSONField(_("consents"), default=list, db_default=[])
    registration = models.OneToOneField(
        Registration,
        models.PROTECT,
        related_name="waiting_entry",
        verbose_name=_("registration"),
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField(_("since"), default=timezone.now)
    # Of the form that was sent, and what it said. The same sent twice is one wish.
    key = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    fingerprint = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False
    )
    # Once names and addresses have been forgotten.
    forgotten_at = models.DateTimeField(_("forgotten"), null=True, blank=True)

    class Meta:
        verbose_name = _("waiting list entry")
        verbose_name_plural = _("waiting list")
        ordering = ("event", "number")
        indexes = (
            models.Index(
                fields=["event", "number"], condition=Q(state="waiting"), name="waiting_in_order"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["event", "number"], name="waiting_number_is_unique"),
            models.UniqueConstraint(
                fields=["event", "contact_email"],
                condition=Q(state="waiting"),
                name="waiting_once_for_an_address",
            ),
            models.CheckConstraint(
                name="waiting_state_is_known", condition=Q(state__in=State.values)
            ),
            models.CheckConstraint(name="waiting_for_places", condition=Q(places__gte=1)),
            models.CheckConstraint(
                name="waiting_offer_is_a_registration",
                condition=Q(state="offered", registration__isnull=False)
                | (~Q(state="offered") & Q(registration__isnull=True)),
            ),
        )

    def __str__(self) -> str:
        return self.contact_name or self.id

    def get_absolute_url(self) -> str:
        """The path with its token: only for the eyes of whoever waits."""
        return f"/waiting-list/{self.pk}?token={self.token}"

    @property
    def token(self) -> str:
        return _signer.signature(self.pk)

    def opens_with(self, token: str) -> bool:
        return constant_time_compare(self.token, token)

    @property
    def order(self) -> Order:
        contact = Contact(self.contact_name, self.contact_email, self.locale)
        return Order(self.event_id, contact, self.people, answers=_replies(self.answers))

    @property
    def people(self) -> Sequence[Person]:
        return [
            Person(first, last, option, _replies(answers))
            for first, last, option, answers in map(_whole, self.participants)
        ]

    @property
    def option_places(self) -> dict[str, int]:
        """How many places of each price option are wanted."""
        return dict(Counter(one.option for one in self.people if one.option))

    @cached_property
    def seats(self) -> Sequence[Seat]:
        """The participants with what each costs now; it is settled when the places are offered."""
        options = {one.pk: one for one in self.event.options.all()}
        return [_seat(one, options, self.event.price) for one in self.people]

    @property
    def amount(self) -> int:
        return sum(seat.price for seat in self.seats)

    @property
    def currency(self) -> str:
        return self.event.currency

    @property
    def position(self) -> int | None:
        """1 for whoever is first; None for who does not wait any more."""
        if self.state != State.WAITING:
            return None
        before = WaitingEntry.objects.filter(
            event=self.event_id, state=State.WAITING, number__lt=self.number
        )
        return before.count() + 1


def _whole(row: Sequence[Any]) -> tuple[str, str, str | None, Sequence[Sequence[str]]]:
    """Who joined before there were options is two names."""
    first, last, option, answers = (*row, None, ())[:4]
    return first, last, option, answers


def _replies(rows: Sequence[Sequence[str]]) -> Replies:
    return tuple((question, value) for question, value in rows)


def _seat(person: Person, options: Mapping[str, PriceOption], price: int) -> Seat:
    option = options.get(person.option or "")
    return Seat(person, option, option.price if option else price, person.answers)


class WaitingNote(models.Model):
    """A row of the list's journal. The database refuses to change or delete one."""

    class What(models.TextChoices):
        JOINED = "joined", _("Joined the waiting list.")
        OFFERED = "offered", _("Was offered a place, in turn.")
        OFFERED_BY_HAND = "offered_by_hand", _("Was offered a place by an organiser, out of turn.")
        LEFT = "left", _("Left the waiting list.")
        REMOVED = "removed", _("Was removed from the list by an organiser.")
        CLOSED = "closed", _("The list was closed.")

    entry = models.ForeignKey(
        WaitingEntry, models.PROTECT, related_name="journal", verbose_name=_("entry")
    )
    what = models.CharField(_("what"), max_length=16, choices=What.choices)
    actor = models.CharField(_("who"), max_length=80)
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal")
        ordering = ("id",)

    def __str__(self) -> str:
        return self.get_what_display()
