"""Who has a place: registrations, their participants, and the journal that explains them."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core import signing
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from inscrit.events.models import Event, PaymentMethod, PriceOption
from inscrit.public_ids import new_registration_id

from . import lifecycle
from .answers import Agreement, Answer

__all__ = [
    "Agreement",
    "Answer",
    "Cancelling",
    "IdempotencyKey",
    "JournalEntry",
    "Participant",
    "PaymentMethod",
    "Registration",
    "RegistrationStatus",
]

_signer = signing.Signer(salt="inscrit.registration")


class RegistrationStatus(models.TextChoices):
    PENDING = lifecycle.Status.PENDING.value, _("Waiting for payment")
    PROCESSING = lifecycle.Status.PROCESSING.value, _("Payment under way")
    PAID = lifecycle.Status.PAID.value, _("Paid")
    FREE = lifecycle.Status.FREE.value, _("Confirmed, free of charge")
    EXPIRED = lifecycle.Status.EXPIRED.value, _("Expired")
    FAILED = lifecycle.Status.FAILED.value, _("Payment failed")
    CANCELLED = lifecycle.Status.CANCELLED.value, pgettext_lazy("registration", "Cancelled")
    REFUNDED = lifecycle.Status.REFUNDED.value, _("Refunded")


class Cancelling(models.TextChoices):
    REFUND = lifecycle.Resolution.REFUND.value, _("Yes, with the money back")
    ACCEPT = lifecycle.Resolution.ACCEPT.value, _("Yes, unless it is paid by now")


@dataclass(frozen=True, slots=True)
class Received:
    """What came of a registration's money, and how much of it the buyer has back."""

    amount: int
    returned: int
    currency: str

    @property
    def kept(self) -> int:
        return self.amount - self.returned


