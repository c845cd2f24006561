"""An event in a frame of the school's own website."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client

from inscrit import config
from inscrit.events.models import Event

from .conftest import Setting
from .desk import organiser, seen, text_of
from .test_audit import make_event

pytestmark = pytest.mark.django_db
SCHOOL = "https://www.school.example"


@pytest.fixture
def shown_by(setting: Setting) -> Callable[[str], None]:
    return lambda origins: setting(EMBED_ORIGINS=origins)


def address(event: Event, query: str = "") -> str:
    return f"/embed/events/{event.slug}{query}"


def test_it_tells_what_matters_and_leads_to_the_registration() -> None:
    event = make_event(title="Fête", location="Salle", capacity=3)
    answer = Client().get(address(event, "?lang=en"))
    said = text_of(answer)
    for part in ("Fête", "Salle", "€10.00 per person", "Last 3 places", "Register"):
        assert part in said
    body = answer.content.decode()
    assert f'href="{config.current().public_url}{event.get_absolute_url()}" target="_top"' in body
    assert f'data-stream="/api/v1/events/{event.pk}/places/stream"' in body
    assert not answer.cookies


@pytest.mark.parametrize(("language", "said"), [("fr", "S’inscrire"), ("en", "Register")])
def test_the_language_is_chosen_by_the_page_that_shows_it(language: str, said: str) -> None:
    other = {"accept-language": "en" if language == "fr" else "fr"}
    answer = Client(headers=other).get(address(make_event(), f"?lang={language}"))
    assert said in text_of(answer)
    assert f'<html lang="{language}"' in answer.content.decode()
    odd = Client(headers={"accept-language": language}).get(address(make_event(), "?lang=xx"))
    assert said in text_of(odd)


def test_nobody_may_show_it_unless_named(shown_by: Callable[[str], None]) -> None:
    event = make_event()
    policy = Client().get(address(event))["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self'")
    shown_by(f"{SCHOOL}, https://shop.example")
    answer = Client().get(address(event))
    named = "frame-ancestors 'self' https://shop.example https://www.school.example"
    assert answer["Content-Security-Policy"].endswith(named)
    assert "X-Frame-Options" not in answer
    assert Client().get(event.get_absolute_url())["X-Frame-Options"] == "DENY"
    shown_by("*")
    assert Client().get(address(event))["Content-Security-Policy"].endswith("'self' *")


def test_it_has_nothing_inline() -> None:
    body = Client().get(address(make_event())).content.decode()
    assert not re.search(r"style=|<style|onclick|<script(?! src)", body)


def test_a_draft_is_not_shown_and_a_cancelled_event_says_so() -> None:
    assert Client().get(address(make_event(status="draft"))).status_code == 404
    cancelled = Client().get(address(make_event(status="cancelled"), "?lang=en"))
    assert "This event is cancelled" in text_of(cancelled)
    assert "Register" not in text_of(cancelled)


def test_organisers_find_the_snippet_on_the_events_page(
    shown_by: Callable[[str], None],
) -> None:
    desk = organiser()
    event = make_event(title='Fête "Été" <b>')
    page = desk.get(f"/admin/events/event/{event.pk}/change/").content.decode()
    snippet = unescape(re.findall(r"<textarea[^>]*readonly[^>]*>(.*?)</textarea>", page)[0])
    source = re.search(r'src="([^"]+)"', snippet)
    assert source
    assert source[1] == f"{config.current().public_url}{address(event)}?lang=fr"
    assert 'title="Fête &quot;Été&quot; &lt;b&gt;"' in snippet
    assert "EMBED_ORIGINS" in seen(desk, event)
    shown_by(SCHOOL)
    assert f"Only these websites may show it: {SCHOOL}" in seen(desk, event)
    assert "On your own website" not in seen(desk, make_event(status="draft"))


@pytest.mark.parametrize(
    "wrong",
    [
        "www.school.example",
        "https://school.example/",
        "https://A.example",
        "ftp://x",
        "https://a b",
    ],
)
def test_an_origin_that_is_none_is_named(shown_by: Callable[[str], None], wrong: str) -> None:
    shown_by(wrong)
    with pytest.raises(config.SettingError, match="EMBED_ORIGINS"):
        config.current()
