"""No page runs what is written in it."""

from gzip import decompress as gunzip

import pytest
from django.test import Client

from inscrit.events.models import Event
from inscrit.pages.templatetags.assets import style

from .desk import organiser
from .seats import event

pytestmark = pytest.mark.django_db

SCRIPTS = "script-src 'self'"


@pytest.fixture
def there() -> Event:
    return event()


@pytest.mark.parametrize("path", ["/", "/my", "/nowhere", "/admin/login/"])
def test_pages_run_our_own_files_only(path: str) -> None:
    assert SCRIPTS in Client().get(path)["Content-Security-Policy"].split("; ")


def test_so_do_an_event_and_the_organisers_pages(there: Event) -> None:
    desk = organiser()
    for path in (there.get_absolute_url(), "/admin/", "/admin/registrations/registration/"):
        assert SCRIPTS in desk.get(path)["Content-Security-Policy"].split("; ")


def test_a_page_is_pressed_with_its_style_in_it(there: Event) -> None:
    asks = {"Accept-Encoding": "gzip", "Accept-Language": "fr"}
    answer = Client().get(there.get_absolute_url(), headers=asks)
    assert answer["Content-Encoding"] == "gzip"
    page = gunzip(answer.content).decode()
    assert style("pages.css") in page
    assert 'rel="stylesheet"' not in page


def test_a_page_s_own_policy_stays(there: Event) -> None:
    told = Client().get(f"/embed/events/{there.slug}")["Content-Security-Policy"]
    assert "default-src 'none'" in told
    assert told.count("frame-ancestors") == 1
