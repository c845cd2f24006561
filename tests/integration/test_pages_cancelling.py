"""A parent gives the places back, on the registration's own page."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.test import Client
from django.utils import timezone

from inscrit import ports
from inscrit.events.models import Event
from inscrit.payments import checkout
from inscrit.payments.models import Refund
from inscrit.registrations import services
from inscrit.registrations.models import Registration

from .conftest import pay
from .desk import text_of
from .test_holding_places import make_event, order

pytestmark = pytest.mark.django_db(transaction=True)


def address(registration: Registration, suffix: str = "/cancel") -> str:
    return f"/registrations/{registration.pk}{suffix}?token={registration.token}"


def paid(event: Event) -> Registration:
    registration = services.hold_places(order(event))
    pay(async_to_sync(checkout.open_checkout)(registration.pk))
    async_to_sync(checkout.confirm_return)(registration.pk)
    return registration


def test_it_is_asked_for_first_and_done_by_the_button(english: Client, stripe: str) -> None:
    registration = services.hold_places(order(make_event(), people=2))
    async_to_sync(checkout.open_checkout)(registration.pk)
    assert "Cancel this registration" in text_of(english.get(address(registration, "")))
    asked = text_of(english.get(address(registration)))
    assert "Your places are given to somebody else." in asked
    assert "Nothing was charged." in asked
    registration.refresh_from_db()
    assert registration.status == "PENDING"
    done = english.post(address(registration))
    assert (done.status_code, done["Location"]) == (303, address(registration, ""))
    registration.refresh_from_db()
    assert registration.status == "CANCELLED"
    assert registration.sessions.get().status == "expired"
    page = text_of(english.get(address(registration, "")))
    assert "This registration is cancelled" in page
    assert "Cancel this registration" not in page
    # Asked once more, by an old tab: the page says what it is.
    assert english.get(address(registration)).status_code == 303


@pytest.mark.parametrize("allowed", [True, False])
def test_it_says_beforehand_what_becomes_of_the_money(
    english: Client, stripe: str, allowed: bool
) -> None:
    until = timezone.now() + timedelta(days=1) if allowed else None
    registration = paid(make_event(refund_until=until))
    asked = text_of(english.get(address(registration)))
    assert ("goes back to you" in asked) is allowed
    assert ("the organiser decides" in asked) is not allowed
    english.post(address(registration), {"refund": "yes" if allowed else "no"})
    assert Refund.objects.exists() is allowed
    registration.refresh_from_db()
    assert registration.review == (None if allowed else "cancelled_without_refund")


@pytest.mark.parametrize("allowed", [True, False])
def test_it_names_what_has_not_been_given_back_yet(
    english: Client, stripe: str, allowed: bool
) -> None:
    until = timezone.now() + timedelta(days=1) if allowed else None
    registration = paid(make_event(refund_until=until))
    back = registration.amount - 700
    Registration.objects.update(amount_refunded=back)
    registration.payments.update(charge_refunded=back, refunded=back)
    assert "€7.00" in text_of(english.get(address(registration)))


@pytest.mark.parametrize("status", ["needs_response", "lost"])
def test_what_the_bank_has_taken_back_is_not_promised(
    english: Client, stripe: str, status: str
) -> None:
    registration = paid(make_event(refund_until=timezone.now() + timedelta(days=1)))
    payment = registration.payments.get()
    payment.disputes.create(pk="dp_1", status=status, amount=payment.amount)
    asked = text_of(english.get(address(registration)))
    assert "nothing more is returned from here" in asked
    assert "goes back to you" not in asked


def test_money_by_card_is_no_cheque_whatever_was_chosen_first(english: Client, stripe: str) -> None:
    registration = paid(make_event(refund_until=timezone.now() + timedelta(days=1)))
    Registration.objects.update(payment_method="cheque")
    asked = text_of(english.get(address(registration)))
    assert "€10.00 goes back to you" in asked
    assert "cheque" not in asked


def test_of_a_payment_under_way_it_is_not_said_that_nothing_is_charged(english: Client) -> None:
    registration = services.hold_places(order(make_event()))
    Registration.objects.update(status="PROCESSING")
    asked = text_of(english.get(address(registration)))
    assert "Your payment is under way." in asked
    assert "Nothing was charged" not in asked


def test_who_was_promised_the_money_is_asked_again_when_the_time_for_it_has_ended(
    english: Client, stripe: str
) -> None:
    registration = paid(make_event(refund_until=timezone.now() + timedelta(days=1)))
    Event.objects.update(refund_until=timezone.now() - timedelta(seconds=1))
    again = english.post(address(registration), {"refund": "yes"})
    assert again.status_code == 200
    assert "the organiser decides" in text_of(again)
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_while_stripe_does_not_answer_the_page_says_that_it_is_being_done(
    english: Client, stripe: str, stripe_at: Callable[[str], None]
) -> None:
    registration = services.hold_places(order(make_event()))
    async_to_sync(checkout.open_checkout)(registration.pk)
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    english.post(address(registration))
    page = text_of(english.get(address(registration, "")))
    assert "Your registration is being cancelled" in page
    assert "Pay" not in page


def test_once_the_event_has_begun_it_is_too_late(english: Client) -> None:
    registration = services.hold_places(order(make_event(price=0)))
    Event.objects.update(starts_at=timezone.now() - timedelta(hours=1))
    assert "Cancel this registration" not in text_of(english.get(address(registration, "")))
    assert english.post(address(registration)).status_code == 303
    registration.refresh_from_db()
    assert registration.status == "FREE"


def test_without_the_token_nobody_cancels(english: Client) -> None:
    registration = services.hold_places(order(make_event(price=0)))
    path = f"/registrations/{registration.pk}/cancel"
    for token in ("", "?token=wrong"):
        assert english.get(path + token).status_code == 404
        assert english.post(path + token).status_code == 404


def test_a_return_is_believed_late_too_when_no_webhook_came(english: Client, stripe: str) -> None:
    """The hold was swept while the buyer was at Stripe's page, and the webhook was lost."""
    registration = services.hold_places(order(make_event()))
    url = async_to_sync(checkout.open_checkout)(registration.pk)
    pay(url)
    Registration.objects.update(status="EXPIRED", hold_expires_at=None)
    Event.objects.update(held=0)
    session = registration.sessions.get().stripe_id
    page = english.get(f"{address(registration, '')}&session_id={session}")
    assert "Paid, see you there!" in text_of(page)
