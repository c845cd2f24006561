"""An event has another date, place or title: its registrants, and those who wait for a place, are
told, if the organiser says so.

What they still believe stands in ``UntoldChange``, written by a trigger whoever made the change. It
goes when they were told, when the organiser decided that they needn't be, or when everything is
again as they believe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from inscrit.events.models import Event
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING
from inscrit.registrations.models import Registration
from inscrit.waiting.models import State, WaitingEntry

from . import services
from .models import MessageKind, UntoldChange

if TYPE_CHECKING:
    from django.utils.functional import Promise

FIELDS = ("title", "location", "starts_at", "ends_at", "time_zone")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is another now, in words."""

    what: "Promise | str"
    before: str
    now: str


def untold(event: Event) -> UntoldChange | None:
    """What registrants do not know yet."""
    believed = UntoldChange.objects.filter(pk=event.pk).first()
    if believed is None or not differences(believed, event):
        return None
    return believed


def differences(believed: UntoldChange, event: Event) -> list["Change"]:
    return told(_remembered(believed), event)


def told(before: Mapping[str, Any], event: Event) -> list[Change]:
    """What differs from what was believed, in the language that is active."""
    rows = (
        Change(_("Event"), before["title"], event.title),
        Change(_("When"), _when(_times(before)), _when(_of(event))),
        Change(_("Where"), before["location"] or "–", event.location or "–"),
    )
    return [one for one in rows if one.before != one.now]


def concerned(believed: UntoldChange) -> QuerySet[Registration]:
    """Who has a place, and registered, or joined the waiting list, before it was changed."""
    before = Q(created_at__lt=believed.at) | Q(waiting_entry__created_at__lt=believed.at)
    return Registration.objects.filter(
        before, event=believed.event_id, status__in=HOLDING | CONFIRMED
    )


def waiting(believed: UntoldChange) -> QuerySet[WaitingEntry]:
    """Who waits for a place, and joined before it was changed."""
    return WaitingEntry.objects.filter(
        event=believed.event_id, state=State.WAITING, created_at__lt=believed.at
    )


class Readers(NamedTuple):
    """How many of those who have a place, and of those who wait."""

    registrants: int
    waiting: int


def readers(believed: UntoldChange) -> Readers:
    return Readers(concerned(believed).count(), waiting(believed).count())


def tell(event: Event) -> Readers:
    """Queue a mail for everybody concerned; how many."""
    with transaction.atomic():
        believed = UntoldChange.objects.select_for_update().filter(pk=event.pk).first()
        if believed is None:
            return Readers(0, 0)
        having = list(concerned(believed).values_list("pk", flat=True))
        lined_up = list(waiting(believed).values_list("pk", flat=True))
        number = Readers(_write(believed, having), _write(believed, [], lined_up))
        believed.delete()
    return number


def _write(believed: UntoldChange, registrations: list[str], entries: Sequence[str] = ()) -> int:
    return services.queue(
        MessageKind.EVENT_CHANGED,
        registrations,
        entries=entries,
        key=f"change {believed.at.isoformat()}",
        context={"before": _remembered(believed)},
    )


def keep_quiet(event: Event) -> None:
    UntoldChange.objects.filter(pk=event.pk).delete()


def _remembered(believed: UntoldChange) -> dict[str, str]:
    values = {name: getattr(believed, name) for name in FIELDS}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


@dataclass(frozen=True, slots=True)
class _Times:
    first: datetime
    last: datetime


def _times(before: Mapping[str, Any]) -> _Times:
    zone = ZoneInfo(before["time_zone"])
    first, last = (datetime.fromisoformat(before[name]) for name in ("starts_at", "ends_at"))
    return _Times(first.astimezone(zone), last.astimezone(zone))


def _of(event: Event) -> _Times:
    zone = ZoneInfo(event.time_zone)
    return _Times(event.starts_at.astimezone(zone), event.ends_at.astimezone(zone))


def _when(times: _Times) -> str:
    first, last = times.first, times.last
    day, hour = str(_("l j F Y")), str(_("G:i"))
    begins = f"{date_format(first, day)}, {date_format(first, hour)}"
    same_day = first.date() == last.date()
    until = "" if same_day else f"{date_format(last, day)}, "
    return f"{begins} – {until}{date_format(last, hour)}"
