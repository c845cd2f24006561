"""What happened yesterday and how everything stands: the organiser's mail of the morning."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.utils import timezone, translation

from inscrit import config
from inscrit.backoffice.attention import WAITING
from inscrit.sql import statements

from . import services
from .models import MessageKind, Unsubscribed

SQL = statements(Path(__file__).parent / "sql" / "digest.sql")


@dataclass(frozen=True, slots=True)
class EventFigures:
    """One event: ``new`` and ``received`` are yesterday's, the others how it stands.

    Amounts are in minor units; ``kept`` is what was received in all less what went back.
    """

    id: str
    title: str
    currency: str
    new: int
    new_places: int
    received: int
    registrations: int
    confirmed: int
    held: int
    capacity: int | None
    kept: int

    @property
    def free(self) -> int | None:
        return None if self.capacity is None else self.capacity - self.confirmed - self.held


def tell() -> bool:
    """Queue the digest of yesterday if it is time, and once; whether it was queued."""
    settings = config.current()
    now = timezone.localtime(timezone.now(), ZoneInfo(settings.time_zone))
    if settings.digest_hour is None or settings.organiser_email is None:
        return False
    if now.hour < settings.digest_hour:
        return False
    if Unsubscribed.wants_no(settings.organiser_email, MessageKind.ORGANISER_DIGEST):
        return False
    with translation.override(settings.language_code):
        figures = figures_of(now.date() - timedelta(days=1))
    if not figures["events"]:
        return False
    message = services.write(
        MessageKind.ORGANISER_DIGEST,
        settings.organiser_email,
        settings.language_code,
        key=f"digest {now.date()}",
        context=figures,
    )
    return message is not None


def figures_of(day: date) -> dict[str, Any]:
    """What is to be told of a day of the school's, ready to be kept; no events: nothing is on."""
    events = events_of(day)
    return {
        "day": day.isoformat(),
        "events": [asdict(one) | {"free": one.free} for one in events],
        "new": sum(one.new for one in events),
        "new_places": sum(one.new_places for one in events),
        "registrations": sum(one.registrations for one in events),
        "received": _by_currency(events, "received"),
        "kept": _by_currency(events, "kept"),
        "waiting": [one.label % {"n": n} for one in WAITING if (n := one.count())],
    }


def events_of(day: date) -> list[EventFigures]:
    """Each event that is on offer and not over, or with which something happened that day."""
    begin = _midnight(day)
    parameters = {"begin": begin, "end": _midnight(day + timedelta(days=1))}
    with connection.cursor() as cursor:
        cursor.execute(SQL["events"], parameters)
        return [EventFigures(*row) for row in cursor.fetchall()]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(config.current().time_zone))


def _by_currency(events: Iterable[EventFigures], name: str) -> list[tuple[int, str]]:
    sums: dict[str, int] = {}
    for one in events:
        sums[one.currency] = sums.get(one.currency, 0) + getattr(one, name)
    return [(amount, currency) for currency, amount in sorted(sums.items())]
