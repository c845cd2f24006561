"""How long whoever is offered a place has to answer, in words; never more than is true."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, ngettext

from inscrit.events.models import Event
from inscrit.registrations.models import PaymentMethod

from .models import WaitingEntry
from .services import offered_until


def time_for(entry: WaitingEntry) -> str:
    return _time(entry.event, costs=entry.amount > 0)


def time_for_anybody(event: Event) -> str:
    """As long as it is not known who asks for what."""
    costs = {price > 0 for price in event.prices}
    if len(costs) > 1 and PaymentMethod.STRIPE not in event.methods:
        return gettext("It says until when the places are held for you.")
    return _time(event, costs=True in costs)


def _time(event: Event, *, costs: bool) -> str:
    by_hand = costs and PaymentMethod.STRIPE not in event.methods
    method = event.methods[0] if by_hand else PaymentMethod.STRIPE
    if offered_until(event, timezone.now(), method) >= event.sales_close_at:
        text = gettext(
            "The places are then held for you until %(date)s, %(time)s, when registration closes."
        )
        return text % _closing(event.sales_close_at, event.time_zone)
    number = event.payment_days if by_hand else event.offer_hours
    text = _days(number) if by_hand else _hours(number)
    return text % {"n": number, **_closing(event.sales_close_at, event.time_zone)}


def _days(number: int) -> str:
    return ngettext(
        "You then have %(n)d day to pay, but not beyond the close of registration on %(date)s,"
        " %(time)s.",
        "You then have %(n)d days to pay, but not beyond the close of registration on %(date)s,"
        " %(time)s.",
        number,
    )


def _hours(number: int) -> str:
    return ngettext(
        "You then have %(n)d hour to answer, but not beyond the close of registration on %(date)s,"
        " %(time)s.",
        "You then have %(n)d hours to answer, but not beyond the close of registration on"
        " %(date)s, %(time)s.",
        number,
    )


def _closing(at: datetime, zone: str) -> dict[str, str]:
    local = at.astimezone(ZoneInfo(zone))
    day, hour = gettext("l j F Y"), gettext("G:i")
    return {"date": date_format(local, day), "time": date_format(local, hour)}
