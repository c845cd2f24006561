"""A flagged registration: a secretary sees why, decides, and is told what came of it."""

import threading

import pytest
from django.db import connection, connections
from django.test import Client

from inscrit.payments.models import Payment, Refund, RefundStatus
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    CheckoutCompleted,
    CheckoutExpired,
    DisputeStatus,
    RefundChanged,
)
from inscrit.registrations.lifecycle import RefundStatus as Is
from inscrit.registrations.models import Registration
from inscrit.registrations.services import report

from .desk import address, asked, chosen, done, fingerprint, listed, organiser, reader, seen
from .test_audit import (
    PRICE,
    completed,
    dispute,
    make_event,
    paid,
    payment_of,
    register,
    tell,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    return organiser()


def mismatch() -> Registration:
    """Somebody paid a cent too little."""
    registration = register(make_event())
    money = CheckoutCompleted("cs_1", "pi_1", PRICE - 1, "eur", paid=True, livemode=False)
    report(Report(money, "webhook", registration.pk, session="cs_1", stripe_event="evt_1"))
    registration.refresh_from_db()
    return registration


def late(**event: object) -> Registration:
    """Somebody paid after the places were freed, and the event asks a person."""
    registration = register(make_event(late_payment="review", **event))
    return tell(registration, CheckoutExpired(None), completed(registration))


def failed_refund() -> Registration:
    registration = paid(make_event())
    key = payment_of(registration)
    return tell(registration, RefundChanged(key, "re_1", PRICE, Is.FAILED))


def wrong_mode() -> Registration:
    registration = register(make_event())
    live = CheckoutCompleted("cs_1", "pi_1", PRICE, "eur", paid=True, livemode=True)
    return tell(registration, live)


def button(registration: Registration, way: str) -> str:
    return f'href="{address(registration, way)}"'


def ways(desk: Client, registration: Registration) -> set[str]:
    """What the panel offers."""
    body = desk.get(address(registration, "change")).content.decode()
    return {way for way in ("accept", "give-back", "leave") if button(registration, way) in body}


def test_the_page_says_why_what_to_do_and_what_each_decision_will_do(desk: Client) -> None:
    page = seen(desk, mismatch())
    assert "amount or currency is not the one agreed. It confirms nothing. amount_mismatch" in page
    assert "What to do: Compare the amounts." in page
    assert "Agreed €10.00 Came €9.99 It confirms nothing." in page
    assert "Accept The registration becomes “Paid”. Its place is confirmed." in page
    assert "Give the money back €9.99 goes back to the buyer." in page
    assert "€9.99 stays with you, and confirms nothing." in page


def test_the_same_in_french() -> None:
    page = seen(organiser("fr"), mismatch())
    assert "Cette inscription est à examiner" in page
    assert "Que faire : Comparez les montants." in page
    assert "L’inscription passe à « Payée »." in page
    assert "Le payeur récupère 9,99 €." in page


def test_without_a_review_there_is_no_panel(desk: Client) -> None:
    registration = paid(make_event())
    assert "has to be looked at" not in seen(desk, registration)


def test_it_is_accepted(desk: Client) -> None:
    registration = mismatch()
    assert "The registrant gets the confirmation" in asked(desk, registration, "accept")
    assert "Accepted. The registration becomes “Paid”." in done(desk, registration, "accept")
    registration.refresh_from_db()
    assert (registration.status, registration.review) == ("PAID", None)
    entry = registration.journal.latest("id")
    assert (entry.reason, entry.actor) == ("review_accepted", "admin:marie-en")


def test_the_money_is_given_back(desk: Client) -> None:
    registration = mismatch()
    told = done(desk, registration, "give-back")
    assert "The refund is ordered. €9.99 goes back to the buyer." in told
    refund = Refund.objects.get()
    assert (refund.amount, refund.reason) == (PRICE - 1, "review_refunded")


def test_it_is_left_as_it_is(desk: Client) -> None:
    registration = mismatch()
    assert "Left as it is." in done(desk, registration, "leave")
    registration.refresh_from_db()
    assert (registration.status, registration.review) == ("PENDING", None)
    assert Payment.objects.get().resolution == "ignore"


@pytest.mark.parametrize("way", ["accept", "give-back", "leave"])
def test_a_question_changes_nothing(desk: Client, way: str) -> None:
    registration = mismatch()
    assert desk.get(address(registration, way)).status_code == 200
    assert desk.put(address(registration, way)).status_code == 405
    assert desk.post(address(registration, way)).status_code == 200  # it was not read
    registration.refresh_from_db()
    assert registration.review == "amount_mismatch"
    assert not Refund.objects.exists()


def test_a_form_of_another_site_is_refused(desk: Client) -> None:
    registration = mismatch()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    answer = strict.post(
        address(registration, "accept"), {"seen": fingerprint(desk, registration, "accept")}
    )
    assert answer.status_code == 403
    registration.refresh_from_db()
    assert registration.status == "PENDING"


def test_where_no_place_is_left_nothing_can_be_accepted(desk: Client) -> None:
    registration = late(capacity=1)
    register(registration.event)
    page = seen(desk, registration)
    assert "Accept Its places were freed, and not enough are left." in page
    assert ways(desk, registration) == {"give-back", "leave"}
    assert "not enough are left" in done(desk, registration, "accept")
    registration.refresh_from_db()
    assert registration.status == "EXPIRED"


def test_a_place_that_went_meanwhile_is_told(desk: Client) -> None:
    registration = late(capacity=1)
    read = fingerprint(desk, registration, "accept")
    register(registration.event)
    answer = desk.post(address(registration, "accept"), {"seen": read})
    assert "not enough are left" in answer.content.decode()
    registration.refresh_from_db()
    assert registration.status == "EXPIRED"


def test_what_has_changed_meanwhile_is_asked_again(desk: Client) -> None:
    registration = late()
    read = fingerprint(desk, registration, "give-back")
    tell(registration, RefundChanged(payment_of(registration), "re_1", 300, Is.SUCCEEDED))
    answer = desk.post(address(registration, "give-back"), {"seen": read})
    assert "Something has changed meanwhile" in answer.content.decode()
    assert "€7.00 goes back" in answer.content.decode()
    assert Refund.objects.get().reason == "outside"


def test_money_that_was_never_recorded_can_be_neither_accepted_nor_returned(desk: Client) -> None:
    registration = wrong_mode()
    page = seen(desk, registration)
    assert "There is no payment that could be accepted." in page
    assert "No money was recorded that could be given back." in page
    assert ways(desk, registration) == {"leave"}


def test_while_the_bank_has_the_money_it_can_only_be_left(desk: Client) -> None:
    registration = paid(make_event())
    dispute(registration, DisputeStatus.NEEDS_RESPONSE)
    page = seen(desk, registration)
    assert "dispute €10.00 · To be answered" in page
    assert "There is nothing to accept: the registration is confirmed." in page
    assert "The bank holds this money until it has decided" in page
    assert ways(desk, registration) == {"leave"}


def test_what_the_bank_has_given_back_is_not_given_back_again(desk: Client) -> None:
    registration = paid(make_event(lost_dispute="review"))
    dispute(registration, DisputeStatus.LOST)
    assert "The buyer has got this money back from the bank." in seen(desk, registration)


def test_a_refund_that_failed_is_tried_again(desk: Client) -> None:
    registration = failed_refund()
    page = seen(desk, registration)
    assert "refund €10.00 · Failed" in page
    told = done(desk, registration, "give-back")
    assert "Once Stripe has returned it, the registration becomes “Refunded”." in told
    assert Refund.objects.filter(status=RefundStatus.ORDERED).get().amount == PRICE


def test_pressing_twice_orders_one_refund(desk: Client) -> None:
    registration = mismatch()
    said = {"seen": fingerprint(desk, registration, "give-back")}
    answers: list[int] = []

    def press() -> None:
        client = Client(headers={"accept-language": "en"})
        client.cookies = desk.cookies
        answers.append(client.post(address(registration, "give-back"), said).status_code)
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.close()
    assert sorted(answers) == [200, 200, 200, 302]
    assert Refund.objects.count() == 1


def test_who_may_only_look_sees_the_panel_and_no_button() -> None:
    paul = reader()
    registration = mismatch()
    assert "has to be looked at" in seen(paul, registration)
    assert ways(paul, registration) == set()
    for way in ("accept", "give-back", "leave"):
        assert paul.get(address(registration, way)).status_code == 403
        assert paul.post(address(registration, way)).status_code == 403
    registration.refresh_from_db()
    assert registration.review == "amount_mismatch"


def test_some_are_decided_at_once_after_a_question(desk: Client) -> None:
    good, full = mismatch(), late(capacity=1)
    register(full.event)
    question = chosen(desk, "accept", good, full)
    assert "The registration becomes “Paid”." in question
    assert "not enough are left" in question
    good.refresh_from_db()
    assert good.status == "PENDING"
    told = chosen(desk, "accept", good, full, yes="yes")
    assert "Done: 1" in told
    assert f"{full.pk[4:]}: not possible (Its places were freed" in told
    good.refresh_from_db()
    assert good.status == "PAID"


@pytest.mark.parametrize(("action", "reason"), [("give_back", "refunded"), ("leave", "ignored")])
def test_the_other_decisions_for_some_at_once(desk: Client, action: str, reason: str) -> None:
    registration = mismatch()
    chosen(desk, action, registration)
    assert not registration.journal.filter(reason=f"review_{reason}").exists()
    chosen(desk, action, registration, yes="yes")
    assert registration.journal.filter(reason=f"review_{reason}").exists()


@pytest.mark.parametrize("action", ["accept", "give_back", "leave"])
def test_who_may_only_look_decides_nothing_from_the_list(action: str) -> None:
    registration = mismatch()
    chosen(reader(), action, registration, yes="yes")
    registration.refresh_from_db()
    assert registration.review == "amount_mismatch"


def test_the_list_shows_what_is_to_be_looked_at(desk: Client) -> None:
    flagged, other = mismatch(), paid(make_event())
    page = listed(desk, Registration, "?attention=yes")
    assert flagged.pk in page
    assert other.pk not in page
    assert "It confirms nothing. amount_mismatch" in page


def test_a_registration_that_is_not_there_is_not_found(desk: Client) -> None:
    registration = mismatch()
    registration.pk = "reg-nothing"
    assert desk.get(address(registration, "accept")).status_code == 404


@pytest.mark.parametrize("nobody", ["%00", "reg-1_00", "é", "a/b", "_3F"])
def test_an_address_of_somebody_s_own_making_is_not_found(desk: Client, nobody: str) -> None:
    for way in ("accept", "refund", "cancel"):
        answer = desk.get(f"/admin/registrations/registration/{nobody}/{way}/")
        assert answer.status_code == 404
    assert desk.get("/admin/registrations/registration/%00/change/").status_code == 302
