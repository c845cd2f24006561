"""The outbox: every message with what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.registrations import lifecycle
from inscrit.registrations.models import Registration


class MessageKind(models.TextChoices):
    CONFIRMED = lifecycle.MailKind.CONFIRMED.value, _("Registration confirmed")
    EXPIRED = lifecycle.MailKind.EXPIRED.value, _("Registration expired")
    PAYMENT_FAILED = lifecycle.MailKind.PAYMENT_FAILED.value, _("Payment failed")
    LATE_REFUNDED = lifecycle.MailKind.LATE_REFUNDED.value, _("Late payment returned")
    REFUNDED = lifecycle.MailKind.REFUNDED.value, _("Refund")
    CANCELLED = lifecycle.MailKind.CANCELLED.value, _("Registration cancelled")
    MOVED = lifecycle.MailKind.MOVED.value, _("Registration moved")
    ORGANISER_REVIEW = lifecycle.MailKind.ORGANISER_REVIEW.value, _("To the organiser: please look")
    ORGANISER_ALERT = "organiser_alert", _("To the organiser: an alert")


# What is for the organiser's eyes only: it names no token, and is no part of a registrant's story.
FOR_ORGANISERS = (MessageKind.ORGANISER_REVIEW, MessageKind.ORGANISER_ALERT)


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RETRYING = "retrying", _("To be tried again")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")


class Message(models.Model):
    """One mail, to a registrant or to the organiser. It is rendered when it is sent.

    ``context`` holds what its row alone can't tell: an alert's ``subject`` and ``text``, a
    review's ``reason``. ``key`` is what an alert is about and its day: it is told once.
    ``attempts`` counts the tries since it was queued, ``times_sent`` and ``times_failed`` all
    there ever were.
    """

    registration = models.ForeignKey(
        Registration,
        models.PROTECT,
        related_name="messages",
        verbose_name=_("registration"),
        null=True,
        blank=True,
    )
    kind = models.CharField(_("kind"), max_length=32, choices=MessageKind.choices)
    key = models.CharField(_("about"), max_length=255, null=True, blank=True)  # noqa: DJ001 - null: nothing to repeat
    context = models.JSONField(_("details"), default=dict, db_default={}, blank=True)
    recipient = models.EmailField(_("recipient"))
    locale = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    state = models.CharField(
        _("state"), max_length=16, choices=MessageState.choices, default=MessageState.QUEUED
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # While it waits: when the sweep takes it up, should the job that has it come to nothing.
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    times_sent = models.PositiveIntegerField(_("times sent"), default=0, db_default=0)
    # Of a message that was given up: whether the organiser knows.
    organiser_told = models.BooleanField(_("organiser told"), default=False, db_default=False)
    times_failed = models.PositiveIntegerField(_("times failed"), default=0, db_default=0)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["queued", "retrying"]),
                name="message_waiting",
            ),
            models.Index(
                fields=["id"], condition=Q(state=MessageState.FAILED), name="message_given_up"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["registration"],
                condition=Q(kind=MessageKind.CONFIRMED),
                name="registration_is_confirmed_by_one_mail",
            ),
            models.UniqueConstraint(
                fields=["key"], condition=Q(key__isnull=False), name="message_is_told_once"
            ),
            models.CheckConstraint(
                name="message_state_is_known", condition=Q(state__in=MessageState.values)
            ),
            models.CheckConstraint(
                name="message_concerns_a_registration",
                condition=Q(registration__isnull=False) | Q(kind=MessageKind.ORGANISER_ALERT),
            ),
        )

    def __str__(self) -> str:
        about = self.registration_id or self.context.get("subject", "")
        return f"{self.get_kind_display()} · {about}"
