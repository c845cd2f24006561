"""What is on offer: an event and its places."""

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inscrit.money import money
from inscrit.public_ids import new_event_id
from inscrit.registrations.lifecycle import LatePayment, LostDispute
from inscrit.registrations.lifecycle import PaymentMethod as Method

from .consents import Consent
from .line import kept_for_the_line
from .options import PriceOption
from .photos import Photo, PhotoFile
from .questions import Question

# Django looks for models here.
__all__ = ["Consent", "Event", "EventStatus", "Photo", "PhotoFile", "PriceOption", "Question"]

currency_code = RegexValidator(
    r"\A[a-z]{3}\Z", _("Write the three lower-case letters of ISO 4217, such as eur.")
)


LONGEST_OFFER_HOURS = 336


class EventStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    PUBLISHED = "published", _("Published")
    CANCELLED = "cancelled", _("Cancelled")


class LatePaymentPolicy(models.TextChoices):
    """What to do with a payment that arrives after its places were freed."""

    RESEAT_OR_REFUND = (
        LatePayment.RESEAT_OR_REFUND.value,
        _("Seat again if there is room, else refund"),
    )
    REFUND = LatePayment.REFUND.value, _("Always refund")
    REVIEW = LatePayment.REVIEW.value, _("Ask a person")


class LostDisputePolicy(models.TextChoices):
    """What happens to the places of who got the money back through the bank."""

    FREE_PLACES = LostDispute.FREE_PLACES.value, _("Free the places")
    REVIEW = LostDispute.REVIEW.value, _("Ask a person")


class PaymentMethod(models.TextChoices):
    """How a registration may be paid."""

    STRIPE = Method.STRIPE.value, _("By card, online")
    CHEQUE = Method.CHEQUE.value, _("By cheque")
    CASH = Method.CASH.value, _("In cash")
    TRANSFER = Method.TRANSFER.value, _("By bank transfer")


# What needs no post and no bank: it may be done until the event begins.
AT_ONCE = (PaymentMethod.STRIPE, PaymentMethod.CASH)


def usual_methods() -> list[str]:
    return [PaymentMethod.STRIPE.value, PaymentMethod.CHEQUE.value]


