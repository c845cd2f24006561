"""Dates of an event are typed and shown in its own time zone, wherever the organiser sits."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

PICKER = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


class Moment(forms.DateTimeField):
    """A date with its time in one time zone, by the browser's own picker."""

    def __init__(self, zone: ZoneInfo | None = None, **more: Any) -> None:
        super().__init__(**{"widget": PICKER} | more)
        self.zone = zone

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, datetime) and timezone.is_aware(value):
            return value.astimezone(self.zone).replace(tzinfo=None)
        return value

    def to_python(self, value: Any) -> datetime | None:
        with timezone.override(self.zone):
            return super().to_python(value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """The picker knows no seconds."""
        if isinstance(initial, datetime):
            initial = initial.replace(second=0, microsecond=0)
        return super().has_changed(initial, data)


def zone_named(name: object) -> ZoneInfo | None:
    """None for whatever is no time zone."""
    return ZoneInfo(name) if isinstance(name, str) and name in available_timezones() else None


def told(at: datetime, zone: str) -> str:
    """A date with its time, as they are where the event is."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{date_format(local, _('D j M Y'))}, {date_format(local, _('G:i'))}"


def in_zone(at: datetime, zone: str) -> SafeString:
    """The same, with the zone's name where it is not the organiser's own."""
    if zone == timezone.get_default_timezone_name():
        return format_html('<span class="moment">{}</span>', told(at, zone))
    text = '<span class="moment">{} <small>{}</small></span>'
    return format_html(text, told(at, zone), zone.replace("_", " "))
