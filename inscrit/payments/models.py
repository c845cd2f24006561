"""Money: Checkout sessions, what was paid through them, and what was given back."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.registrations import lifecycle
from inscrit.registrations.models import Registration


class SessionStatus(models.TextChoices):
    OPENING = "opening", _("Being opened")
    OPEN = "open", _("Open")
    COMPLETE = "complete", _("Complete")
    EXPIRED = "expired", _("Expired")
    FAILED = "failed", _("Not opened")


# Somebody may be paying through it.
LIVE = (SessionStatus.OPENING, SessionStatus.OPEN)


class CheckoutSession(models.Model):
    """One attempt to pay: the row stands before Stripe is asked, with the attempt's own key.

    https://docs.stripe.com/api/idempotent_requests
    """

    registration = models.ForeignKey(
        Registration, models.PROTECT, related_name="sessions", verbose_name=_("registration")
    )
    attempt = models.PositiveIntegerField(_("attempt"))
    stripe_id = models.CharField(  # noqa: DJ001 - unknown until Stripe answered, then unique
        _("Stripe session"), max_length=255, null=True, unique=True
    )
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=SessionStatus.choices,
        default=SessionStatus.OPENING,
    )
    url = models.TextField(_("address"), blank=True)
    expires_at = models.DateTimeField(_("expires"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("Checkout session")
        verbose_name_plural = _("Checkout sessions")
        ordering = ("registration", "attempt")
        constraints = (
            models.UniqueConstraint(
                fields=["registration", "attempt"], name="session_attempt_is_unique"
            ),
            models.UniqueConstraint(
                fields=["registration"],
                condition=Q(status__in=LIVE),
                name="registration_has_one_live_session",
            ),
            models.CheckConstraint(
                name="session_status_is_known", condition=Q(status__in=SessionStatus.values)
            ),
            models.CheckConstraint(
                name="session_open_has_an_id",
                condition=~Q(status=SessionStatus.OPEN) | Q(stripe_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.stripe_id or f"{self.registration_id} #{self.attempt}"

    @property
    def idempotency_key(self) -> str:
        return f"{self.registration_id}/checkout/{self.attempt}"


class PaymentState(models.TextChoices):
    PROCESSING = lifecycle.PaymentStatus.PROCESSING.value, _("Under way")
    SUCCEEDED = lifecycle.PaymentStatus.SUCCEEDED.value, _("Succeeded")
    FAILED = lifecycle.PaymentStatus.FAILED.value, _("Failed")


class PaymentResolution(models.TextChoices):
    """What a person decided on money that stood without a place."""

    ACCEPTED = lifecycle.Resolution.ACCEPT.value, _("Accepted")
    KEPT = lifecycle.Resolution.IGNORE.value, _("Kept as it is")


class Payment(models.Model):
    """Money as Stripe reported it. ``key`` is the PaymentIntent, or a session that has none.

    All amounts are in minor units. ``settles`` marks the one payment the registration stands on.
    """

    key = models.CharField(_("Stripe payment"), max_length=255, primary_key=True)
    registration = models.ForeignKey(
        Registration, models.PROTECT, related_name="payments", verbose_name=_("registration")
    )
    status = models.CharField(_("status"), max_length=16, choices=PaymentState.choices)
    amount = models.BigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    settles = models.BooleanField(_("settles the registration"), default=False)
    # Written by the ledger from the refunds: what is asked for, and what Stripe has returned.
    refund_ordered = models.BigIntegerField(_("refund asked for"), default=0)
    refunded = models.BigIntegerField(_("refunded"), default=0)
    # The highest total that Stripe reported of the charge.
    charge_refunded = models.BigIntegerField(_("refunded in all"), default=0, db_default=0)
    resolution = models.CharField(
        _("decided"),
        max_length=8,
        choices=PaymentResolution.choices,
        blank=True,
        default="",
        db_default="",
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    updated_at = models.DateTimeField(_("changed on"), auto_now=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ("-created_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["registration"],
                condition=Q(settles=True),
                name="registration_is_settled_once",
            ),
            models.CheckConstraint(
                name="payment_status_is_known", condition=Q(status__in=PaymentState.values)
            ),
            models.CheckConstraint(
                name="payment_that_failed_settles_nothing",
                condition=Q(settles=False) | ~Q(status=PaymentState.FAILED),
            ),
            models.CheckConstraint(
                name="payment_amounts_are_sound",
                condition=Q(amount__gte=0, refund_ordered__gte=0, refunded__gte=0),
            ),
            models.CheckConstraint(
                name="payment_resolution_is_known",
                condition=Q(resolution="") | Q(resolution__in=PaymentResolution.values),
            ),
        )

    def __str__(self) -> str:
        return self.key


class RefundStatus(models.TextChoices):
    ORDERED = lifecycle.RefundStatus.ORDERED.value, _("Asked for")
    PENDING = lifecycle.RefundStatus.PENDING.value, _("Under way")
    SUCCEEDED = lifecycle.RefundStatus.SUCCEEDED.value, _("Returned")
    FAILED = lifecycle.RefundStatus.FAILED.value, _("Failed")


class Refund(models.Model):
    """Money on its way back: ordered by us (its row is the order), or made at Stripe."""

    OUTSIDE = "outside"  # the reason of a refund that was made in Stripe's Dashboard

    payment = models.ForeignKey(
        Payment, models.PROTECT, related_name="refunds", verbose_name=_("payment")
    )
    amount = models.PositiveBigIntegerField(_("amount"))
    reason = models.CharField(_("why"), max_length=64)
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=RefundStatus.choices,
        default=RefundStatus.ORDERED,
    )
    stripe_id = models.CharField(  # noqa: DJ001 - unknown until Stripe answered, then unique
        _("Stripe refund"), max_length=255, null=True, unique=True
    )
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    # Stays, also if it fails later.
    succeeded_at = models.DateTimeField(_("returned on"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=["payment"],
                condition=Q(status=RefundStatus.FAILED),
                name="refund_failed",
            ),
        )
        constraints = (
            models.CheckConstraint(name="refund_returns_money", condition=Q(amount__gte=1)),
            models.CheckConstraint(
                name="refund_status_is_known", condition=Q(status__in=RefundStatus.values)
            ),
            models.CheckConstraint(
                name="refund_at_stripe_has_its_number",
                condition=Q(stripe_id__isnull=False)
                | Q(status__in=[RefundStatus.ORDERED, RefundStatus.FAILED]),
            ),
        )

    def __str__(self) -> str:
        return self.stripe_id or f"refund {self.pk}"

    @property
    def idempotency_key(self) -> str:
        # The payment is in it: another installation on the same account counts from 1 as well.
        return f"refund/{self.payment_id}/{self.pk}"


class DisputeState(models.TextChoices):
    WARNING_NEEDS_RESPONSE = (
        lifecycle.DisputeStatus.WARNING_NEEDS_RESPONSE.value,
        _("Inquiry, to be answered"),
    )
    WARNING_UNDER_REVIEW = (
        lifecycle.DisputeStatus.WARNING_UNDER_REVIEW.value,
        _("Inquiry, answered"),
    )
    WARNING_CLOSED = lifecycle.DisputeStatus.WARNING_CLOSED.value, _("Inquiry, closed")
    NEEDS_RESPONSE = lifecycle.DisputeStatus.NEEDS_RESPONSE.value, _("To be answered")
    UNDER_REVIEW = lifecycle.DisputeStatus.UNDER_REVIEW.value, _("Answered, undecided")
    APPEAL_NEEDS_RESPONSE = (
        lifecycle.DisputeStatus.APPEAL_NEEDS_RESPONSE.value,
        _("Appeal, to be answered"),
    )
    APPEAL_UNDER_REVIEW = (
        lifecycle.DisputeStatus.APPEAL_UNDER_REVIEW.value,
        _("Appeal, undecided"),
    )
    WON = lifecycle.DisputeStatus.WON.value, _("Won")
    LOST = lifecycle.DisputeStatus.LOST.value, _("Lost")
    PREVENTED = lifecycle.DisputeStatus.PREVENTED.value, _("Prevented")


# Somebody has to answer in Stripe's Dashboard, before a date that stands there.
TO_BE_ANSWERED = (
    DisputeState.WARNING_NEEDS_RESPONSE,
    DisputeState.NEEDS_RESPONSE,
    DisputeState.APPEAL_NEEDS_RESPONSE,
)


class Dispute(models.Model):
    """A buyer's complaint at the bank. https://docs.stripe.com/api/disputes/object"""

    id = models.CharField(_("Stripe dispute"), max_length=255, primary_key=True)
    payment = models.ForeignKey(
        Payment, models.PROTECT, related_name="disputes", verbose_name=_("payment")
    )
    status = models.CharField(_("status"), max_length=32, choices=DisputeState.choices)
    amount = models.BigIntegerField(_("amount"))
    created_at = models.DateTimeField(_("heard of"), default=timezone.now, db_default=Now())
    updated_at = models.DateTimeField(_("changed on"), auto_now=True, db_default=Now())

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")
        ordering = ("-created_at",)
        indexes = (
            models.Index(
                fields=["id"],
                condition=Q(status__in=TO_BE_ANSWERED),
                name="dispute_to_be_answered",
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="dispute_status_is_known", condition=Q(status__in=DisputeState.values)
            ),
            models.CheckConstraint(name="dispute_amount_is_sound", condition=Q(amount__gte=0)),
        )

    def __str__(self) -> str:
        return self.id
