"""The outbox: every message with what became of it."""

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from inscrit.events.models import Event
from inscrit.events.wording import worded
from inscrit.registrations import lifecycle
from inscrit.registrations.models import Registration
from inscrit.waiting.models import WaitingEntry

from . import kinds


class MessageKind(models.TextChoices):
    """Those of this room; other rooms register theirs, see kinds.py."""

    REGISTERED = lifecycle.MailKind.REGISTERED.value, _("Registered, to be paid")
    CONFIRMED = lifecycle.MailKind.CONFIRMED.value, _("Registration confirmed")
    EXPIRED = lifecycle.MailKind.EXPIRED.value, _("Registration expired")
    PAYMENT_FAILED = lifecycle.MailKind.PAYMENT_FAILED.value, _("Payment failed")
    LATE_REFUNDED = lifecycle.MailKind.LATE_REFUNDED.value, _("Late payment returned")
    REFUNDED = lifecycle.MailKind.REFUNDED.value, _("Refund")
    CANCELLED = lifecycle.MailKind.CANCELLED.value, _("Registration cancelled")
    PLACE_OFFERED = lifecycle.MailKind.PLACE_OFFERED.value, _("Place offered")
    OFFER_LAPSED = lifecycle.MailKind.OFFER_LAPSED.value, _("Offer lapsed")
    WAITING_JOINED = "waiting_joined", _("On the waiting list")
    WAITING_AGAIN = "waiting_again", _("On the waiting list already")
    WAITING_CLOSED = "waiting_closed", _("Waiting list closed")
    EVENT_CHANGED = "event_changed", _("Event changed")
    REMINDER = "reminder", _("Reminder")
    MOVED = lifecycle.MailKind.MOVED.value, _("Registration moved")
    ORGANISER_REVIEW = lifecycle.MailKind.ORGANISER_REVIEW.value, _("To the organiser: please look")
    ORGANISER_ALERT = "organiser_alert", _("To the organiser: an alert")
    ORGANISER_DIGEST = "organiser_digest", _("To the organiser: the day’s figures")


# What is for the organiser's eyes only: it names no token, and is no part of a registrant's story.
FOR_ORGANISERS = (
    MessageKind.ORGANISER_REVIEW,
    MessageKind.ORGANISER_ALERT,
    MessageKind.ORGANISER_DIGEST,
)
# Whoever waits has no registration yet.
FOR_WHO_WAITS = (
    MessageKind.WAITING_JOINED,
    MessageKind.WAITING_AGAIN,
    MessageKind.WAITING_CLOSED,
)


class MessageState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    RETRYING = "retrying", _("To be tried again")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    # Nobody needs it any more, or a person gave it up: its error says which.
    DROPPED = "dropped", _("Not sent, and won’t be")


# Some worker will still take these up.
WAITING = (MessageState.QUEUED, MessageState.RETRYING)
LONGEST_NOTICE = 60


class Message(models.Model):
    """One mail, to a registrant, to who waits, or to the organiser. Rendered when it is sent.

    ``context`` holds what its row alone can't tell: an alert's ``subject`` and ``text``, a
    review's ``reason``, the day's figures. ``key`` is what it is about (an alert and its day, a
    reminder of a date): it is told once.
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
    waiting = models.ForeignKey(
        WaitingEntry,
        models.PROTECT,
        related_name="messages",
        verbose_name=_("waiting list"),
        null=True,
        blank=True,
        db_index=False,  # few messages have one: the index below is theirs alone
    )
    kind = models.CharField(_("kind"), max_length=32, choices=kinds.choices)
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
            models.Index(
                fields=["waiting"],
                condition=Q(waiting__isnull=False),
                name="message_to_who_waits",
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
                name="message_concerns_something",
                condition=Q(registration__isnull=False)
                | Q(waiting__isnull=False)
                | (Q(key__isnull=False) & ~Q(kind=MessageKind.CONFIRMED)),
            ),
        )

    def __str__(self) -> str:
        about = self.registration_id or self.waiting_id or self.context.get("subject", "")
        return f"{self.get_kind_display()} · {about}"


class Sending(models.Model):
    """One time that a message went out, in the words it had then, but without keys."""

    message = models.ForeignKey(Message, models.CASCADE, related_name="sendings")
    at = models.DateTimeField(_("sent"), default=timezone.now)
    recipient = models.EmailField(_("recipient"))
    subject = models.TextField(_("subject"))
    text = models.TextField(_("as text"))
    html = models.TextField(_("as HTML"))
    attachments = models.TextField(_("attachments"), blank=True, default="")

    class Meta:
        verbose_name = _("sending")
        verbose_name_plural = _("sendings")
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"{self.message} · {self.at:%Y-%m-%d %H:%M}"


class EventMails(models.Model):
    """What an organiser chose for an event's mails."""

    event = models.OneToOneField(
        Event, models.CASCADE, primary_key=True, related_name="mails", verbose_name=_("event")
    )
    words = models.TextField(
        _("your own words"),
        blank=True,
        default="",
        db_default="",
        max_length=2000,
        help_text=_(
            "Stands in the confirmation and in the reminder: what to bring, where to meet. "
            "Plain text; an empty line begins a new paragraph."
        ),
    )
    other_words = models.TextField(
        _("your own words in the other language"),
        blank=True,
        default="",
        db_default="",
        max_length=2000,
        help_text=_("Whoever has nothing to read in their language reads the other one."),
    )
    reminder_days = models.PositiveSmallIntegerField(
        _("reminder, days before"),
        default=3,
        db_default=3,
        validators=[MaxValueValidator(LONGEST_NOTICE)],
        help_text=_("0 means that nobody is reminded."),
    )

    class Meta:
        verbose_name = _("mails to registrants")
        verbose_name_plural = _("mails to registrants")
        constraints = (
            models.CheckConstraint(
                name="reminder_is_not_too_early",
                condition=Q(reminder_days__gte=0, reminder_days__lte=LONGEST_NOTICE),
            ),
        )

    def __str__(self) -> str:
        return str(self.event)

    @classmethod
    def words_for(cls, event_id: str) -> str:
        """The organiser's own words for a reader of the language that is active."""
        chosen = cls.objects.filter(pk=event_id).first()
        if chosen is None:
            return ""
        return worded(chosen.words or chosen.other_words, chosen.other_words)


class UntoldChange(models.Model):
    """What an event's registrants still believe, until they are told or needn't be.

    A trigger writes it, whoever changes the event (see migration 0101). ``at`` is the last change.
    """

    event = models.OneToOneField(
        Event, models.CASCADE, primary_key=True, related_name="untold_change"
    )
    title = models.CharField(max_length=200)
    location = models.CharField(max_length=200, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("change nobody was told of")
        verbose_name_plural = _("changes nobody was told of")

    def __str__(self) -> str:
        return str(self.event)


class Unsubscribed(models.Model):
    """An address that wants no more mails of one kind."""

    address = models.EmailField(_("e-mail"))
    kind = models.CharField(_("kind"), max_length=32, choices=kinds.choices)
    at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("unsubscribed address")
        verbose_name_plural = _("unsubscribed addresses")
        ordering = ("-at",)
        constraints = (models.UniqueConstraint(Lower("address"), "kind", name="unsubscribed_once"),)

    def __str__(self) -> str:
        return self.address

    @classmethod
    def wants_no(cls, address: str, kind: str) -> bool:
        return cls.objects.filter(address__iexact=address, kind=kind).exists()
