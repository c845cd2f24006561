"""Cancelling a registration, or a whole event, from its page."""

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from inscrit import ports
from inscrit.events.models import EventStatus
from inscrit.payments import checkout
from inscrit.payments.models import Refund
from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutExpired,
    DisputeStatus,
    MarkedPaid,
    MoneyGivenBack,
    RefundChanged,
)
from inscrit.registrations.lifecycle import RefundStatus as Is
from inscrit.registrations.models import Registration

from .conftest import pay
from .desk import address, asked, chosen, done, listed, organiser, reader, seen
from .test_audit import PRICE, completed, dispute, make_event, paid, payment_of, register, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    return organiser()


def opened() -> Registration:
    """The buyer is at Stripe's payment page."""
    registration = register(make_event())
    async_to_sync(checkout.open_checkout)(registration.pk)
    return registration


def test_each_choice_says_what_will_happen(desk: Client) -> None:
    question = asked(desk, paid(make_event()), "cancel")
    back, kept = question.split("Keep the money for now")
    assert "Give the money back The registration becomes “Cancelled”." in back
    assert "Its place becomes free. €10.00 goes back to the buyer." in back
    assert "€10.00 goes back" not in kept
    assert "It is marked as to be looked at: It was cancelled" in kept


def test_cancelled_with_the_money_back(desk: Client) -> None:
    registration = paid(make_event())
    assert "The registration is cancelled." in done(desk, registration, "cancel", money="back")
    registration.refresh_from_db()
    assert (registration.status, registration.review) == ("CANCELLED", None)
    assert Refund.objects.get().amount == PRICE
    assert registration.journal.latest("id").actor == "admin:marie-en"


def test_cancelled_without_the_money_back_is_to_be_looked_at(desk: Client) -> None:
    registration = paid(make_event())
    told = done(desk, registration, "cancel", money="kept")
    assert "This registration has to be looked at" in told
    assert not Refund.objects.exists()


def test_where_nothing_was_paid_there_is_no_choice(desk: Client) -> None:
    registration = register(make_event(price=0))
    question = asked(desk, registration, "cancel")
    assert "Its place becomes free." in question
    assert "Keep the money" not in question
    assert "The registration is cancelled." in done(desk, registration, "cancel")


def test_in_french(desk: Client) -> None:
    question = asked(organiser("fr"), paid(make_event()), "cancel")
    assert "Annuler cette inscription" in question
    assert "Rendre l’argent L’inscription passe à « Annulée »." in question


@pytest.mark.parametrize("money", ["", "both"])
def test_a_choice_has_to_be_made(desk: Client, money: str) -> None:
    registration = paid(make_event())
    done(desk, registration, "cancel", money=money)
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_an_open_payment_page_is_closed_first(desk: Client, stripe: str) -> None:
    registration = opened()
    question = asked(desk, registration, "cancel")
    assert "Stripe is asked to close the payment page." in question
    assert "If it turns out to be paid by then, it is cancelled and the money goes" in question
    assert "If it turns out to be paid by then, it stays paid" in question
    assert "The registration is cancelled." in done(desk, registration, "cancel", money="back")
    assert registration.sessions.get().status == "expired"


def test_paid_at_the_last_moment_it_stays_paid_if_the_money_was_to_be_kept(
    desk: Client, stripe: str
) -> None:
    registration = opened()
    pay(registration.sessions.get().url)
    told = done(desk, registration, "cancel", money="kept")
    assert "It has changed meanwhile, and is “Paid” now." in told
    assert not Refund.objects.exists()


def test_while_stripe_does_not_answer_the_page_says_so_and_looks_again(
    desk: Client, stripe: str, stripe_at: object
) -> None:
    registration = opened()
    assert callable(stripe_at)
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    told = done(desk, registration, "cancel", money="back")
    assert "Stripe did not answer yet." in told
    registration.refresh_from_db()
    assert registration.cancelling == "refund"
    body = desk.get(address(registration, "change")).content.decode()
    assert 'id="cancelling" class="panel" data-refresh' in body
    assert '<noscript><meta http-equiv="refresh"' in body
    assert address(registration, "cancel") not in body
    stripe_at(stripe)
    async_to_sync(checkout.end_session)(registration.pk, "sweep")
    assert "data-refresh" not in desk.get(address(registration, "change")).content.decode()


def test_what_is_over_is_not_cancelled_again(desk: Client) -> None:
    registration = tell(paid(make_event()), CancelRequested(refund=True))
    assert "Cancel the registration" not in seen(desk, registration)
    assert "This was known already." in done(desk, registration, "cancel", money="back")
    assert Refund.objects.count() == 1


def test_the_list_tells_first_what_cancelling_will_do(desk: Client) -> None:
    registration = paid(make_event())
    assert "€10.00 goes back to the buyer." in chosen(desk, "cancel", registration)
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_an_event_is_cancelled_from_its_page(desk: Client) -> None:
    event = make_event()
    first, second = paid(event), register(event)
    question = asked(desk, event, "cancel")
    assert "2 registrations are cancelled, and told by e-mail." in question
    assert "€10.00 goes back to the buyers." in question
    assert "2 registrations were cancelled." in done(desk, event, "cancel")
    event.refresh_from_db()
    assert (event.status, event.confirmed, event.held) == (EventStatus.CANCELLED, 0, 0)
    assert first.journal.latest("id").actor == "admin:marie-en"
    assert second.journal.latest("id").reason == "event_cancelled"


