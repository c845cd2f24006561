"""The waiting list as a parent sees it: the form, the place in the line, the offer, the mails."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from inscrit.events.models import Event
from inscrit.mail.composing import compose
from inscrit.mail.models import Message
from inscrit.mail.services import why_needless
from inscrit.registrations import services as registrations
from inscrit.registrations.models import Registration
from inscrit.waiting import services
from inscrit.waiting.models import WaitingEntry

from .at_stripe import work
from .desk import text_of
from .test_holding_places import make_event
from .test_pages import FORM
from .test_waiting_list import cancel, counters, lapse, offer_of, order, sold_out, sweep, wait

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]


def join(client: Client, event: Event, **changes: Any) -> Any:
    return client.post(f"/events/{event.slug}/waiting-list", {**FORM, **changes})


def form_of(answer: Any) -> str:
    found = re.search(r'<form id="register".*?</form>', answer.content.decode(), re.DOTALL)
    assert found
    return found[0]


def shown(html: str) -> str:
    """What is left once hidden elements without children of their kind are gone."""
    return re.sub(r"<(\w+)[^>]*\shidden[^>]*>.*?</\1>", "", html, flags=re.DOTALL)


def test_a_sold_out_event_shows_the_form_to_join(english: Client) -> None:
    event, _first = sold_out(2)
    answer = english.get(f"/events/{event.slug}")
    form = shown(form_of(answer))
    assert f'action="/events/{event.slug}/waiting-list#register"' in form
    assert "Join the waiting list" in form
    assert "Register and pay" not in form
    assert "has 24 hours to answer" in text_of(answer)


def test_an_event_with_places_does_not_speak_of_waiting(english: Client) -> None:
    event = make_event()
    form = shown(form_of(english.get(f"/events/{event.slug}")))
    assert "Join the waiting list" not in form
    assert f'action="/events/{event.slug}/register#register"' in form


def test_who_joined_finds_the_place_in_the_line_by_the_mail(english: Client) -> None:
    event, _first = sold_out(2)
    wait(event, 1, "Zoe")
    answer = join(english, event)
    entry = WaitingEntry.objects.get(contact_name="Camille Martin")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert "Look into your mailbox" in text_of(answer)
    assert "camille@example.org" in text_of(answer)
    page = english.get(entry.get_absolute_url())
    assert page["Cache-Control"] == "no-store"
    assert "Your place in the line: 2" in text_of(page)
    assert "There is 1 request before yours." in text_of(page)
    assert "Léa Martin" in text_of(page)
    status = english.get(entry.get_absolute_url().replace("?", "/status?"))
    assert status.json() == {"status": "waiting 2"}


def test_who_lost_the_race_for_the_last_place_joins_with_the_same_form(english: Client) -> None:
    event, _first = sold_out(2)
    answer = english.post(f"/events/{event.slug}/register", FORM)
    assert answer.status_code == 409
    form = shown(form_of(answer))
    assert "Join the waiting list" in form
    assert "Noé" in form


def test_a_family_too_large_for_what_is_left_may_take_fewer_or_wait(english: Client) -> None:
    event = make_event(capacity=1)
    wanted = english.post(f"/events/{event.slug}/register", FORM)
    event2 = make_event(capacity=2)
    registrations.hold_places(order(event2))
    answer = english.post(f"/events/{event2.slug}/register", FORM)
    assert "only 1 place is left" in text_of(answer)
    form = shown(form_of(answer))
    assert "Register and pay" in form
    assert "Join the waiting list" in form
    assert join(english, event2).status_code == 200
    assert wanted.status_code == 409
    assert "The event has 1 place in all" in text_of(join(english, event))


def test_mistakes_and_participants_are_handled_as_when_registering(english: Client) -> None:
    event, _first = sold_out(3)
    wrong = join(english, event, email="camille@example")
    assert wrong.status_code == 422
    assert "Please write a full address" in text_of(wrong)
    more = join(english, event, add="1")
    assert more.content.decode().count('name="first_name"') == 4  # with the template's own
    assert not WaitingEntry.objects.exists()


def test_nobody_learns_from_the_answer_who_waits_already(english: Client) -> None:
    event, _first = sold_out(2)
    first, again = join(english, event), join(english, event)
    assert (first.status_code, text_of(first)) == (again.status_code, text_of(again))
    entry = WaitingEntry.objects.get()
    assert entry.pk not in first.content.decode()
    assert entry.token not in first.content.decode()


def test_when_places_came_back_meanwhile_one_registers(english: Client) -> None:
    event = make_event()
    answer = join(english, event)
    assert answer.status_code == 409
    assert "Good news" in text_of(answer)
    assert "Register and pay" in shown(form_of(answer))


def test_a_closed_event_takes_nobody_on_its_list(english: Client) -> None:
    event, _first = sold_out(2)
    Event.objects.filter(pk=event.pk).update(sales_end_at=timezone.now())
    assert "Registration for this event is closed." not in text_of(
        english.get(f"/events/{event.slug}/waiting-list")
    )
    assert join(english, event).status_code == 409


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong"])
@pytest.mark.parametrize("path", ["", "/status", "/leave"])
def test_only_its_own_link_opens_a_place_in_the_line(
    english: Client, token: str, path: str
) -> None:
    event, _first = sold_out(2)
    entry = wait(event)
    assert english.get(f"/waiting-list/{entry.pk}{path}{token}").status_code == 404
    assert english.get(f"/waiting-list/wait-none{path}?token={entry.token}").status_code == 404


def test_leaving_is_asked_first_and_done_by_its_button(english: Client) -> None:
    event, _first = sold_out(2)
    entry = wait(event)
    way_out = entry.get_absolute_url().replace("?", "/leave?")
    assert "Leave the waiting list?" in text_of(english.get(way_out))
    assert counters(event) == (0, 2, 1)
    answer = english.post(way_out)
    assert answer.status_code == 303
    assert "You gave your place in the line up" in text_of(english.get(answer["location"]))
    assert counters(event) == (0, 2, 0)
    assert english.post(way_out).status_code == 303


def offered(**said: object) -> tuple[Event, WaitingEntry]:
    event, first = sold_out(1, **said)
    entry = wait(event)
    cancel(first)
    work("upkeep")
    return event, entry


def test_the_link_of_who_waits_leads_to_the_offer_with_its_button(english: Client) -> None:
    _event, entry = offered()
    answer = english.get(entry.get_absolute_url())
    assert answer["location"] == offer_of(entry).get_absolute_url()
    page = english.get(answer["location"])
    assert "A place is free for you" in text_of(page)
    assert "Pay €10.00 now" in text_of(page)
    assert "It was your turn on the waiting list" in text_of(page)


def test_the_button_leads_to_stripe(english: Client, stripe: str) -> None:
    _event, entry = offered()
    way = offer_of(entry).get_absolute_url().replace("?", "/pay?")
    assert english.post(way)["location"].startswith(stripe)


def test_a_free_place_is_taken_by_the_same_button(english: Client) -> None:
    event, entry = offered(price=0)
    registration = offer_of(entry)
    page = english.get(registration.get_absolute_url())
    assert "Accept the offer" in text_of(page)
    assert "€" not in text_of(page)
    english.post(registration.get_absolute_url().replace("?", "/pay?"))
    assert "All set, see you there!" in text_of(english.get(registration.get_absolute_url()))
    assert counters(event) == (1, 0, 0)


def test_declining_is_asked_first_and_hands_the_place_on(english: Client) -> None:
    event, entry = offered()
    following = wait(event, 1, "Next")
    way = offer_of(entry).get_absolute_url().replace("?", "/cancel?")
    assert "Leave this place to somebody else?" in text_of(english.get(way))
    english.post(way, {"refund": "no"})
    work("upkeep")
    assert offer_of(entry).status == "CANCELLED"
    assert offer_of(following).status == "PENDING"


def test_a_lapsed_offer_says_so_and_how_to_wait_again(english: Client) -> None:
    _event, entry = offered()
    lapse(offer_of(entry))
    sweep()
    page = text_of(english.get(offer_of(entry).get_absolute_url()))
    assert "The offer has lapsed" in page
    assert "join the waiting list again" in page


def test_a_closed_list_says_why(english: Client) -> None:
    event, _first = sold_out(1)
    entry = wait(event)
    Event.objects.filter(pk=event.pk).update(sales_end_at=timezone.now())
    services.serve(event.pk)
    assert "The waiting list is closed" in text_of(english.get(entry.get_absolute_url()))
    Event.objects.filter(pk=event.pk).update(status="cancelled")
    assert "The event does not take place" in text_of(english.get(entry.get_absolute_url()))


def test_the_places_shown_are_those_beyond_the_waiting_list(english: Client) -> None:
    event, first = sold_out(2)
    wait(event, 2)
    cancel(first)
    assert "Sold out" in text_of(english.get(f"/events/{event.slug}"))
    places = english.get(f"/api/v1/events/{event.pk}/places").json()
    assert (places["remaining"], places["held"]) == (0, 0)


# What is in the mailbox


def mail(kind: str, locale: str) -> tuple[str, str, str]:
    message = Message.objects.get(kind=kind)
    message.locale = locale
    composed = compose(message)
    (html,) = composed.alternatives
    return str(composed.subject), str(composed.body), str(html[0])


@pytest.mark.parametrize(
    ("kind", "french", "english_text"),
    [
        ("waiting_joined", "Vous aurez alors 24 heures", "You then have 24 hours"),
        ("waiting_again", "Vous êtes en liste d’attente depuis", "You have been waiting since"),
        ("waiting_closed", "Les inscriptions sont terminées", "Registration has ended"),
    ],
)
def test_mails_to_who_waits_lead_to_the_place_in_the_line(
    kind: str, french: str, english_text: str
) -> None:
    event, _first = sold_out(1, location="Ferme & bois")
    entry = wait(event)
    services.ask_to_join(order(event, 1, "Wanda"))
    Event.objects.filter(pk=event.pk).update(sales_end_at=timezone.now())
    services.serve(event.pk)
    for locale, said in (("fr", french), ("en", english_text)):
        subject, text, html = mail(kind, locale)
        assert event.title in subject
        for body in (text, html):
            assert said in body
            assert "Wanda" in body
            assert "P0 Test" in body
            assert f"http://localhost:8000{entry.get_absolute_url()}" in body
        assert "Ferme & bois" in text
        assert "Ferme &amp; bois" in html


def test_who_asks_again_while_an_offer_stands_is_told_of_it() -> None:
    event, entry = offered()
    services.ask_to_join(order(event, 1, "Wanda"))
    for locale, said in (
        ("fr", "c’est votre tour"),
        ("en", "it is your turn"),
    ):
        _subject, text, html = mail("waiting_again", locale)
        for body in (text, html):
            assert said in body
            assert f"http://localhost:8000{entry.get_absolute_url()}" in body


def test_who_waits_no_more_is_not_told_again() -> None:
    event, _first = sold_out(1)
    entry = wait(event)
    services.ask_to_join(order(event, 1, "Wanda"))
    services.leave(entry.pk)
    assert why_needless(Message.objects.get(kind="waiting_again"))


@pytest.mark.parametrize(("price", "button"), [(1000, "Payer 10,00"), (0, "Accepter l’offre")])
def test_the_offer_tells_until_when_and_leads_to_the_button(price: int, button: str) -> None:
    _event, entry = offered(price=price)
    registration = offer_of(entry)
    until = timezone.now().replace(year=2031, month=5, day=14, hour=12, minute=30)
    Registration.objects.filter(pk=registration.pk).update(offered_until=until)
    subject, text, html = mail("place_offered", "fr")
    assert "Une place est libre pour vous" in subject
    for body in (text, html):
        assert "jusqu’au mercredi 14 mai 2031 à 14\u202fh\u202f30" in body
        assert button in body
        assert f"http://localhost:8000{registration.get_absolute_url()}" in body


def test_mails_are_sent_once_in_the_line_s_own_language(mailoutbox: list[Any]) -> None:
    event, first = sold_out(1)
    entry = wait(event)
    cancel(first)
    work("upkeep")
    work("mail")
    work("mail")
    subjects = [one.subject for one in mailoutbox if one.to == [entry.contact_email]]
    assert subjects == [
        "Vous êtes en liste d’attente : Sortie",
        "Une place est libre pour vous : Sortie",
    ]
