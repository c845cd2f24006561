"""Receipts with their numbers, and how often an event has changed since calendars took it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.events.models import Event
from inscrit.registrations.models import Registration


class Receipt(models.Model):
    """A receipt that was given. Its number counts from 1 each year, without a gap.

    The database gives the number when the row is inserted (see migrations/0002), and refuses to
    change or delete a row: a number stands for one paper for ever. ``content`` is what stood on
    it; refunds come later and are read when it is printed.
    """

    registration = models.OneToOneField(
        Registration, models.PROTECT, related_name="receipt", verbose_name=_("registration")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"), default=0)
    content = models.JSONField(_("content"))
    issued_at = models.DateTimeField(_("given on"), default=timezone.now)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering = ("-year", "-number")
        constraints = (
            models.UniqueConstraint(fields=["year", "number"], name="receipt_number_is_unique"),
            models.CheckConstraint(name="receipt_numbers_begin_at_one", condition=Q(number__gte=1)),
        )

    def __str__(self) -> str:
        return f"{self.year}-{self.number:05}"


class Edition(models.Model):
    """How often what calendars show of an event has changed: RFC 5545's SEQUENCE.

    A trigger counts (see migrations/0002), whoever changes the event and however.
    """

    event = models.OneToOneField(
        Event, models.CASCADE, primary_key=True, related_name="edition", verbose_name=_("event")
    )
    sequence = models.PositiveIntegerField(_("changes"), default=0)
    changed_at = models.DateTimeField(_("changed on"), default=timezone.now)

    class Meta:
        verbose_name = _("edition")
        verbose_name_plural = _("editions")

    def __str__(self) -> str:
        return f"{self.event_id} #{self.sequence}"
