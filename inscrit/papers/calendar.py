"""The event as a calendar's file. https://www.rfc-editor.org/rfc/rfc5545

An event's and a registration's files have UIDs that stay, and a SEQUENCE that only grows: a
calendar that took the file before takes the newer one in its place. PUBLISH and CANCEL (RFC 5546)
ask for no answer; REQUEST would make programs offer to accept or decline, which nobody would read.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from django.db.models import F, Q
from django.utils.translation import gettext as _
from icalendar import Calendar, vCalAddress
from icalendar import Event as Entry

from inscrit import config
from inscrit.events.models import Event, EventStatus
from inscrit.organisation.models import Organisation
from inscrit.registrations.lifecycle import CONFIRMED, HOLDING, Reason
from inscrit.registrations.models import Registration

from .models import Edition

A_YEAR = timedelta(days=366)
PRODUCT = "-//Inscrit//Inscrit//FR"
# What an event counts for that was left and then deleted: how often it changed nobody knows.
MORE_THAN_ANY_EVENT_HAS = 1000
CONTENT_TYPE = "text/calendar; charset=utf-8; method={method}"


@dataclass(frozen=True, slots=True)
class Version:
    """How many changes went before this file, and when the last one was."""

    sequence: int
    changed_at: datetime


class File:
    """A calendar's file with its ``content`` and ``content_type``."""

    def __init__(self, event: Event, uid: str, status: str, version: Version) -> None:
        self.method = "CANCEL" if status == "CANCELLED" else "PUBLISH"
        self.content_type = CONTENT_TYPE.format(method=self.method)
        calendar = Calendar()
        calendar.add("prodid", PRODUCT)
        calendar.add("version", "2.0")
        calendar.add("calscale", "GREGORIAN")
        calendar.add("method", self.method)
        calendar.add_component(_entry(event, uid, status, version))
        # Only the changes of clocks around it: every year since 1970 is no use to anybody.
        calendar.add_missing_timezones(
            first_date=(event.starts_at - A_YEAR).date(), last_date=(event.ends_at + A_YEAR).date()
        )
        self.content = calendar.to_ical()


def of_event(event: Event) -> File:
    """For whoever is interested."""
    status = "CANCELLED" if event.status == EventStatus.CANCELLED else "CONFIRMED"
    return File(event, event.pk, status, _version(event))


def of_registration(registration: Registration) -> File:
    """For whoever has a place; withdrawn from the calendar when the place is gone."""
    event, version = registration.event, _version(registration.event)
    turned = ~Q(from_status=F("to_status")) | Q(reason=Reason.MOVED)
    turns = registration.journal.filter(turned).values_list("details", flat=True)
    left = {said["from"] for said in turns if "from" in said} - {event.pk}
    own = Version(
        version.sequence + len(turns) + _told_before(left),
        max(version.changed_at, registration.updated_at),
    )
    return File(event, registration.pk, _status(registration), own)


def _told_before(left: Collection[str]) -> int:
    """The changes of the events that it was moved away from: its file has counted them already."""
    if not left:
        return 0
    known = dict(Event.objects.filter(pk__in=left).values_list("pk", "edition__sequence"))
    return sum(known.get(event_id, MORE_THAN_ANY_EVENT_HAS) or 0 for event_id in left)


def _version(event: Event) -> Version:
    edition = Edition.objects.filter(event=event).first()
    if edition is None:
        return Version(0, event.created_at)
    return Version(edition.sequence, edition.changed_at)


def _status(registration: Registration) -> str:
    if registration.event.status == EventStatus.CANCELLED:
        return "CANCELLED"
    if registration.status in CONFIRMED:
        return "CONFIRMED"
    return "TENTATIVE" if registration.status in HOLDING else "CANCELLED"


def _entry(event: Event, uid: str, status: str, version: Version) -> Entry:
    settings = config.current()
    zone = ZoneInfo(event.time_zone)
    url = settings.public_url + event.get_absolute_url()
    entry = Entry()
    entry.add("uid", f"{uid}@{settings.public_host}")
    entry.add("sequence", version.sequence)
    entry.add("dtstamp", version.changed_at)
    entry.add("last-modified", version.changed_at)
    entry.add("dtstart", event.starts_at.astimezone(zone))
    entry.add("dtend", event.ends_at.astimezone(zone))
    entry.add("summary", event.title)
    entry.add("status", status)
    entry.add("transp", "OPAQUE")
    if event.location:
        entry.add("location", event.location)
    entry.add("description", "\n\n".join(filter(None, [event.description, _about(url)])))
    entry.add("url", url)
    entry.add("organizer", _organizer(settings))
    return entry


def _about(url: str) -> str:
    return _("All about it: %(url)s") % {"url": url}


def _organizer(settings: config.Config) -> vCalAddress:
    """Both methods need one, with an address (RFC 5546, 3.2.1 and 3.2.5)."""
    organisation = Organisation.current()
    address = organisation.contact_email or parseaddr(settings.default_from_email)[1]
    organizer = vCalAddress(f"mailto:{address}")
    organizer.params["cn"] = str(organisation)
    return organizer