class Event(models.Model):
    """A school's event with its counters of places.

    ``price`` is in the currency's minor unit. ``confirmed`` and ``held`` equal the sums over the
    registrations behind them; they move only with those, in the same transaction.
    """

    id = models.CharField(primary_key=True, max_length=40, default=new_event_id, editable=False)
    slug = models.SlugField(_("address"), max_length=80, unique=True, blank=True)
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    location = models.CharField(_("location"), max_length=200, blank=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    time_zone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris")
    price = models.PositiveIntegerField(
        _("price per person"), help_text=_("In the smallest unit: 1250 is 12.50 €.")
    )
    currency = models.CharField(
        _("currency"), max_length=3, default="eur", validators=[currency_code]
    )
    capacity = models.PositiveIntegerField(
        _("places"), null=True, blank=True, help_text=_("Leave empty for no limit.")
    )
    confirmed = models.PositiveIntegerField(_("confirmed"), default=0, editable=False)
    held = models.PositiveIntegerField(_("held"), default=0, editable=False)
    # Places that those on the waiting list want in all. What is kept for them: see events/line.py.
    waiting = models.PositiveIntegerField(_("wanted"), default=0, db_default=0, editable=False)
    offer_hours = models.PositiveSmallIntegerField(
        _("hours to accept an offer"),
        default=24,
        db_default=24,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_OFFER_HOURS)],
        help_text=_(
            "So long a place is kept for whoever is offered one from the waiting list; never"
            " beyond the end of registration."
        ),
    )
    sales_end_at = models.DateTimeField(_("registration closes"), null=True, blank=True)
    refund_until = models.DateTimeField(
        _("refunds until"),
        null=True,
        blank=True,
        help_text=_("Until then, whoever cancels gets the money back. Empty: a person decides."),
    )
    payment_methods = ArrayField(
        models.CharField(max_length=16, choices=PaymentMethod.choices),
        verbose_name=_("ways to pay"),
        default=usual_methods,
        db_default=usual_methods(),
    )
    payment_days = models.PositiveSmallIntegerField(
        _("days to pay by hand"),
        default=10,
        db_default=10,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text=_(
            "How long places are held for a cheque, cash or a transfer; never beyond the beginning"
            " of the event."
        ),
    )
    how_to_pay = models.TextField(
        _("how to pay by hand"),
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "Whom a cheque is payable to and where it goes, when the desk is open for cash, the"
            " IBAN for a transfer. Shown to whoever chose one of these."
        ),
    )
    status = models.CharField(
        _("status"), max_length=16, choices=EventStatus.choices, default=EventStatus.DRAFT
    )
    late_payment = models.CharField(
        _("late payment"),
        max_length=24,
        choices=LatePaymentPolicy.choices,
        default=LatePaymentPolicy.RESEAT_OR_REFUND,
    )
    lost_dispute = models.CharField(
        _("lost dispute"),
        max_length=24,
        choices=LostDisputePolicy.choices,
        default=LostDisputePolicy.FREE_PLACES,
        db_default=LostDisputePolicy.FREE_PLACES.value,
        help_text=_("The buyer’s bank took the money back for good."),
    )
    # By the watchdog, while the counters can't be trusted; a person opens them again.
    sales_stopped_at = models.DateTimeField(
        _("sales stopped"), null=True, blank=True, editable=False
    )
    sales_stopped_reason = models.TextField(
        _("why sales are stopped"), blank=True, default="", db_default="", editable=False
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ("starts_at", "id")
        constraints = (
            models.CheckConstraint(
                name="event_is_not_oversold",
                condition=Q(capacity__isnull=True) | Q(capacity__gte=F("confirmed") + F("held")),
                violation_error_message=_(
                    "There are already more registrations than that: "
                    "the places can't be fewer than those confirmed and held."
                ),
            ),
            models.CheckConstraint(
                name="event_counters_are_not_negative",
                condition=Q(confirmed__gte=0, held__gte=0, price__gte=0),
            ),
            models.CheckConstraint(
                name="event_offers_have_time",
                condition=Q(offer_hours__gte=1, offer_hours__lte=LONGEST_OFFER_HOURS),
                violation_error_message=_("An offer lasts from 1 to 336 hours."),
            ),
            models.CheckConstraint(
                name="event_ends_after_it_starts",
                condition=Q(ends_at__gte=F("starts_at")),
                violation_error_message=_("An event can't end before it starts."),
            ),
            models.CheckConstraint(
                name="event_currency_is_lower_case",
                condition=Q(currency__regex=r"^[a-z]{3}$"),
                violation_error_message=currency_code.message,
            ),
            models.CheckConstraint(
                name="event_payment_methods_are_known",
                condition=Q(payment_methods__contained_by=PaymentMethod.values)
                & Q(payment_methods__len__gte=1),
                violation_error_message=_("Choose at least one way to pay."),
            ),
            models.CheckConstraint(
                name="event_payment_days_are_some",
                condition=Q(payment_days__gte=1, payment_days__lte=365),
            ),
            models.CheckConstraint(
                name="event_status_is_known", condition=Q(status__in=EventStatus.values)
            ),
            models.CheckConstraint(
                name="event_late_payment_is_known",
                condition=Q(late_payment__in=LatePaymentPolicy.values),
            ),
            models.CheckConstraint(
                name="event_lost_dispute_is_known",
                condition=Q(lost_dispute__in=LostDisputePolicy.values),
            ),
        )

    def __str__(self) -> str:
        return self.title

    def save(self, *args: object, **kwargs: object) -> None:
        if not self.id:  # a form with rows below it takes the id of what it adds away
            self.id = new_event_id()
        if not self.slug:
            # The id's own letters keep the address unique without asking the database.
            self.slug = f"{slugify(self.title)[:70] or 'event'}-{self.id[-6:]}"
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    def get_absolute_url(self) -> str:
        return f"/events/{self.slug}"

    @property
    def free(self) -> int | None:
        """Places that nobody has; None without a limit."""
        if self.capacity is None:
            return None
        return self.capacity - self.confirmed - self.held

    @property
    def remaining(self) -> int | None:
        """Places that anybody may still take: those who wait, and fit, come first. None without a
        limit.
        """
        if self.free is None:
            return None
        asks = self.waiting and self.free > 0
        return max(0, self.free - (kept_for_the_line(self.pk).places if asks else 0))

    @property
    def left(self) -> int | None:
        """What of them can be had at some price: nothing where each price is full."""
        offered = [option for option in self.options.all() if option.active]
        return 0 if offered and all(option.is_full for option in offered) else self.remaining

    @property
    def prices(self) -> list[int]:
        """What a place may cost now, the cheapest first, in minor units."""
        offered = {option.price for option in self.options.all() if option.active}
        return sorted(offered) or [self.price]

    @property
    def price_in_words(self) -> str:
        """What a place costs; from how much where there are several prices."""
        lowest, highest = self.prices[0], self.prices[-1]
        if highest == 0:
            return gettext("Free")
        if lowest == 0:
            return gettext("Free to %(price)s") % {"price": money(highest, self.currency)}
        price = money(lowest, self.currency)
        return price if lowest == highest else gettext("from %(price)s") % {"price": price}

    @property
    def is_asked_for(self) -> bool:
        """Whether somebody registered or waited for it: their amounts are in its currency."""
        return self.registrations.exists() or self.waiting_entries.exists()

    @property
    def has_one_price(self) -> bool:
        return len(self.prices) == 1

    @property
    def sales_close_at(self) -> datetime:
        """Whatever was written: nobody registers for what is over."""
        return min(self.sales_end_at or self.starts_at, self.ends_at)

    @property
    def methods(self) -> list[PaymentMethod]:
        """The ways to pay, the usual one first."""
        return [one for one in PaymentMethod if one in self.payment_methods]

    def methods_in_time(self, now: datetime) -> list[PaymentMethod]:
        """Of the ways to pay those that can still arrive; all of them if none can."""
        arrives = now + timedelta(days=self.payment_days) < self.starts_at
        return [one for one in self.methods if arrives or one in AT_ONCE] or self.methods

    def held_for_payment_by_hand(self, now: datetime) -> datetime:
        """Until when places are held for who pays by cheque, in cash or by transfer."""
        latest = max(self.starts_at, self.sales_close_at)
        return min(now + timedelta(days=self.payment_days), latest)

    def gives_money_back(self, now: datetime) -> bool:
        """Whether a registrant who cancels now gets back what was paid, without asking anybody."""
        return self.refund_until is not None and now < self.refund_until

    def is_on_sale(self, now: datetime) -> bool:
        return self.is_offered and now < self.sales_close_at

    @property
    def is_offered(self) -> bool:
        return self.status == EventStatus.PUBLISHED and self.sales_stopped_at is None
