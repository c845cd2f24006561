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
    ORGANISER_REVIEW = lifecycle.MailKind.ORGANISER_REVIEW.value, _("To the organiser: please look")


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RETRYING = "retrying", _("To be tried again")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")


class Message(models.Model):
    """One mail to a registrant. It is rendered when it is sent."""

    registration = models.ForeignKey(
        Registration,
        models.PROTECT,
        related_name="messages",
        verbose_name=_("registration"),
    )
    kind = models.CharField(_("kind"), max_length=32, choices=MessageKind.choices)
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
        )
        constraints = (
            models.UniqueConstraint(
                fields=["registration"],
                condition=Q(kind=MessageKind.CONFIRMED),
                name="registration_is_confirmed_by_one_mail",
            ),
            models.CheckConstraint(
                name="message_state_is_known", condition=Q(state__in=MessageState.values)
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} · {self.registration_id}"
