"""From the form to Stripe and back."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.registrations.models import Registration

from .conftest import pay
from .desk import text_of

pytestmark = pytest.mark.django_db(transaction=True)

NOWHERE = "http://127.0.0.1:9"
FORM = {
    "name": "Camille Martin",
    "email": "camille@example.org",
    "first_name": ["Léa", "Noé"],
    "last_name": ["Martin", "Martin"],
    "key": "a-key-made-for-one-form-1",
}


@pytest.fixture
def event() -> Event:
    start = timezone.now() + timedelta(days=3)
    return Event.objects.create(
        slug="farm",
        title="A day on the farm",
        starts_at=start,
        ends_at=start,
        price=1250,
        capacity=8,
        status=EventStatus.PUBLISHED,
    )


def register(client: Client, **changes: Any) -> Any:
    return client.post("/events/farm/register", {**FORM, **changes})


def held(event: Event) -> int:
    event.refresh_from_db()
    return event.held


def test_the_form_leads_to_stripe_while_the_places_are_held(
    english: Client, event: Event, stripe: str
) -> None:
    answer = register(english)
    assert answer.status_code == 303
    assert answer["location"].startswith(stripe)
    assert held(event) == 2


def test_sending_the_form_again_leads_to_the_same_payment_page(
    english: Client, event: Event, stripe: str
) -> None:
    first, second = register(english), register(english)
    assert first["location"] == second["location"]
    assert held(event) == 2


@pytest.mark.parametrize("status", ["EXPIRED", "CANCELLED"])
def test_the_form_of_a_registration_that_has_ended_registers_anew(
    english: Client, event: Event, stripe: str, status: str
) -> None:
    register(english)
    Registration.objects.update(status=status, hold_expires_at=None)
    Event.objects.update(held=0)
    again = register(english)
    assert again.status_code == 409
    assert "To register again, send it again." in text_of(again)
    assert b'value="Camille Martin"' in again.content
    fresh = re.search(r'name="key" value="([^"]+)"', again.content.decode())
    assert fresh
    assert register(english, key=fresh[1])["location"].startswith(stripe)
    assert held(event) == 2


def test_who_left_stripe_without_paying_finds_the_same_payment_page(
    english: Client, event: Event, stripe: str
) -> None:
    first = register(english)
    page = Registration.objects.get().get_absolute_url()
    again = english.post(page.replace("?", "/pay?"))
    assert again.status_code == 303
    assert again["location"] == first["location"]


def test_who_comes_back_from_paying_reads_paid_before_any_webhook(
    english: Client, event: Event, stripe: str
) -> None:
    pay(register(english)["location"])
    made = Registration.objects.get()
    assert made.status == "PENDING"
    page = english.get(f"{made.get_absolute_url()}&session_id=cs_test_whatever_the_address_says")
    assert "Paid, see you there!" in text_of(page)
    assert held(event) == 0


def test_coming_back_without_having_paid_still_offers_to_pay(
    english: Client, event: Event, stripe: str
) -> None:
    register(english)
    made = Registration.objects.get()
    page = text_of(english.get(f"{made.get_absolute_url()}&session_id=cs_test_forged"))
    assert "Paid, see you there!" not in page
    assert "Pay €25.00 now" in page


def test_when_stripe_does_not_answer_nothing_is_charged_and_the_form_is_kept(
    english: Client, event: Event, stripe_at: Callable[[str], None]
) -> None:
    stripe_at(NOWHERE)
    answer = register(english)
    page = text_of(answer)
    assert answer.status_code == 503
    assert "The payment page could not be opened just now. Nothing was charged" in page
    assert b'value="Camille Martin"' in answer.content
    assert held(event) == 0


def test_once_stripe_answers_again_the_kept_form_goes_through(
    english: Client, event: Event, sandbox: str, stripe_at: Callable[[str], None]
) -> None:
    stripe_at(NOWHERE)
    fresh = re.search(r'name="key" value="([^"]+)"', register(english).content.decode())
    assert fresh
    stripe_at(sandbox)
    assert register(english, key=fresh[1])["location"].startswith(sandbox)


def test_when_stripe_can_not_be_read_on_return_the_page_waits(
    english: Client, event: Event, stripe: str, stripe_at: Callable[[str], None]
) -> None:
    register(english)
    stripe_at(NOWHERE)
    made = Registration.objects.get()
    answer = english.get(f"{made.get_absolute_url()}&session_id=cs_test_1")
    assert "your payment is being confirmed" in text_of(answer)
    assert b'data-status="PENDING"' in answer.content
