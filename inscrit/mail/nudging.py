"""Mails that no change asks for but the time: to who has not paid yet, and before an event."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.registrations.lifecycle import CONFIRMED
from inscrit.registrations.models import PaymentMethod, Registration, RegistrationStatus
from inscrit.registrations.services import CHECKOUT_HOLD

from . import services
from .models import LONGEST_NOTICE, EventMails, MessageKind

# Most people pay within some minutes: a mail before that would only be one more to read. When the
# time to pay is nearly over, the way to it helps nobody any more.
PATIENCE = timedelta(minutes=10)
TIME_TO_PAY = timedelta(minutes=3)
USUAL_NOTICE = EventMails._meta.get_field("reminder_days").default
AT = time(9)  # of the event's own clock: nobody is written to at night


def tell_the_unpaid() -> int:
    """Who has held places by card for a while is told until when, and how to pay; each once."""
    now = timezone.now()
    unpaid = Registration.objects.filter(
        status=RegistrationStatus.PENDING,
        cancelling="",
        payment_method=PaymentMethod.STRIPE,
        amount__gt=0,
        offered_until__isnull=True,  # the mail of the offer says until when
        created_at__gt=now - CHECKOUT_HOLD,  # another room's hold of a day or more has its own mail
        hold_expires_at__gt=now + TIME_TO_PAY,
        hold_expires_at__lte=now + CHECKOUT_HOLD - PATIENCE,
    ).exclude(messages__kind=MessageKind.REGISTERED)
    ids = list(unpaid.values_list("pk", flat=True)[: services.MOST_AT_ONCE])
    return services.queue(MessageKind.REGISTERED, ids, key="registered") if ids else 0


def remind() -> int:
    """Write to the registrants of each event whose day has come near enough."""
    now = timezone.now()
    soon = Event.objects.filter(
        status=EventStatus.PUBLISHED,
        starts_at__gt=now,
        starts_at__lt=now + timedelta(days=LONGEST_NOTICE + 1),
    )
    return sum(_remind_of(event, now) for event in soon.annotate(days=F("mails__reminder_days")))


def _remind_of(event: Event, now: datetime) -> int:
    days = event.days if event.days is not None else USUAL_NOTICE  # type: ignore[attr-defined]
    due = due_at(event, days)
    if days == 0 or now < due:
        return 0
    # Whoever came after that has only just read all of it in the confirmation.
    there = Registration.objects.filter(event=event, status__in=CONFIRMED, created_at__lt=due)
    key = f"reminder {event.starts_at.isoformat()}"  # moved to another date, it is told anew
    told = there.filter(messages__key__startswith=key)
    ids = list(there.exclude(pk__in=told.values("pk")).values_list("pk", flat=True))
    return services.queue(MessageKind.REMINDER, ids, key=key) if ids else 0


def due_at(event: Event, days: int) -> datetime:
    """In the morning of the day that is so many days before the event's."""
    zone = ZoneInfo(event.time_zone)
    day = event.starts_at.astimezone(zone).date() - timedelta(days=days)
    return datetime.combine(day, AT, zone)
