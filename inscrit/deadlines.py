"""Until when somebody has time, as people read it: the day; the hour, too, once that matters."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def deadline(at: datetime) -> str:
    """``{{ registration.hold_expires_at|deadline }}``, in the time zone that is spoken of."""
    local = timezone.localtime(at)
    day = date_format(local, _("l j F Y"))
    if at - timezone.now() > timedelta(days=1):
        return day
    return f"{day}, {date_format(local, _('G:i'))}"