def test_its_page_shows_how_far_it_is_until_all_is_done(desk: Client) -> None:
    event = make_event()
    registration = paid(event)
    assert "being cancelled" not in seen(desk, event)
    done(desk, event, "cancel")
    page = seen(desk, event)
    assert "The event is being cancelled" in page
    assert "Registrations cancelled 1 Still to be cancelled 0 To be given back €10.00" in page
    assert "data-refresh" in desk.get(address(event, "change")).content.decode()
    refund = Refund.objects.get()
    key = payment_of(registration)
    tell(registration, RefundChanged(key, "re_1", PRICE, Is.SUCCEEDED, number=refund.pk))
    page = seen(desk, event)
    assert "The event is cancelled" in page
    assert "Given back by Stripe €10.00 Refunds that failed 0" in page
    assert "data-refresh" not in desk.get(address(event, "change")).content.decode()


def test_whoever_paid_by_cheque_is_counted_among_the_cancelled(desk: Client) -> None:
    event = make_event()
    tell(register(event, method="cheque"), MarkedPaid())
    assert "1 registration was cancelled." in done(desk, event, "cancel")


def test_its_page_counts_the_money_that_has_to_go_back_by_hand(desk: Client) -> None:
    event = make_event()
    paid(event)
    cheque = tell(register(event, method="cheque"), MarkedPaid())
    done(desk, event, "cancel")
    assert "Paid by hand, to be given back by you 1" in seen(desk, event)
    tell(cheque, MoneyGivenBack())
    assert "Paid by hand" not in seen(desk, event)


def test_a_refund_that_failed_is_counted_until_somebody_has_decided(desk: Client) -> None:
    event = make_event()
    registration = paid(event)
    done(desk, event, "cancel")
    refund = Refund.objects.get()
    key = payment_of(registration)
    tell(registration, RefundChanged(key, "re_1", PRICE, Is.FAILED, number=refund.pk))
    assert "Refunds that failed 1" in seen(desk, event)
    assert registration.pk in listed(desk, Refund, "?attention=yes")
    done(desk, registration, "give-back")
    assert "Refunds that failed 0" in seen(desk, event)
    assert registration.pk not in listed(desk, Refund, "?attention=yes")


def test_a_cancelled_event_is_not_cancelled_again(desk: Client) -> None:
    event = make_event(status=EventStatus.CANCELLED)
    assert "This event is cancelled already." in done(desk, event, "cancel")


def test_the_progress_in_french() -> None:
    event = make_event(status=EventStatus.CANCELLED)
    assert "Encore à annuler 0" in seen(organiser("fr"), event)


def test_who_may_only_look_cancels_nothing() -> None:
    paul = reader()
    registration = paid(make_event())
    for one in (registration, registration.event):
        assert "Cancel the" not in seen(paul, one)
        assert paul.get(address(one, "cancel")).status_code == 403
        assert paul.post(address(one, "cancel"), {"money": "back"}).status_code == 403
    registration.refresh_from_db()
    assert registration.status == "PAID"


def test_the_question_about_an_event_tells_the_money_that_is_ordered_back(desk: Client) -> None:
    event = make_event(late_payment="review")
    paid(event)
    dispute(paid(event), DisputeStatus.NEEDS_RESPONSE)
    assert "€10.00 goes back to the buyers." in asked(desk, event, "cancel")
    late = tell(register(event), CheckoutExpired(None))
    tell(late, completed(late))
    tell(register(event, method="cheque"), MarkedPaid())
    question = asked(desk, event, "cancel")
    assert "3 registrations are cancelled" in question
    assert "€20.00 goes back to the buyers." in question
    assert "1 registration was paid by hand: give its money back yourselves." in question
    event.refresh_from_db()
    assert event.status == EventStatus.PUBLISHED
    done(desk, event, "cancel")
    assert sum(Refund.objects.values_list("amount", flat=True)) == 2 * PRICE


def test_the_list_tells_which_were_not_cancelled(desk: Client) -> None:
    event = make_event()
    good, expired = paid(event), tell(register(event), CheckoutExpired(None))
    over = tell(paid(event), CancelRequested(refund=True))
    told = chosen(desk, "cancel", good, expired, over, yes="yes")
    assert "Done: 1" in told
    assert f"{expired.pk[4:]}: It stays “Expired”." in told
    assert f"{over.pk[4:]}: It stays “Cancelled”." in told


def test_the_list_tells_which_wait_for_stripe(desk: Client, stripe: str, stripe_at: object) -> None:
    registration = opened()
    assert callable(stripe_at)
    stripe_at(f"http://127.0.0.1:{ports.free()}")
    told = chosen(desk, "cancel", registration, yes="yes")
    assert "Stripe did not answer yet." in told
    assert "Done" not in told
