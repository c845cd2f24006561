"""What is told of an event to those that show it elsewhere: search engines, chats, calendars."""

import json
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString, mark_safe

from inscrit import config
from inscrit.events.models import Event, EventStatus
from inscrit.money import decimals

SCHEMA = "https://schema.org"
LONGEST = 200
# A script's text ends at "</script" and may hide in "<!--", whatever JSON says.
ESCAPED = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


@dataclass(frozen=True, slots=True)
class Shared:
    """Addresses are absolute: whoever reads them does not stand on our page."""

    summary: str
    address: str
    image: str
    structured: SafeString


def shared(event: Event, *, on_sale: bool) -> Shared:
    photo = getattr(event, "photo", None)
    return Shared(
        summary=summary(event),
        address=absolute(event.get_absolute_url()),
        image=absolute(photo.largest) if photo else "",
        structured=structured(event, on_sale=on_sale),
    )


def absolute(path: str) -> str:
    return config.current().public_url.rstrip("/") + path


def summary(event: Event) -> str:
    """The beginning of the description, in one line."""
    line = " ".join((event.description or event.location).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rsplit(' ', 1)[0]}…"


def structured(event: Event, *, on_sale: bool) -> SafeString:
    """The event in schema.org's words, safe inside ``<script type="application/ld+json">``.

    https://developers.google.com/search/docs/appearance/structured-data/event
    """
    text = json.dumps(_facts(event, on_sale=on_sale), ensure_ascii=False)
    return mark_safe(text.translate(ESCAPED))  # noqa: S308 - escaped right here


def _facts(event: Event, *, on_sale: bool) -> dict[str, Any]:
    zone = ZoneInfo(event.time_zone)
    cancelled = event.status == EventStatus.CANCELLED
    facts: dict[str, Any] = {
        "@context": SCHEMA,
        "@type": "Event",
        "name": event.title,
        "url": absolute(event.get_absolute_url()),
        "startDate": event.starts_at.astimezone(zone).isoformat(),
        "endDate": event.ends_at.astimezone(zone).isoformat(),
        "eventStatus": f"{SCHEMA}/{'EventCancelled' if cancelled else 'EventScheduled'}",
        "eventAttendanceMode": f"{SCHEMA}/OfflineEventAttendanceMode",
        "offers": _offer(event, on_sale=on_sale),
    }
    if event.description:
        facts["description"] = event.description
    if event.location:
        facts["location"] = {"@type": "Place", "name": event.location, "address": event.location}
    if photo := getattr(event, "photo", None):
        facts["image"] = [absolute(photo.largest)]
    return facts


def _offer(event: Event, *, on_sale: bool) -> dict[str, Any]:
    has_places = on_sale and event.left != 0
    return {
        **_price(event),
        "url": absolute(event.get_absolute_url()),
        "priceCurrency": event.currency.upper(),
        "availability": f"{SCHEMA}/{'InStock' if has_places else 'SoldOut'}",
        "validThrough": event.sales_close_at.isoformat(),
    }


def _price(event: Event) -> dict[str, Any]:
    """One price, or from which to which: https://schema.org/AggregateOffer"""
    plain = [_plain(price, event.currency) for price in event.prices]
    if len(plain) == 1:
        return {"@type": "Offer", "price": plain[0]}
    return {"@type": "AggregateOffer", "lowPrice": plain[0], "highPrice": plain[-1]}


def _plain(amount: int, currency: str) -> str:
    """``12.50``: the amount as programs write it."""
    digits = decimals(currency)
    whole, fraction = divmod(amount, 10**digits)
    return f"{whole}.{fraction:0{digits}}" if digits else str(whole)
