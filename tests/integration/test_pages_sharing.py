"""What the pages tell of an event to those that show it elsewhere, and to scripts."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from inscrit.events.models import Event, EventStatus
from inscrit.pages.sharing import LONGEST, structured, summary
from inscrit.registrations.models import Registration, RegistrationStatus

from .desk import text_of
from .test_pages import offer

pytestmark = pytest.mark.django_db(transaction=True)


def page(path: str = "/events/farm") -> str:
    return Client(headers={"accept-language": "en"}).get(path).content.decode()


def told(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def meta(html: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', html))


def fill(event: Event, minutes: int | None = 20) -> None:
    """The last place is held, for so long."""
    lapses = None if minutes is None else timezone.now() + timedelta(minutes=minutes)
    Registration.objects.create(
        event=event, status=RegistrationStatus.PENDING, places=event.capacity or 1,
        amount=0, currency="eur", hold_expires_at=lapses,
        contact_name="Ana", contact_email="ana@example.org",
    )  # fmt: skip
    Event.objects.filter(pk=event.pk).update(held=event.capacity)


def test_search_engines_are_told_when_where_and_for_how_much() -> None:
    event = offer(price=1250, location="The Old Mill", time_zone="Indian/Reunion")
    facts = told(page())
    assert facts["@type"] == "Event"
    assert facts["name"] == "A day on the farm"
    assert facts["startDate"].endswith("+04:00")
    assert facts["location"]["name"] == "The Old Mill"
    assert facts["url"] == "http://localhost:8000/events/farm"
    offered = facts["offers"]
    assert (offered["price"], offered["priceCurrency"]) == ("12.50", "EUR")
    assert offered["availability"] == "https://schema.org/InStock"
    fill(event)
    assert told(page())["offers"]["availability"] == "https://schema.org/SoldOut"


def test_a_cancelled_event_says_so() -> None:
    offer(status=EventStatus.CANCELLED)
    facts = told(page())
    assert facts["eventStatus"] == "https://schema.org/EventCancelled"
    assert facts["offers"]["availability"] == "https://schema.org/SoldOut"


@given(title=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_no_title_breaks_out_of_the_script(title: str) -> None:
    now = timezone.now()
    event = Event(title=f"</script><!--{title}", starts_at=now, ends_at=now, price=0)
    text = structured(event, on_sale=True)
    assert not set("<>&") & set(text)
    assert json.loads(text)["name"] == event.title


@given(description=st.text(max_size=500))
def test_a_summary_is_one_short_line(description: str) -> None:
    line = summary(Event(description=description, location=""))
    assert len(line) <= LONGEST
    assert "\n" not in line


def test_a_shared_link_shows_title_and_beginning() -> None:
    offer(title='"Farm" & <friends>', description="Animals.\n\n" + "word " * 100)
    said = meta(page())
    assert said["og:title"] == "&quot;Farm&quot; &amp; &lt;friends&gt;"
    assert said["og:url"] == "http://localhost:8000/events/farm"
    assert said["og:description"].startswith("Animals. word")
    assert said["og:description"].endswith("…")


def test_the_list_follows_all_limited_events_over_one_stream() -> None:
    first, second = offer(), offer(slug="second", capacity=3)
    offer(slug="unlimited", capacity=None)
    html = page("/")
    (stream,) = re.findall(r'data-stream="([^"]*)"', html)
    assert stream == f"/api/v1/places/stream?events={first.pk},{second.pk}"
    assert set(re.findall(r'data-places="([^"]*)"', html)) == {first.pk, second.pk}


def test_a_list_of_unlimited_events_follows_nothing() -> None:
    offer(capacity=None)
    assert "data-stream" not in page("/")
    assert "live.js" not in page("/")


def test_the_list_says_when_a_sold_out_event_may_have_a_place_again() -> None:
    fill(offer(capacity=1))
    assert re.search(
        r"Sold out: the next place may come free at \d{1,2}:\d\d",
        text_of(Client(headers={"accept-language": "en"}).get("/")),
    )


def test_a_hold_that_lapses_next_week_gives_nobody_hope() -> None:
    fill(offer(capacity=1), minutes=7 * 24 * 60)
    shown = text_of(Client(headers={"accept-language": "en"}).get("/"))
    assert "may come free" not in shown
    assert "Sold out" in shown


def test_the_zone_is_named_in_the_page_to_be_shown_where_it_differs() -> None:
    offer()
    assert re.search(r"<small data-zone-of=\"[^\"]+\" hidden>\(Europe/Paris\)</small>", page("/"))


def test_a_browser_that_asks_for_the_old_icon_is_shown_the_way() -> None:
    answer = Client().get("/favicon.ico")
    assert answer.status_code == 301
    assert answer["Location"].startswith("/static/inscrit/icon.svg")
