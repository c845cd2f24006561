"""The page of one registration, for whoever holds its link."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from inscrit.events.models import Event, EventStatus
from inscrit.mail.models import Message, MessageState
from inscrit.pages.timeline import SENTENCES, stages
from inscrit.registrations.lifecycle import Reason
from inscrit.registrations.models import (
    JournalEntry,
    Participant,
    PaymentMethod,
    Registration,
    RegistrationStatus,
)

from .desk import text_of

pytestmark = pytest.mark.django_db(transaction=True)

BOOK_KEEPING = {
    Reason.ACCEPT_OTHER_CURRENCY,
    Reason.CONTACT_CORRECTED,
    Reason.MOVE_OUT_OF_CANCELLED,
    Reason.MOVE_TO_NOWHERE,
    Reason.MOVE_TO_OTHER_PRICE,
    Reason.MOVE_WHILE_PAYING,
    Reason.MOVE_WITHOUT_PLACE,
    Reason.MOVE_TO_OTHER_OPTIONS,
    Reason.MOVE_WITHOUT_ROOM,
    Reason.OFFER_STANDS,
    Reason.SESSION_COMPLETED,
    Reason.OLDER_SESSION,
    Reason.ALREADY_RECORDED,
    Reason.NOTHING_TO_CHANGE,
    Reason.NOT_PAID_BY_CHEQUE,
    Reason.NO_PLACE_LEFT,
    Reason.NOTHING_TO_REFUND,
    Reason.NOTHING_BY_HAND,
    Reason.NOTHING_TO_REVIEW,
    Reason.NOTHING_TO_ACCEPT,
    Reason.REVIEW_IGNORED,
    Reason.DISPUTE_INQUIRY,
    Reason.DISPUTE_CLOSED,
}


@pytest.fixture
def registration() -> Registration:
    start = timezone.now() + timedelta(days=3)
    event = Event.objects.create(
        slug="farm",
        title="A day on the farm",
        starts_at=start,
        ends_at=start,
        price=1250,
        capacity=8,
        held=2,
        status=EventStatus.PUBLISHED,
    )
    made = Registration.objects.create(
        event=event,
        contact_name="Camille Martin",
        contact_email="camille@example.org",
        locale="en",
        places=2,
        amount=2500,
        currency="eur",
        hold_expires_at=timezone.now() + timedelta(minutes=30),
    )
    for position, name in enumerate(("Léa", "Noé"), start=1):
        Participant.objects.create(
            registration=made, position=position, first_name=name, last_name="Martin"
        )
    journal(made, Reason.REGISTERED)
    return made


def journal(registration: Registration, reason: Reason) -> None:
    JournalEntry.objects.create(
        registration=registration, to_status=registration.status, reason=reason, actor="test"
    )


def becomes(registration: Registration, status: str, reason: Reason, **changes: Any) -> None:
    values: dict[str, Any] = {"status": status, "hold_expires_at": None, **changes}
    Registration.objects.filter(pk=registration.pk).update(**values)
    registration.refresh_from_db()
    journal(registration, reason)


def seen(client: Client, registration: Registration) -> str:
    return text_of(client.get(registration.get_absolute_url()))


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", "?token=é", "?token=%00"])
def test_without_its_token_a_registration_is_not_there(
    english: Client, registration: Registration, token: str
) -> None:
    for path in ("", "/status"):
        assert english.get(f"/registrations/{registration.pk}{path}{token}").status_code == 404
    assert english.post(f"/registrations/{registration.pk}/pay{token}").status_code == 404


def test_another_s_token_opens_nothing(english: Client, registration: Registration) -> None:
    other = Registration(pk="reg-other")
    address = f"/registrations/{registration.pk}?token={other.token}"
    assert english.get(address).status_code == 404
    assert english.get(other.get_absolute_url()).status_code == 404


def test_its_address_is_told_to_nobody_and_kept_nowhere(
    english: Client, registration: Registration
) -> None:
    answer = english.get(registration.get_absolute_url())
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "strict-origin"
    assert answer["X-Robots-Tag"] == "noindex, nofollow"


def test_while_places_are_held_it_says_until_when_and_offers_to_pay(
    english: Client, registration: Registration
) -> None:
    page = seen(english, registration)
    until = timezone.localtime(registration.hold_expires_at)
    assert "Your places are held" in page
    assert f"Please pay €25.00 before {until:%-H:%M}." in page
    assert "Pay €25.00 now" in page
    for told in ("Léa Martin", "Noé Martin", "A day on the farm", registration.pk):
        assert told in page


def test_once_the_time_is_over_nobody_is_asked_to_pay(
    english: Client, registration: Registration
) -> None:
    Registration.objects.update(hold_expires_at=timezone.now() - timedelta(seconds=1))
    page = seen(english, registration)
    assert "Time to pay has run out" in page
    assert "now" not in page.split("Your registration")[0]


@pytest.mark.parametrize("status", RegistrationStatus.values)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_status_has_a_heading_of_its_own(
    registration: Registration, status: str, language: str
) -> None:
    becomes(
        registration,
        status,
        Reason.PAYMENT_RECEIVED,
        paid_at=timezone.now(),
        hold_expires_at=registration.hold_expires_at,
        amount=0 if status == "FREE" else 2500,
    )
    page = Client(headers={"accept-language": language}).get(registration.get_absolute_url())
    assert len(re.findall(r"<h1>[^<]+</h1>", page.content.decode())) == 1


def test_paid_is_said_with_what_happened_and_the_mail_that_was_sent(
    english: Client, registration: Registration
) -> None:
    becomes(registration, "PAID", Reason.PAYMENT_RECEIVED, paid_at=timezone.now())
    Message.objects.create(
        registration=registration,
        kind="confirmed",
        recipient="camille@example.org",
        locale="en",
        state=MessageState.SENT,
        sent_at=timezone.now(),
    )
    page = seen(english, registration)
    assert "Paid, see you there!" in page
    story = page.split("What has happened")[1]
    told = ["You registered.", "Your payment arrived.", "We wrote to you by e-mail."]
    assert [story.index(one) for one in told] == sorted(story.index(one) for one in told)


def test_an_expired_registration_offers_to_register_again(
    english: Client, registration: Registration
) -> None:
    becomes(registration, "EXPIRED", Reason.SESSION_EXPIRED)
    page = seen(english, registration)
    assert "nothing was charged" in page
    assert "Register again" in page


def test_a_payment_that_came_too_late_is_not_called_nothing(
    english: Client, registration: Registration
) -> None:
    becomes(registration, "EXPIRED", Reason.SESSION_EXPIRED)
    journal(registration, Reason.LATE_PAYMENT_REFUNDED)
    came(registration, refund_ordered=2500)
    page = seen(english, registration)
    assert "All of it is being returned." in page
    assert "nothing was charged" not in page


def came(registration: Registration, **said: Any) -> None:
    money = {"key": "pi_1", "status": "succeeded", "amount": 2500, "currency": "eur"}
    registration.payments.create(**money | said)


def written_to(registration: Registration, kind: str) -> None:
    """The last thing that happened is a mail."""
    registration.messages.create(
        kind=kind,
        recipient="camille@example.org",
        locale="en",
        state=MessageState.SENT,
        sent_at=timezone.now() + timedelta(minutes=1),
    )


@pytest.mark.parametrize("status", ["EXPIRED", "FAILED"])
@pytest.mark.parametrize(
    ("money", "review", "said"),
    [
        ({"refund_ordered": 2500}, None, "All of it is being returned."),
        ({"refund_ordered": 2500}, "refund_failed", "All of it is being returned."),
        ({}, "late_payment_review", "The organiser will decide and write to you."),
        ({"refund_ordered": 500}, None, "The organiser will decide and write to you."),
        ({"status": "processing"}, None, "Your payment is under way."),
    ],
)
def test_whatever_was_written_meanwhile_money_that_came_is_not_called_nothing(
    english: Client,
    registration: Registration,
    status: str,
    money: dict[str, Any],
    review: str | None,
    said: str,
) -> None:
    becomes(registration, status, Reason.SESSION_EXPIRED, review=review)
    came(registration, **money)
    written_to(registration, "late_refunded")
    page = seen(english, registration)
    assert said in page
    assert "nothing was charged" not in page


def test_a_lapsed_offer_says_how_to_wait_again_also_once_it_was_written(
    english: Client, registration: Registration
) -> None:
    past = timezone.now() - timedelta(hours=1)
    becomes(registration, "EXPIRED", Reason.OFFER_LAPSED, offered_until=past)
    written_to(registration, "offer_lapsed")
    assert "You can join the waiting list again" in seen(english, registration)


def test_a_payment_page_that_could_not_open_says_that_nothing_was_charged(
    english: Client, registration: Registration
) -> None:
    becomes(registration, "CANCELLED", Reason.CHECKOUT_UNAVAILABLE)
    page = seen(english, registration)
    assert "The payment page could not be opened" in page
    assert "Nothing was charged" in page


def test_a_partial_refund_is_shown_beside_the_amount(
    english: Client, registration: Registration
) -> None:
    paid = {"paid_at": timezone.now(), "amount_refunded": 500}
    becomes(registration, "PAID", Reason.REFUND_RECEIVED, **paid)
    assert "€25.00 (€5.00 returned)" in seen(english, registration)


def test_what_was_given_back_by_hand_is_on_its_way_through_no_bank(
    english: Client, registration: Registration
) -> None:
    given = {"payment_method": "cheque", "paid_at": timezone.now(), "amount_refunded": 2500}
    becomes(registration, "PAID", Reason.MARKED_PAID, **given)
    becomes(registration, "REFUNDED", Reason.MONEY_GIVEN_BACK)
    page = seen(english, registration)
    assert "The organiser has given €25.00 back to you." in page
    assert "The organiser gave you money back." in page
    assert "Your bank may take some days" not in page


def test_the_page_asks_for_its_state_only_while_it_may_change(
    english: Client, registration: Registration
) -> None:
    address = registration.get_absolute_url()
    assert b'data-status="PENDING"' in english.get(address).content
    assert b'http-equiv="refresh"' in english.get(address).content
    becomes(registration, "PAID", Reason.PAYMENT_RECEIVED, paid_at=timezone.now())
    assert b"data-status" not in english.get(address).content
    assert b'http-equiv="refresh"' not in english.get(address).content


def test_the_last_stage_is_the_mail_that_confirms(
    english: Client, registration: Registration
) -> None:
    becomes(registration, "PAID", Reason.PAYMENT_RECEIVED, paid_at=timezone.now())
    written = {"recipient": "x@example.org", "locale": "en", "state": MessageState.SENT}
    registration.messages.create(kind="registered", sent_at=timezone.now(), **written)
    assert [one.is_done for one in stages(registration)] == [True, True, True, False]
    registration.messages.create(kind="confirmed", sent_at=timezone.now(), **written)
    assert [one.is_done for one in stages(registration)] == [True, True, True, True]


def test_a_cheque_does_not_keep_the_page_asking(
    english: Client, registration: Registration
) -> None:
    Registration.objects.update(payment_method=PaymentMethod.CHEQUE)
    page = english.get(registration.get_absolute_url()).content
    assert b"data-status" not in page
    assert b'http-equiv="refresh"' not in page


def test_its_state_can_be_asked_for(english: Client, registration: Registration) -> None:
    address = registration.get_absolute_url().replace("?", "/status?")
    assert english.get(address).json() == {"status": "PENDING"}


def test_paying_what_is_paid_leads_back_to_the_page(
    english: Client, registration: Registration
) -> None:
    becomes(registration, "PAID", Reason.PAYMENT_RECEIVED, paid_at=timezone.now())
    answer = english.post(registration.get_absolute_url().replace("?", "/pay?"))
    assert answer.status_code == 303
    assert answer["location"] == registration.get_absolute_url()


def test_paying_takes_a_button_not_a_link(english: Client, registration: Registration) -> None:
    page = registration.get_absolute_url()
    answer = english.get(page.replace("?", "/pay?"))
    assert (answer.status_code, answer["location"]) == (303, page)
    assert not registration.sessions.exists()


def test_every_reason_has_a_sentence_or_is_book_keeping() -> None:
    assert set(Reason) == set(SENTENCES) | BOOK_KEEPING
    assert not set(SENTENCES) & BOOK_KEEPING
