"""The inbox: every Stripe event whose signature was right, and what became of it."""

import re

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.registrations import lifecycle

_TOKEN = re.compile(r"(token=)[\w:-]+")


class EventOutcome(models.TextChoices):
    APPLIED = lifecycle.Outcome.APPLIED.value, _("Applied")
    DUPLICATE = lifecycle.Outcome.DUPLICATE.value, _("Already known")
    IGNORED = lifecycle.Outcome.IGNORED.value, _("Only logged")
    UNMATCHED = lifecycle.Outcome.UNMATCHED.value, _("Not ours")
    REJECTED = lifecycle.Outcome.REJECTED.value, _("Must be looked at")
    FAILED = lifecycle.Outcome.FAILED.value, _("Our own error")


# What nobody else will notice: our own failures, bodies that can't be read, and what names a
# registration that never came to be known. A mismatch flags its registration instead.
NEEDS_A_PERSON = Q(set_aside_by="") & (
    Q(outcome=EventOutcome.FAILED)
    | Q(outcome=EventOutcome.REJECTED, registration_id="")
    | Q(
        outcome=EventOutcome.UNMATCHED,
        next_try_at__isnull=True,
        reason="unknown_registration",
    )
)


class StripeEvent(models.Model):
    """One event as Stripe sent it.

    ``payload`` is the raw body; ``secret`` the fingerprint of the signing secret that verified it;
    ``duration_us`` the microseconds from the first byte until it was ready to be committed;
    ``deliveries`` how often Stripe sent it.
    """

    id = models.CharField(primary_key=True, max_length=255)
    type = models.CharField(_("type"), max_length=100)
    created = models.DateTimeField(_("made by Stripe"))
    livemode = models.BooleanField(_("live"))
    api_version = models.CharField(_("API version"), max_length=64, blank=True)
    object_id = models.CharField(_("object"), max_length=255, blank=True)
    # No foreign key: an event may name a registration that is not ours.
    registration_id = models.CharField(_("registration"), max_length=255, blank=True)
    # The PaymentIntent that its object is about: how it is found again once that one is known.
    payment_key = models.CharField(_("payment"), max_length=255, blank=True, db_default="")
    outcome = models.CharField(_("outcome"), max_length=16, choices=EventOutcome.choices)
    reason = models.CharField(_("why"), max_length=200, blank=True)
    payload = models.TextField(_("body"))
    secret = models.CharField(_("signing secret"), max_length=16)
    duration_us = models.PositiveIntegerField(_("microseconds"))
    deliveries = models.PositiveIntegerField(_("deliveries"), default=1)
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    # When it is applied again by itself: our own failure, or something not known to us yet.
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True)
    # Who has looked at what could not be applied, and found that nothing is to be done.
    set_aside_by = models.CharField(
        _("set aside by"), max_length=80, blank=True, default="", db_default=""
    )

    class Meta:
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        ordering = ("-received_at", "-id")
        indexes = (
            models.Index(fields=["-received_at"], name="stripe_event_by_age"),
            models.Index(
                fields=["registration_id"],
                condition=~Q(registration_id=""),
                name="stripe_event_by_registration",
            ),
            models.Index(
                fields=["payment_key"],
                condition=Q(outcome="unmatched") & ~Q(payment_key=""),
                name="stripe_event_parked",
            ),
            models.Index(
                fields=["next_try_at"],
                condition=Q(next_try_at__isnull=False),
                name="stripe_event_to_try_again",
            ),
            models.Index(
                fields=["outcome", "-received_at"],
                condition=Q(outcome__in=["rejected", "failed", "unmatched"]),
                name="stripe_event_to_look_at",
            ),
            models.Index(
                fields=["-received_at"], condition=NEEDS_A_PERSON, name="stripe_event_for_a_person"
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="stripe_event_outcome_is_known",
                condition=Q(outcome__in=EventOutcome.values),
            ),
        )

    def __str__(self) -> str:
        return self.id

    @property
    def payload_to_show(self) -> str:
        """The body without the registrant's token, which stands in a session's addresses.

        Who may only read must not find in it what opens the registration.
        """
        return _TOKEN.sub(r"\1…", self.payload)
