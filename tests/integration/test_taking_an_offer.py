"""Who is offered a place from the waiting list says how to pay, as anybody who registers does."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone, translation
from django.utils.formats import date_format

from inscrit.events.models import Event
from inscrit.mail.composing import compose
from inscrit.mail.models import Message
from inscrit.payments import checkout
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import CheckoutExpired
from inscrit.registrations.models import Registration
from inscrit.registrations.services import report
from inscrit.waiting.models import WaitingEntry

from .at_stripe import work
from .conftest import Caller, content, pay
from .desk import text_of
from .test_waiting_list import cancel, lapse, offer_of, sold_out, sweep, told, wait

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_old_jobs")]
ALL = ["stripe", "cheque", "cash"]


def offered(**said: Any) -> tuple[WaitingEntry, Registration]:
    later = timezone.now() + timedelta(days=60)
    usual = {"payment_methods": ALL, "starts_at": later, "ends_at": later}
    event, first = sold_out(1, **usual | said)
    entry = wait(event)
    cancel(first)
    work("upkeep")
    return entry, offer_of(entry)


def said_in_english(at: datetime, form: str) -> str:
    with translation.override("en"):
        return date_format(timezone.localtime(at), form)


def way_to_pay(registration: Registration) -> str:
    return registration.get_absolute_url().replace("?", "/pay?")


def take(registration: Registration, caller: Caller | None = None, **said: Any) -> Any:
    path = f"/registrations/{registration.pk}/take-offer"
    return (caller or Caller()).post(f"{path}?token={registration.token}", said)


def test_the_page_offers_every_way_to_pay_with_what_it_means(english: Client) -> None:
    _entry, registration = offered()
    page = english.get(registration.get_absolute_url())
    assert "Pay €10.00 now" in text_of(page)
    until = said_in_english(timezone.now() + timedelta(days=10), "l j F Y")
    for said in ("By cheque", f"It has to arrive before {until}.", "In cash"):
        assert said in text_of(page)
    for said in ("By bank transfer", "You have 30 minutes"):
        assert said not in text_of(page)


def test_where_there_is_one_way_nothing_is_asked(english: Client) -> None:
    _entry, by_card = offered(payment_methods=["stripe"])
    _entry, by_cheque = offered(payment_methods=["cheque"])
    assert "By c" not in text_of(english.get(by_card.get_absolute_url()))
    assert "We are waiting for your cheque" in text_of(english.get(by_cheque.get_absolute_url()))


def test_an_offer_with_one_way_by_hand_says_what_it_is_and_can_be_declined(english: Client) -> None:
    entry, registration = offered(payment_methods=["cheque"])
    following = wait(entry.event, 1, "Next")
    page = english.get(registration.get_absolute_url())
    assert "A place is free for you." in text_of(page)
    assert "the turn of the next on the waiting list" in text_of(page)
    assert "I don’t want it any more" in text_of(page)
    way_out = registration.get_absolute_url().replace("?", "/cancel?")
    assert way_out in page.content.decode()
    english.post(way_out, {"refund": "no"})
    work("upkeep")
    assert offer_of(following).status == "PENDING"


def test_who_has_said_how_it_is_paid_may_wait_for_more_places() -> None:
    entry, registration = offered()
    Caller().post(
        f"/registrations/{registration.pk}/take-offer?token={registration.token}",
        {"payment_method": "cheque"},
    )
    again = wait(entry.event, 1, entry.contact_name)
    assert again.contact_email == entry.contact_email
    assert told(again) == ["waiting_joined"]


def test_what_would_come_too_late_is_not_offered_on_the_page(english: Client) -> None:
    soon = timezone.now() + timedelta(days=3)
    _entry, registration = offered(starts_at=soon, ends_at=soon + timedelta(hours=2))
    page = text_of(english.get(registration.get_absolute_url()))
    assert "In cash" in page
    assert "By cheque" not in page


def test_an_offer_is_made_with_a_way_to_pay_that_is_in_time() -> None:
    soon = timezone.now() + timedelta(days=3)
    _entry, registration = offered(
        payment_methods=["cheque", "cash"], starts_at=soon, ends_at=soon + timedelta(hours=2)
    )
    assert registration.payment_method == "cash"


def test_who_pays_by_cheque_has_the_time_that_a_cheque_takes(english: Client) -> None:
    entry, registration = offered()
    answer = english.post(way_to_pay(registration), {"payment_method": "cheque"})
    assert answer["location"] == registration.get_absolute_url()
    assert "We are waiting for your cheque" in text_of(english.get(answer["location"]))
    registration.refresh_from_db()
    assert (registration.payment_method, registration.offered_until) == ("cheque", None)
    assert registration.hold_expires_at is not None
    assert registration.hold_expires_at > timezone.now() + timedelta(days=9)
    assert told(entry)[-2:] == ["place_offered", "registered"]
    reasons = list(registration.journal.values_list("reason", flat=True))
    assert reasons == ["place_offered", "offer_taken"]
    assert "You took the offer" in text_of(english.get(answer["location"]))


def test_the_cheque_that_does_not_come_frees_the_place_as_anybody_s(english: Client) -> None:
    entry, registration = offered()
    english.post(way_to_pay(registration), {"payment_method": "cheque"})
    then = timezone.now() - timedelta(minutes=5)
    Registration.objects.filter(pk=registration.pk).update(hold_expires_at=then)
    sweep()
    assert offer_of(entry).status == "EXPIRED"
    assert told(entry)[-1] == "expired"


def test_the_way_chosen_is_chosen_once(english: Client) -> None:
    _entry, registration = offered()
    english.post(way_to_pay(registration), {"payment_method": "cheque"})
    english.post(way_to_pay(registration), {"payment_method": "cash"})
    assert content(take(registration, payment_method="cash"), 409)["code"] == "no_offer"
    registration.refresh_from_db()
    assert registration.payment_method == "cheque"


def test_a_payment_page_left_open_is_closed_before_another_way_is_taken(
    english: Client, stripe: str
) -> None:
    _entry, registration = offered()
    async_to_sync(checkout.open_checkout)(registration.pk)
    english.post(way_to_pay(registration), {"payment_method": "cash"})
    assert registration.sessions.get().status == "expired"
    registration.refresh_from_db()
    assert (registration.status, registration.payment_method) == ("PENDING", "cash")


def test_stripe_s_word_on_the_page_that_was_closed_takes_no_place_away(
    english: Client, stripe: str
) -> None:
    _entry, registration = offered()
    async_to_sync(checkout.open_checkout)(registration.pk)
    session = registration.sessions.get().stripe_id
    english.post(way_to_pay(registration), {"payment_method": "cash"})
    fact = CheckoutExpired(session)
    entry = report(Report(fact, "webhook", registration.pk, session=session))[0]
    assert entry is not None
    assert entry.decision.outcome == "ignored"
    registration.refresh_from_db()
    assert (registration.status, registration.payment_method) == ("PENDING", "cash")


@pytest.mark.parametrize("ways", [["stripe"], ALL])
def test_who_opened_the_payment_page_in_time_gets_there_again_after_the_offer_s_end(
    english: Client, stripe: str, ways: list[str]
) -> None:
    _entry, registration = offered(payment_methods=ways)
    opened = english.post(way_to_pay(registration))["location"]
    past = timezone.now() - timedelta(minutes=1)
    Registration.objects.filter(pk=registration.pk).update(offered_until=past)
    assert english.post(way_to_pay(registration))["location"] == opened
    assert content(take(registration), 200)["checkout_url"] == opened
    assert content(take(registration, payment_method="cheque"), 409)["code"] == "no_offer"


def test_an_offer_taken_by_hand_after_registration_was_closed_stands_as_long_as_it_did(
    english: Client,
) -> None:
    _entry, registration = offered(payment_days=1, offer_hours=48)
    Event.objects.filter(pk=registration.event_id).update(sales_end_at=timezone.now())
    english.post(way_to_pay(registration), {"payment_method": "cash"})
    until = registration.offered_until
    registration.refresh_from_db()
    assert (registration.payment_method, registration.hold_expires_at) == ("cash", until)


def test_while_stripe_opens_no_page_the_offer_s_page_says_so(
    english: Client, stripe: str, stripe_at: Any
) -> None:
    _entry, registration = offered()
    stripe_at("http://127.0.0.1:9")
    answer = english.post(way_to_pay(registration), {"payment_method": "stripe"})
    assert answer.status_code == 303
    page = english.get(answer["location"])
    assert "the place is still offered to you" in text_of(page)
    # The page asks for its state and changes its language at an address that answers.
    assert page.request["PATH_INFO"] == f"/registrations/{registration.pk}"


def test_what_went_wrong_with_an_offer_is_not_told_once_it_is_over(english: Client) -> None:
    _entry, registration = offered()
    page = f"{registration.get_absolute_url()}&trouble=unopened"
    assert "the place is still offered to you" in text_of(english.get(page))
    Registration.objects.filter(pk=registration.pk).update(status="EXPIRED", hold_expires_at=None)
    assert "the place is still offered to you" not in text_of(english.get(page))


def test_whoever_goes_back_to_the_button_s_address_gets_to_the_page(english: Client) -> None:
    _entry, registration = offered()
    answer = english.get(way_to_pay(registration))
    assert (answer.status_code, answer["location"]) == (303, registration.get_absolute_url())
    assert "trouble" not in text_of(english.get(f"{answer['location']}&trouble=whatever"))


def test_where_hours_are_left_the_hour_is_told(english: Client) -> None:
    closes = timezone.now() + timedelta(hours=20)
    _entry, registration = offered(starts_at=closes, offer_hours=48)
    until = said_in_english(closes, "l j F Y, G:i")
    page = text_of(english.get(registration.get_absolute_url()))
    assert f"At the organiser’s, before {until}." in page


def test_who_has_paid_at_stripe_meanwhile_is_paid_and_not_asked_for_a_cheque(
    english: Client, stripe: str
) -> None:
    _entry, registration = offered()
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    english.post(way_to_pay(registration), {"payment_method": "cheque"})
    registration.refresh_from_db()
    assert (registration.status, registration.payment_method) == ("PAID", "stripe")


def test_while_stripe_does_not_answer_the_page_left_open_is_not_passed_over(
    english: Client, stripe: str, stripe_at: Any
) -> None:
    _entry, registration = offered()
    async_to_sync(checkout.open_checkout)(registration.pk)
    stripe_at("http://127.0.0.1:9")
    answer = english.post(way_to_pay(registration), {"payment_method": "cheque"})
    assert "could not be closed" in text_of(english.get(answer["location"]))
    assert content(take(registration, payment_method="cheque"), 503)["code"] == (
        "checkout_unavailable"
    )
    registration.refresh_from_db()
    assert registration.payment_method == "stripe"


def test_by_api_an_offer_is_taken_by_any_way_that_the_event_offers(stripe: str) -> None:
    _entry, by_card = offered()
    assert content(take(by_card))["checkout_url"].startswith(stripe)
    _entry, by_cash = offered()
    taken = content(take(by_cash, payment_method="cash"))
    assert (taken["status"], taken["checkout_url"]) == ("PENDING", None)
    assert taken["hold_expires_at"] > (timezone.now() + timedelta(days=9)).isoformat()
    refused = content(take(offered()[1], payment_method="transfer"), 422)
    assert [one["field"] for one in refused["errors"]] == ["payment_method"]
    assert "By cheque, In cash" in refused["errors"][0]["message"]


def test_by_api_a_free_place_is_accepted() -> None:
    _entry, registration = offered(price=0)
    assert content(take(registration))["status"] == "FREE"
    assert content(take(registration))["status"] == "FREE"


def test_by_api_only_an_offer_that_stands_is_taken(
    anybody: Caller, organiser: Caller, staff: Any
) -> None:
    _entry, registration = offered()
    path = f"/registrations/{registration.pk}/take-offer"
    assert content(anybody.post(path, {}), 401)["code"] == "unauthorized"
    assert content(anybody.post(f"{path}?token=x", {}), 403)["code"] == "forbidden"
    assert content(staff("readonly").post(path, {}), 403)["code"] == "forbidden"
    assert content(organiser.post("/registrations/reg-none/take-offer", {}), 404)
    lapse(registration)
    assert content(organiser.post(path, {}), 409)["code"] == "no_offer"
    ordinary = anybody.register(organiser.open_event(payment_methods=["cheque"]))
    assert content(organiser.post(f"/registrations/{ordinary['id']}/take-offer"), 409)


@pytest.mark.parametrize(
    ("methods", "french", "english_text", "button"),
    [
        (ALL, "Vous pouvez aussi choisir", "You can also choose", "Payer 10,00"),
        (["cheque", "cash"], "Vous pouvez choisir", "You can choose", "Choisir comment payer"),
    ],
)
def test_the_mail_tells_that_there_is_a_choice(
    methods: list[str], french: str, english_text: str, button: str
) -> None:
    offered(payment_methods=methods)
    message = Message.objects.get(kind="place_offered")
    for locale, said in (("fr", french), ("en", english_text)):
        message.locale = locale
        mail = compose(message)
        assert said in str(mail.body)
        assert said in str(mail.alternatives[0][0])
        assert "en ligne" not in str(mail.body)
        assert "online" not in str(mail.body)
    message.locale = "fr"
    assert button in str(compose(message).body).replace("\u202f", " ").replace("\xa0", " ")


def test_the_ways_to_pay_changed_meanwhile_by_the_organiser_are_those_of_now(
    english: Client,
) -> None:
    _entry, registration = offered(payment_methods=["stripe"])
    Event.objects.update(payment_methods=["cash"])
    assert content(take(registration, payment_method="cash"))["status"] == "PENDING"
    registration.refresh_from_db()
    assert registration.payment_method == "cash"