class Registration(models.Model):
    """One family's request for places at an event. ``amount`` is in minor units."""

    id = models.CharField(
        primary_key=True, max_length=40, default=new_registration_id, editable=False
    )
    event = models.ForeignKey(
        Event,
        models.PROTECT,
        related_name="registrations",
        verbose_name=_("event"),
        db_index=False,  # the index by event and status serves
    )
    status = models.CharField(
        _("status"),
        max_length=16,
        choices=RegistrationStatus.choices,
        default=RegistrationStatus.PENDING,
    )
    contact_name = models.CharField(_("name"), max_length=200)
    contact_email = models.EmailField(_("e-mail"))
    locale = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    payment_method = models.CharField(
        _("payment"),
        max_length=16,
        choices=PaymentMethod.choices,
        default=PaymentMethod.STRIPE,
    )
    places = models.PositiveIntegerField(_("places"))
    # How many of them are of which price option, by its id; the participants say the same. Here it
    # is read with the row's lock, so that events without options cost the webhook lane nothing.
    option_places = models.JSONField(_("places by price option"), null=True, editable=False)
    amount = models.PositiveIntegerField(_("amount"))
    amount_refunded = models.PositiveIntegerField(_("refunded"), default=0)
    currency = models.CharField(_("currency"), max_length=3)
    hold_expires_at = models.DateTimeField(_("held until"), null=True, blank=True)
    # Of a place offered to somebody on the waiting list: until when it was promised.
    offered_until = models.DateTimeField(_("offered until"), null=True, blank=True, editable=False)
    paid_at = models.DateTimeField(_("paid on"), null=True, blank=True)
    # While its Checkout session is being ended: what becomes of money that comes all the same.
    cancelling = models.CharField(
        _("being cancelled"),
        max_length=8,
        choices=Cancelling.choices,
        blank=True,
        default="",
        db_default="",
    )
    review = models.CharField(_("to be looked at"), max_length=64, null=True, blank=True)  # noqa: DJ001 - null means: nothing to look at
    created_at = models.DateTimeField(_("registered on"), default=timezone.now)
    updated_at = models.DateTimeField(_("changed on"), auto_now=True)

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")
        ordering = ("-created_at", "id")
        indexes = (
            models.Index(fields=["event", "status"], name="registration_by_event"),
            models.Index(
                fields=["hold_expires_at"],
                condition=Q(status=RegistrationStatus.PENDING),
                name="registration_lapsing",
            ),
            models.Index(fields=["-created_at"], name="registration_by_age"),
            models.Index(Upper("contact_email"), name="registration_by_address"),
            models.Index(
                fields=["paid_at"],
                condition=Q(paid_at__isnull=False),
                name="registration_by_payment",
            ),
            models.Index(
                fields=["id"], condition=~Q(cancelling=""), name="registration_cancelling"
            ),
            models.Index(
                fields=["id"], condition=Q(review__isnull=False), name="registration_to_look_at"
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="registration_status_is_known",
                condition=Q(status__in=RegistrationStatus.values),
            ),
            models.CheckConstraint(
                name="registration_cancelling_while_pending",
                condition=Q(cancelling="")
                | Q(cancelling__in=Cancelling.values, status=RegistrationStatus.PENDING),
            ),
            models.CheckConstraint(name="registration_takes_places", condition=Q(places__gte=1)),
            models.CheckConstraint(
                name="registration_amounts_are_sound",
                condition=Q(amount__gte=0, amount_refunded__gte=0)
                & Q(amount_refunded__lte=models.F("amount")),
            ),
            models.CheckConstraint(
                name="registration_free_costs_nothing",
                condition=~Q(status=RegistrationStatus.FREE) | Q(amount=0),
            ),
            models.CheckConstraint(
                name="registration_paid_has_a_date",
                condition=~Q(status=RegistrationStatus.PAID) | Q(paid_at__isnull=False),
            ),
            models.CheckConstraint(
                name="registration_hold_has_an_end",
                condition=~Q(status=RegistrationStatus.PENDING) | Q(hold_expires_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.id

    def get_absolute_url(self) -> str:
        """The path with its token: only for the registrant's own eyes."""
        return f"/registrations/{self.pk}?token={self.token}"

    @property
    def was_charged(self) -> bool:
        """Whether money came for it, wherever it is now."""
        return self.paid_at is not None or self.payments.filter(status="succeeded").exists()

    @property
    def received(self) -> Received:
        """The amount agreed, but where a person accepted a payment of another one.

        Before it is paid, what is to come. For sums: payments/received.py.
        """
        agreed = Received(self.amount, self.amount_refunded, self.currency)
        come = [] if self.paid_at is None else list(self.payments.all())
        come = [one for one in come if one.status == "succeeded"]
        stands = next((one for one in come if one.settles), None)
        if stands is None and len(come) == 1 and self.payment_method == PaymentMethod.STRIPE:
            stands = come[0]  # it gave its places back since
        if stands is None or (stands.amount, stands.currency) == (self.amount, self.currency):
            return agreed
        lost = sum(one.amount for one in stands.disputes.all() if one.status == "lost")
        return Received(stands.amount, min(stands.amount, stands.refunded + lost), stands.currency)

    @property
    def money_left(self) -> str:
        """What becomes of the money of a registration that has ended; empty if there is none.

        ``returning`` all of it is ordered back · ``kept`` a person decides · ``under_way`` the bank
        has it still · ``by_hand`` it never came by Stripe.
        """
        payments = [(one.status, one.amount, one.refund_ordered) for one in self.payments.all()]
        come = [(amount, back) for status, amount, back in payments if status == "succeeded"]
        if come:
            return "returning" if all(back >= amount for amount, back in come) else "kept"
        if any(status == "processing" and amount for status, amount, _back in payments):
            return "under_way"
        return "by_hand" if self.paid_at is not None else ""

    @property
    def is_paid_by_hand(self) -> bool:
        """Whether a person has noted that its money came, and no payment by Stripe stands for it.

        A payment page that was left behind may be paid after all: then it was not by hand.
        """
        return (
            self.paid_at is not None
            and self.payment_method != PaymentMethod.STRIPE
            and not self.payments.filter(settles=True).exists()
            and self.journal.filter(reason=lifecycle.Reason.MARKED_PAID).exists()
        )

    @property
    def has_places_to_give_back(self) -> bool:
        """Whether there is something to cancel, and nobody is at it already."""
        has_places = self.status in lifecycle.HOLDING | lifecycle.CONFIRMED
        return has_places and not self.cancelling

    @property
    def token(self) -> str:
        """What opens this registration's page without an account."""
        return _signer.signature(self.pk)

    def choice_of_methods(self, now: datetime) -> list[PaymentMethod]:
        """How an offer from the waiting list may be paid; empty where there is no choice."""
        methods = self.event.methods_in_time(now) if self.amount else []
        return methods if methods != [self.payment_method] else []

    def opens_with(self, token: str) -> bool:
        return constant_time_compare(self.token, token)


class Participant(models.Model):
    registration = models.ForeignKey(
        Registration, models.CASCADE, related_name="participants", verbose_name=_("registration")
    )
    position = models.PositiveSmallIntegerField(_("position"))
    first_name = models.CharField(_("first name"), max_length=100)
    last_name = models.CharField(_("last name"), max_length=100)
    option = models.ForeignKey(
        PriceOption,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="participants",
        verbose_name=_("price option"),
        db_index=False,  # the index of those that have one serves
    )
    # As it was when the place was given, whatever the organiser changes afterwards. Null for the
    # registrations made before there were options.
    option_name = models.CharField(
        _("price option"), max_length=100, blank=True, default="", db_default="", editable=False
    )
    price = models.PositiveIntegerField(_("price"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("participant")
        verbose_name_plural = _("participants")
        ordering = ("registration", "position")
        indexes = (
            models.Index(
                fields=["option"],
                condition=Q(option__isnull=False),
                name="participant_by_option",
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="participant_option_has_a_price",
                condition=Q(option__isnull=True) | Q(price__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["registration", "position"], name="participant_position_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class JournalEntry(models.Model):
    """Why a registration became what it is. The database refuses to change or delete a row."""

    registration = models.ForeignKey(
        Registration, models.PROTECT, related_name="journal", verbose_name=_("registration")
    )
    from_status = models.CharField(_("from"), max_length=16, blank=True)
    to_status = models.CharField(_("to"), max_length=16)
    reason = models.CharField(_("why"), max_length=64)
    actor = models.CharField(_("who"), max_length=80)
    stripe_event = models.CharField(_("Stripe event"), max_length=255, blank=True)
    # From which event to which, how much was given back by hand, or which fields a person
    # corrected. Never what was written there.
    details = models.JSONField(_("details"), default=dict, db_default={}, blank=True)
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal")
        ordering = ("id",)
        indexes = (
            # What the metrics count, with the condition of monitoring/sql/totals.sql.
            models.Index(
                fields=["to_status", "reason", "from_status"],
                condition=(
                    ~Q(from_status=models.F("to_status"))
                    & Q(to_status__in=["PAID", "EXPIRED", "FAILED"])
                )
                | Q(
                    reason__in=[
                        lifecycle.Reason.LATE_PAYMENT_REFUNDED.value,
                        lifecycle.Reason.LATE_PAYMENT_REVIEW.value,
                        lifecycle.Reason.AMOUNT_MISMATCH.value,
                        lifecycle.Reason.WRONG_MODE.value,
                        lifecycle.Reason.OTHER_REGISTRATION.value,
                    ]
                ),
                name="journal_counted",
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_status or '·'} → {self.to_status} ({self.reason})"


class IdempotencyKey(models.Model):
    """A caller's key of a registration request, honoured for a day (RFC draft Idempotency-Key)."""

    key = models.CharField(primary_key=True, max_length=255)
    fingerprint = models.CharField(max_length=64)
    registration = models.ForeignKey(Registration, models.CASCADE)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")

    def __str__(self) -> str:
        return self.key
