"""No page runs what is written in it."""

import pytest
from django.test import Client

from inscrit.events.models import Event

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


def test_a_page_s_own_policy_stays(there: Event) -> None:
    told = Client().get(f"/embed/events/{there.slug}")["Content-Security-Policy"]
    assert "default-src 'none'" in told
    assert told.count("frame-ancestors") == 1
