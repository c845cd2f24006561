"""Other programs that want to be told, what they are told, and how that went."""

import secrets
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.public_ids import new_id
from inscrit.registrations.models import Registration

from .types import TYPES


def new_endpoint_id() -> str:
    return new_id("wh", 12)


def new_message_id() -> str:
    return new_id("msg")


def new_salt() -> str:
    return secrets.token_urlsafe(18)


class Endpoint(models.Model):
    """An address of another program. Its secret is derived from ``salt``, see secrets.py.

    ``previous_salt`` still signs until ``previous_until``. Triggers write messages for the types
    in ``types``, while it is not disabled.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_endpoint_id, editable=False)
    url = models.URLField(
        _("address"), max_length=500, help_text=_("Where messages are sent to, by HTTPS.")
    )
    description = models.CharField(
        _("description"), max_length=200, blank=True, help_text=_("What it is, for yourselves.")
    )
    types = ArrayField(models.CharField(max_length=40), verbose_name=_("what it is told"))
    salt = models.CharField(max_length=40, default=new_salt, editable=False)
    previous_salt = models.CharField(max_length=40, blank=True, default="", editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    succeeded_at = models.DateTimeField(_("last taken"), null=True, blank=True, editable=False)
    disabled_at = models.DateTimeField(_("switched off"), null=True, blank=True, editable=False)
    disabled_reason = models.CharField(
        _("why it is off"), max_length=200, blank=True, default="", editable=False
    )

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        ordering = ("created_at", "id")
        indexes = (
            models.Index(
                fields=["id"], condition=Q(disabled_at__isnull=True), name="endpoint_enabled"
            ),
            models.Index(
                fields=["id"], condition=~Q(disabled_reason=""), name="endpoint_switched_off"
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="endpoint_types_are_known",
                condition=Q(types__contained_by=list(TYPES)) & Q(types__len__gte=1),
            ),
        )

    def __str__(self) -> str:
        return self.description or self.url

    @property
    def is_enabled(self) -> bool:
        return self.disabled_at is None

    def salts(self, now: datetime) -> list[str]:
        """Those that sign now, the newest first."""
        rotating = self.previous_until is not None and now < self.previous_until
        return [self.salt, self.previous_salt] if rotating else [self.salt]


class Message(models.Model):
    """Something that happened. ``body`` is written once, before the first try.

    ``event_id`` is no foreign key: a draft that is deleted takes nothing along.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_message_id, editable=False)
    type = models.CharField(_("type"), max_length=40)
    registration = models.ForeignKey(
        Registration, models.CASCADE, related_name="+", null=True, verbose_name=_("registration")
    )
    event_id = models.CharField(_("event"), max_length=40, blank=True, default="", db_default="")
    from_status = models.CharField(_("from"), max_length=16, blank=True, default="", db_default="")
    to_status = models.CharField(_("to"), max_length=16, blank=True, default="", db_default="")
    reason = models.CharField(_("why"), max_length=64, blank=True, default="", db_default="")
    at = models.DateTimeField(_("when"), default=timezone.now, db_index=True)
    body = models.TextField(_("message"), blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        ordering = ("-at", "id")

    def __str__(self) -> str:
        return f"{self.type} · {self.registration_id or self.event_id or self.pk}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("Under way")
    DELIVERED = "delivered", _("Taken")
    FAILED = "failed", _("Given up")


class Delivery(models.Model):
    """One message on its way to one endpoint. ``attempts`` counts those of this round."""

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="deliveries", verbose_name=_("message")
    )
    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="deliveries", verbose_name=_("endpoint")
    )
    state = models.CharField(
        _("state"), max_length=16, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # While it waits: when the sweep takes it up, should the job that has it come to nothing.
    next_try_at = models.DateTimeField(_("next try"), default=timezone.now)
    delivered_at = models.DateTimeField(_("taken at"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=["next_try_at"],
                condition=Q(state=DeliveryState.WAITING),
                name="delivery_waiting",
            ),
            models.Index(fields=["endpoint", "-created_at"], name="delivery_by_endpoint"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["message", "endpoint"], name="delivery_is_one_per_endpoint"
            ),
            models.CheckConstraint(
                name="delivery_state_is_known", condition=Q(state__in=DeliveryState.values)
            ),
            models.CheckConstraint(
                name="delivery_delivered_has_a_date",
                condition=~Q(state=DeliveryState.DELIVERED) | Q(delivered_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.message.type} → {self.endpoint}"


class Attempt(models.Model):
    """One try, and what was answered: a status with the beginning of its body, or an error."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField(_("when"), default=timezone.now)
    status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    excerpt = models.TextField(_("beginning of the answer"), blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"))

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.status or self.error}"
