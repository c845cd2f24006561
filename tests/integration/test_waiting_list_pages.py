"""The waiting list as a parent sees it: the form, the place in the line, the offer, the mails."""

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from inscrit.events.models import Event, PriceOption
from inscrit.mail.composing import compose
from inscrit.mail.models import Message
from inscrit.mail.services import why_needless
from inscrit.registrations import services as registrations
from inscrit.registrations.models import Registration
from inscrit.registrations.orders import Contact, Order, Person
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
    assert "You then have 24 hours to answer" in text_of(answer)


def test_an_event_with_places_does_not_speak_of_waiting(english: Client) -> None:
    event = make_event()
    form = shown(form_of(english.get(f"/events/{event.slug}")))
    assert "Join the waiting list" not in form
    assert f'action="/events/{event.slug}/register#register"' in form


def test_who_joined_finds_the_place_in_the_line_by_the_mail(english: Client) -> None:
    event, _first = sold_out(2)
    wait(event, 1, "Zoe")
    sent = join(english, event)
    entry = WaitingEntry.objects.get(contact_name="Camille Martin")
    assert (sent.status_code, sent["Cache-Control"]) == (303, "no-store")
    answer = english.get(sent["location"])
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
    assert join(english, event2).status_code == 303
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
    assert first["location"] == again["location"]
    assert (first.status_code, again.status_code) == (303, 303)
    entry = WaitingEntry.objects.get()
    told = english.get(first["location"]).content.decode() + str(first.headers) + first["location"]
    assert entry.pk not in told
    assert entry.token not in told


def test_the_answer_can_be_read_again_in_another_language(english: Client) -> None:
    event, _first = sold_out(2)
    page = join(english, event)["location"]
    changed = english.post("/language", {"language": "fr", "next": page})
    assert changed["location"] == page
    french = text_of(english.get(page))
    assert "Regardez dans votre boîte" in french
    assert "camille@example.org" in french


def test_nobody_else_is_shown_the_address(english: Client) -> None:
    event, _first = sold_out(2)
    sent = join(english, event)
    assert "camille" not in sent["location"]
    assert "camille" not in str(sent.cookies)
    anybody = Client().get(sent["location"])
    assert (anybody.status_code, anybody["location"]) == (303, event.get_absolute_url())


def test_the_same_form_sent_twice_is_one_wish_and_one_mail(english: Client) -> None:
    event, _first = sold_out(2)
    key = "the-key-of-this-form-0001"
    assert join(english, event, key=key)["location"] == join(english, event, key=key)["location"]
    assert [one.kind for one in Message.objects.filter(waiting__event=event)] == ["waiting_joined"]
    join(english, event, key="the-key-of-another-form-2")
    assert Message.objects.filter(waiting__event=event, kind="waiting_again").exists()


CLOSES = "but not beyond the close of registration on"
HELD = "The places are then held for you until"


@pytest.mark.parametrize(
    ("event", "expected", "french"),
    [
        ({}, f"You then have 24 hours to answer, {CLOSES} ", "Vous avez alors 24 heures pour"),
        (
            {"offer_hours": 1},
            f"You then have 1 hour to answer, {CLOSES} ",
            "Vous avez alors 1 heure pour",
        ),
        (
            {"sales_end_at": timezone.now() + timedelta(hours=3)},
            f"{HELD} ",
            "Les places sont alors retenues pour vous jusqu’au",
        ),
        (
            {"payment_methods": ["cheque"], "payment_days": 2},
            f"You then have 2 days to pay, {CLOSES} ",
            "Vous avez alors 2 jours pour payer",
        ),
        (
            {"payment_methods": ["cheque"], "price": 0},
            f"You then have 24 hours to answer, {CLOSES} ",
            "Vous avez alors 24 heures pour",
        ),
        (
            {
                "payment_methods": ["transfer"],
                "sales_end_at": timezone.now() + timedelta(days=2),
            },
            f"{HELD} ",
            "Les places sont alors retenues pour vous jusqu’au",
        ),
    ],
)
def test_how_long_there_is_to_answer_is_true_everywhere(
    english: Client, event: dict[str, Any], expected: str, french: str
) -> None:
    it, _first = sold_out(2, time_zone="America/Montreal", **event)
    local = it.sales_close_at.astimezone(ZoneInfo("America/Montreal"))
    moment = f"{local:%A} {local.day} {local:%B %Y}, {local.hour}:{local:%M}"
    expected += f"{moment}, when registration closes." if HELD in expected else f"{moment}."
    entry = wait(it, 2)
    assert expected in text_of(english.get(it.get_absolute_url()))
    assert expected in text_of(english.get(entry.get_absolute_url()))
    assert expected in " ".join(mail("waiting_joined", "en")[1].split())
    assert french in mail("waiting_joined", "fr")[1].replace("\n", " ")


def test_where_some_pay_by_hand_and_some_nothing_no_time_is_promised(english: Client) -> None:
    event, _first = sold_out(1, payment_methods=["cheque"])
    PriceOption.objects.create(event=event, name="Adulte", price=1500)
    baby = PriceOption.objects.create(event=event, name="Bébé", price=0)
    page = text_of(english.get(event.get_absolute_url()))
    assert "It says until when the places are held for you." in page
    people = [Person("Bo", "Test", baby.pk)]
    entry = services.join(Order(event.pk, Contact("W", "w@example.org", "en"), people))
    assert "You then have 24 hours to answer" in text_of(english.get(entry.get_absolute_url()))


def test_who_goes_back_to_the_form_and_asks_for_more_is_told_that_nothing_changed(
    english: Client,
) -> None:
    event, _first = sold_out(3)
    key = "the-key-of-this-form-0001"
    join(english, event, key=key)
    more = {"first_name": ["Ana", "Lou", "Nina"], "last_name": ["Martin"] * 3}
    assert join(english, event, key=key, **more).status_code == 303
    entry = WaitingEntry.objects.get()
    assert entry.places == 2
    kinds = [one.kind for one in Message.objects.filter(waiting=entry).order_by("pk")]
    assert kinds == ["waiting_joined", "waiting_again"]
    _subject, text, _html = mail("waiting_again", "en")
    assert "for 2 places: nothing has changed" in text
    join(english, event, key=key)
    assert Message.objects.filter(waiting=entry).count() == 2


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
        ("waiting_joined", "Vous avez alors 24 heures", "You then have 24 hours"),
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
    if kind == "waiting_closed":
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
    for locale, about, said, button in (
        ("fr", "Une place vous est proposée", "c’est votre tour", "Voir la proposition"),
        ("en", "A place is offered to you", "it is your turn", "See the offer"),
    ):
        subject, text, html = mail("waiting_again", locale)
        assert about in subject
        for body in (text, html):
            assert said in body
            assert button in body
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
