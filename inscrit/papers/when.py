"""Dates in words, in the language that is being spoken and the event's own time zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _


def day(moment: datetime, zone: str) -> str:
    return date_format(moment.astimezone(ZoneInfo(zone)), _("j F Y"))


def period(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """``mercredi 14 mai 2031, 9 h 30 – 17 h 00``."""
    first, last = starts_at.astimezone(ZoneInfo(zone)), ends_at.astimezone(ZoneInfo(zone))
    start = f"{date_format(first, _('l j F Y'))}, {date_format(first, _('G:i'))}"
    end = date_format(last, _("G:i"))
    if first.date() != last.date():
        end = f"{date_format(last, _('l j F Y'))}, {end}"
    return f"{start} – {end}"
