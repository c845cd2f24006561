"""What somebody who wants to come to an event sees, and what their form does."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.pages import submitting
from inscrit.rate_limits import Limit
from inscrit.registrations.models import PaymentMethod, Registration

from .desk import text_of

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "name": "Camille Martin",
    "email": "camille@example.org",
    "first_name": ["Léa", "Noé"],
    "last_name": ["Martin", "Martin"],
    "key": "a-key-made-for-one-form-1",
}


def offer(**changes: Any) -> Event:
    start = timezone.now() + timedelta(days=3)
    values = {
        "slug": "farm",
        "title": "A day on the farm",
        "starts_at": start,
        "ends_at": start + timedelta(hours=4),
        "price": 0,
        "capacity": 8,
        "status": EventStatus.PUBLISHED,
    }
    return Event.objects.create(**{**values, **changes})


def register(client: Client, event: Event, **changes: Any) -> Any:
    return client.post(f"/events/{event.slug}/register", {**FORM, **changes})


# The list


def test_the_list_shows_what_is_coming_and_nothing_else(english: Client) -> None:
    offer(location="The Old Mill", price=1250)
    offer(slug="draft", title="A secret", status=EventStatus.DRAFT)
    offer(slug="off", title="Called off", status=EventStatus.CANCELLED)
    past = timezone.now() - timedelta(days=2)
    offer(slug="past", title="Long gone", starts_at=past, ends_at=past)
    page = text_of(english.get("/"))
    assert "A day on the farm" in page
    assert "The Old Mill" in page
    assert "€12.50" in page
    assert "8 places left" in page
    for hidden in ("A secret", "Called off", "Long gone"):
        assert hidden not in page


def test_an_empty_list_says_so(english: Client) -> None:
    assert "Nothing is planned" in text_of(english.get("/"))


def test_dates_are_those_of_the_event_s_own_time_zone(english: Client) -> None:
    start = datetime.fromisoformat("2031-07-01T23:30:00+00:00")
    offer(starts_at=start, ends_at=start + timedelta(hours=2), time_zone="Indian/Reunion")
    page = text_of(english.get("/events/farm"))
    assert "Wednesday 2 July 2031, 3:30 – 5:30 (Indian/Reunion)" in page


# Languages


def test_french_is_spoken_to_whoever_asks_for_nothing_else(client: Client) -> None:
    assert "Prochains événements" in text_of(client.get("/"))
    assert "Prochains événements" in text_of(client.get("/", headers={"accept-language": "de"}))


def test_the_switch_is_remembered_and_leads_back(client: Client) -> None:
    offer()
    answer = client.post("/language", {"language": "en", "next": "/events/farm"})
    assert answer["location"] == "/events/farm"
    assert "All events" in text_of(client.get("/events/farm"))


def test_the_switch_leads_to_no_other_site(client: Client) -> None:
    answer = client.post("/language", {"language": "en", "next": "https://elsewhere.example/"})
    assert answer["location"] == "/"


# One event


def test_a_draft_is_not_there(english: Client) -> None:
    offer(status=EventStatus.DRAFT)
    answer = english.get("/events/farm")
    assert answer.status_code == 404
    assert "This page does not exist" in text_of(answer)


def test_a_cancelled_event_says_so_and_takes_nobody(english: Client) -> None:
    event = offer(status=EventStatus.CANCELLED)
    page = english.get("/events/farm")
    assert "This event is cancelled" in text_of(page)
    assert b'name="email"' not in page.content
    assert register(english, event).status_code == 409


def test_a_closed_event_says_so_and_takes_nobody(english: Client) -> None:
    event = offer(sales_end_at=timezone.now() - timedelta(minutes=1))
    assert "Registration is closed" in text_of(english.get("/events/farm"))
    answer = register(english, event)
    assert answer.status_code == 409
    assert not Registration.objects.exists()


def test_the_last_places_are_announced(english: Client) -> None:
    offer(capacity=3)
    assert "Last 3 places" in text_of(english.get("/events/farm"))


def test_a_sold_out_event_says_when_a_place_may_come_free(english: Client) -> None:
    event = offer(capacity=2, price=100, time_zone="UTC")
    held = Registration.objects.create(
        event=event,
        contact_name="First",
        contact_email="first@example.org",
        locale="en",
        places=2,
        amount=200,
        currency="eur",
        hold_expires_at=timezone.now() + timedelta(minutes=20),
    )
    Event.objects.update(held=2)
    assert held.hold_expires_at
    expected = f"{held.hold_expires_at:%-H:%M}"
    page = text_of(english.get("/events/farm"))
    assert f"Sold out: the next place may come free at {expected}" in page


def test_whatever_an_organiser_writes_stays_text(english: Client) -> None:
    offer(title="<script>alert(1)</script>", description="<img src=x>", location="<b>here</b>")
    page = english.get("/events/farm").content
    assert b"<script>alert" not in page
    assert b"<img src=x>" not in page
    assert b"<b>here" not in page


# The form


def test_a_free_event_confirms_at_once(english: Client) -> None:
    answer = register(english, offer())
    made = Registration.objects.get()
    assert answer.status_code == 303
    assert answer["location"] == made.get_absolute_url()
    assert (made.status, made.places, made.locale) == ("FREE", 2, "en")
    assert [str(person) for person in made.participants.all()] == ["Léa Martin", "Noé Martin"]
    page = text_of(english.get(answer["location"]))
    assert "All set, see you there!" in page
    assert "Your 2 places are confirmed." in page


def test_the_registrant_is_written_to_in_the_language_of_the_page(client: Client) -> None:
    register(client, offer())
    assert Registration.objects.get().locale == "fr"


def test_mistakes_stand_beside_their_fields_and_nothing_is_lost(english: Client) -> None:
    answer = register(
        english,
        offer(),
        email="camille@localhost",
        first_name=["Léa", ""],
        last_name=["", "Martin"],
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Your e-mail address: Please write a full address" in text_of(answer)
    assert "Last name (participant 1): Please fill this in." in text_of(answer)
    assert "First name (participant 2): Please fill this in." in text_of(answer)
    assert '<a href="#participant-1-first_name">' in page
    wrong = re.search(r'<input[^>]*id="participant-1-first_name"[^>]*>', page)
    assert wrong
    assert 'aria-invalid="true"' in wrong[0]
    assert 'aria-describedby="participant-1-first_name_error"' in wrong[0]
    assert 'id="participant-1-first_name_error"' in page
    for kept in ("Camille Martin", "camille@localhost", "Léa", FORM["key"]):
        assert f'value="{kept}"' in page
    assert not Registration.objects.exists()


def test_an_empty_form_is_a_form_with_mistakes(english: Client) -> None:
    offer()
    answer = english.post("/events/farm/register", {})
    assert answer.status_code == 422
    assert text_of(answer).count("Please fill this in.") == 8


def test_a_participant_more_without_scripts_keeps_what_was_written(english: Client) -> None:
    answer = register(english, offer(), email="not yet", add="1")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Participant 3" in text_of(answer)
    assert 'value="not yet"' in page
    assert 'value="Noé"' in page
    assert "Please" not in text_of(answer)
    assert not Registration.objects.exists()


def test_a_participant_less_without_scripts_keeps_the_others(english: Client) -> None:
    page = register(english, offer(), remove="0").content.decode()
    assert 'value="Léa"' not in page
    assert 'value="Noé"' in page


def test_more_participants_than_a_form_may_have_are_not_taken(english: Client) -> None:
    many = ["Somebody"] * 400
    answer = register(english, offer(capacity=None), first_name=many, last_name=many)
    assert answer.status_code == 422
    assert "One form takes 20 participants at most." in text_of(answer)
    assert answer.content.count(b'class="person"') == 20 + 1 + 1  # the last is form.js's pattern
    assert not Registration.objects.exists()


def test_sending_the_same_form_twice_registers_once(english: Client) -> None:
    event = offer()
    first, second = register(english, event), register(english, event)
    assert first["location"] == second["location"]
    assert Registration.objects.count() == 1


def test_a_form_changed_after_it_was_sent_asks_to_be_sent_again(english: Client) -> None:
    event = offer()
    register(english, event)
    answer = register(english, event, email="other@example.org")
    assert answer.status_code == 409
    assert "Please check it and send again" in text_of(answer)
    fresh = re.search(r'name="key" value="([^"]+)"', answer.content.decode())
    assert fresh
    assert register(english, event, email="other@example.org", key=fresh[1]).status_code == 303


def test_too_few_places_are_said_kindly_and_the_form_is_kept(english: Client) -> None:
    answer = register(english, offer(capacity=1))
    assert answer.status_code == 409
    assert "Sorry, only 1 place is left now. Nothing was charged." in text_of(answer)
    assert b'value="Camille Martin"' in answer.content
    assert not Registration.objects.exists()


def test_a_cheque_is_offered_only_if_it_can_arrive_in_time(english: Client) -> None:
    offer(price=1000)
    soon = english.get("/events/farm")
    start = timezone.now() + timedelta(days=30)
    offer(slug="later", price=1000, starts_at=start, ends_at=start)
    later = english.get("/events/later")
    assert "By cheque" not in text_of(soon)
    assert "By cheque" in text_of(later)


def test_who_pays_by_cheque_reads_where_it_goes_and_until_when(english: Client) -> None:
    start = timezone.now() + timedelta(days=30)
    event = offer(price=1000, starts_at=start, ends_at=start)
    answer = register(english, event, payment_method="cheque")
    made = Registration.objects.get()
    assert made.payment_method == PaymentMethod.CHEQUE
    page = text_of(english.get(answer["location"]))
    assert "We are waiting for your cheque" in page
    assert "a cheque of €20.00" in page
    assert made.pk in page


def test_a_cheque_that_is_not_offered_is_not_taken(english: Client) -> None:
    event = offer(price=0)
    register(english, event, payment_method="cheque")
    assert Registration.objects.get().payment_method == PaymentMethod.STRIPE


def test_a_form_without_its_cookie_is_explained() -> None:
    strict = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    answer = register(strict, offer())
    assert answer.status_code == 403
    assert "Please send the form again" in text_of(answer)


def test_the_form_s_own_address_shows_the_event_too(english: Client) -> None:
    offer()
    assert "A day on the farm" in text_of(english.get("/events/farm/register"))


# When we fail


def answer_after(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Event.objects, "filter", fail)
    return Client(raise_request_exception=False, headers={"accept-language": "en"}).get("/")


def test_without_the_database_a_page_says_that_it_will_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer = answer_after(OperationalError(), monkeypatch)
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "Please try again in a moment" in text_of(answer)


def test_a_mistake_of_ours_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answer_after(ValueError("a secret"), monkeypatch)
    assert answer.status_code == 500
    assert "Retry-After" not in answer
    assert "secret" not in text_of(answer)


def test_a_program_that_registers_without_end_is_stopped_and_nothing_is_lost(
    english: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "FORMS", Limit("forms", 2))
    offer(capacity=None)

    def sent_from(address: str) -> Any:
        return english.post("/events/farm/register", FORM, REMOTE_ADDR=address)

    for _ in range(2):
        assert sent_from("203.0.113.9").status_code == 303
    refused = sent_from("203.0.113.9")
    assert refused.status_code == 429
    assert "Please try again soon" in text_of(refused)
    assert 'value="Camille' in refused.content.decode()
    assert sent_from("198.51.100.7").status_code == 303


@pytest.mark.parametrize(
    "name",
    ["Camille\n\nYou won", "Camille https://evil.example", "www.evil.example", "evil.example/win"],
)
@pytest.mark.parametrize("field", ["name", "first_name", "last_name"])
def test_a_name_is_no_place_for_a_message(english: Client, name: str, field: str) -> None:
    offer(price=0)
    answer = english.post("/events/farm/register", FORM | {field: name})
    assert answer.status_code == 422
    assert "Please write a name" in text_of(answer)
    assert not Registration.objects.exists()


@pytest.mark.parametrize("name", ["M. Dupont", "Jean-Noël d’Arc / Martin", "Ng W.W.", "山田 太郎"])
def test_any_name_that_people_have_is_taken(english: Client, name: str) -> None:
    offer(price=0)
    answer = english.post("/events/farm/register", FORM | {"name": name, "last_name": [name] * 2})
    assert answer.status_code == 303
    assert Registration.objects.get().contact_name == name
