"""A registration's payments, refunds and disputes at a glance, and money given back in part."""

import threading

import pytest
from django.db import connections
from django.test import Client

from inscrit.payments.admin.refunds import RefundForm
from inscrit.payments.models import Dispute, Payment, Refund
from inscrit.registrations.ledger import Report
from inscrit.registrations.lifecycle import (
    CancelRequested,
    CheckoutCompleted,
    DisputeStatus,
    MarkedPaid,
    RefundChanged,
    RefundRequested,
)
from inscrit.registrations.lifecycle import RefundStatus as Is
from inscrit.registrations.models import Registration
from inscrit.registrations.services import report

from .desk import address, asked, chosen, done, fingerprint, listed, organiser, reader, seen
from .test_audit import PRICE, dispute, make_event, paid, payment_of, register, tell

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk() -> Client:
    return organiser()


@pytest.fixture
def registration() -> Registration:
    return paid(make_event())


def test_who_gave_the_money_back_stands_beside_it(desk: Client, registration: Registration) -> None:
    key = payment_of(registration)
    tell(registration, RefundRequested(300), RefundChanged(key, "re_9", 200, Is.SUCCEEDED))
    page = seen(desk, registration)
    assert "payment €10.00 Succeeded The registration stands on it." in page
    assert "refund €3.00 Asked for by Inscrit: An organiser ordered a refund." in page
    assert "refund €2.00 Returned in Stripe’s Dashboard" in page
    assert "in Stripe’s Dashboard" in seen(desk, Payment.objects.get())


def test_a_dispute_is_shown_on_every_page_it_concerns(
    desk: Client, registration: Registration
) -> None:
    dispute(registration, DisputeStatus.WARNING_NEEDS_RESPONSE)
    for one in (registration, Payment.objects.get(), Dispute.objects.get()):
        assert "Inquiry, to be answered" in seen(desk, one)
    assert registration.pk in listed(desk, Dispute, "?attention=yes")
    dispute(registration, DisputeStatus.WARNING_CLOSED)
    assert registration.pk not in listed(desk, Dispute, "?attention=yes")
    assert registration.pk in listed(desk, Dispute, f"?q={registration.pk}")


def test_disputes_are_written_by_nobody(desk: Client, registration: Registration) -> None:
    dispute(registration, DisputeStatus.NEEDS_RESPONSE)
    assert desk.get("/admin/payments/dispute/add/").status_code == 403
    one = Dispute.objects.get()
    assert desk.post(address(one, "change"), {"status": "won"}).status_code == 403
    assert desk.post(address(one, "delete"), {"post": "yes"}).status_code == 403


def test_refunds_are_told_apart_by_who_made_them(desk: Client, registration: Registration) -> None:
    tell(registration, RefundRequested(300))
    tell(registration, RefundChanged(payment_of(registration), "re_9", 200, Is.SUCCEEDED))
    assert "re_9" not in listed(desk, Refund, "?by=us")
    assert "1 refund " in listed(desk, Refund, "?by=outside")
    assert "An organiser ordered a refund." in listed(desk, Refund)


def test_stripes_own_numbers_lead_to_their_pages(desk: Client) -> None:
    """``_3A`` and its like stand for signs for Django: many of Stripe’s ids have them."""
    registration = register(make_event())
    money = CheckoutCompleted("cs_3A", "pi_3Bx", PRICE, "eur", paid=True, livemode=False)
    report(Report(money, "webhook", registration.pk, session="cs_3A", stripe_event="evt_3Cx"))
    payment = Payment.objects.get()
    assert address(payment, "change") in desk.get(address(registration, "change")).content.decode()
    assert "pi_3Bx" in seen(desk, payment)


def test_a_part_goes_back(desk: Client, registration: Registration) -> None:
    question = asked(desk, registration, "refund")
    assert "Up to €10.00 can be given back." in question
    assert "If a part goes back, the registration keeps its places." in question
    told = done(desk, registration, "refund", amount="2.50")
    assert "€2.50 goes back to the buyer. The registration stays “Paid”" in told
    refund = Refund.objects.get()
    assert (refund.amount, refund.reason) == (250, "refund_requested")
    assert registration.journal.latest("id").actor == "admin:marie-en"


def test_all_of_it_is_proposed(desk: Client, registration: Registration) -> None:
    assert 'value="10.00"' in desk.get(address(registration, "refund")).content.decode()
    told = done(desk, registration, "refund", amount="10.00")
    assert "Once Stripe has returned it, the registration becomes “Refunded”." in told


def test_in_french_an_amount_is_written_with_a_comma(registration: Registration) -> None:
    desk = organiser("fr")
    assert 'value="10,00"' in desk.get(address(registration, "refund")).content.decode()
    told = done(desk, registration, "refund", amount="2,50")
    assert "Le remboursement est demandé. Le payeur récupère 2,50 €." in told


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("", "This field is required."),
        ("all", "Write an amount such as 10.00."),
        ("0", "Write an amount such as 10.00."),
        ("-1", "Write an amount such as 10.00."),
        ("1e3", "Write an amount such as 10.00."),
        ("2.505", "Write an amount such as 10.00."),
        ("10.01", "At most €10.00 can be given back."),
        ("99999999999999999", "At most €10.00 can be given back."),
    ],
)
def test_an_amount_that_cannot_be_is_an_error_in_the_form(
    desk: Client, registration: Registration, amount: str, told: str
) -> None:
    assert told in done(desk, registration, "refund", amount=amount)
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("currency", "written", "minor"),
    [
        ("jpy", "500", 500),
        ("kwd", "1.234", 1234),
        ("eur", "1 2,5", 1250),
        ("eur", "1\u202f0", 1000),
    ],
)
def test_an_amount_is_read_in_its_currency(currency: str, written: str, minor: int) -> None:
    form = RefundForm({"amount": written}, 5000, currency)  # type: ignore[arg-type]
    assert form.is_valid(), form.errors
    assert form.cleaned_data["amount"] == minor


def test_yen_have_no_decimals() -> None:
    form = RefundForm({"amount": "1.5"}, 5000, "jpy")  # type: ignore[arg-type]
    assert not form.is_valid()


def test_pressing_twice_gives_back_once(desk: Client, registration: Registration) -> None:
    said = {"seen": fingerprint(desk, registration, "refund"), "amount": "2.50"}

    def press() -> None:
        client = Client(headers={"accept-language": "en"})
        client.cookies = desk.cookies
        client.post(address(registration, "refund"), said)
        connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Refund.objects.get().amount == 250


def test_where_nothing_can_be_given_back_there_is_no_button(
    desk: Client, registration: Registration
) -> None:
    assert (
        address(registration, "refund")
        in desk.get(address(registration, "change")).content.decode()
    )
    dispute(registration, DisputeStatus.NEEDS_RESPONSE)
    assert (
        address(registration, "refund")
        not in desk.get(address(registration, "change")).content.decode()
    )
    assert "The bank holds this money" in done(desk, registration, "refund", amount="1")
    assert not Refund.objects.exists()


def test_a_cheque_is_noted_from_the_page(desk: Client) -> None:
    cheque = register(make_event(), method="cheque")
    assert "To be paid by cheque." in seen(desk, cheque)
    assert "The payment is noted. The registration becomes “Paid”." in done(
        desk, cheque, "mark-paid"
    )
    cheque.refresh_from_db()
    assert cheque.status == "PAID"
    assert "changes nothing" in asked(desk, cheque, "mark-paid") or "known already" in asked(
        desk, cheque, "mark-paid"
    )


def test_giving_back_from_the_list_tells_first_what_will_happen(
    desk: Client, registration: Registration
) -> None:
    unpaid = register(make_event())
    question = chosen(desk, "refund", registration, unpaid)
    assert "€10.00 goes back to the buyer." in question
    assert "No money was recorded that could be given back." in question


def test_who_may_only_look_gives_nothing_back(registration: Registration) -> None:
    paul = reader()
    assert "Give money back" not in seen(paul, registration)
    for deed in ("refund", "mark-paid"):
        assert paul.post(address(registration, deed), {"amount": "1"}).status_code == 403
    assert not Refund.objects.exists()


def test_a_cancelled_cheque_is_noted_as_given_back_by_hand(desk: Client) -> None:
    event = make_event()
    registration = tell(register(event, method="cheque"), MarkedPaid())
    tell(registration, CancelRequested(refund=True))
    page = seen(desk, registration)
    assert "It was paid by hand. Give it back yourselves" in page
    assert "The money was given back by hand" in page
    question = asked(desk, registration, "given-back")
    assert "€10.00 was paid by hand, and is still yours." in question
    assert "The registration becomes “Refunded”." in question
    assert "No e-mail is sent." in question
    mails = registration.messages.count()
    told = done(desk, registration, "given-back", amount="10.00")
    assert "It is noted. The registration becomes “Refunded”." in told
    registration.refresh_from_db()
    assert (registration.status, registration.review) == ("REFUNDED", None)
    assert registration.amount_refunded == PRICE
    assert registration.messages.count() == mails
    entry = registration.journal.latest("id")
    assert (entry.reason, entry.actor) == ("money_given_back", "admin:marie-en")
    assert entry.details == {"amount": "1000", "currency": "eur"}
    page = seen(desk, registration)
    assert "by cheque, in cash or by transfer. €10.00" in page
    assert 'given-back/"' not in desk.get(address(registration, "change")).content.decode()


def test_a_part_given_back_by_hand_keeps_the_places(desk: Client) -> None:
    event = make_event()
    registration = tell(register(event, method="cheque"), MarkedPaid())
    assert "keeps its places" in asked(desk, registration, "given-back")
    done(desk, registration, "given-back", amount="4")
    registration.refresh_from_db()
    assert (registration.status, registration.amount_refunded) == ("PAID", 400)
    assert "At most €6.00" in done(desk, registration, "given-back", amount="6.01")
    done(desk, registration, "given-back", amount="6")
    registration.refresh_from_db()
    event.refresh_from_db()
    assert (registration.status, event.confirmed) == ("REFUNDED", 0)
    assert "So much of what was paid by hand" in asked(desk, registration, "given-back")


def test_what_stripe_was_paid_is_not_given_back_by_hand(desk: Client) -> None:
    registration = paid(make_event())
    assert "given back by hand" not in seen(desk, registration)
    assert "So much of what was paid by hand" in asked(desk, registration, "given-back")


def test_who_may_only_look_gives_nothing_back_by_hand() -> None:
    paul = reader()
    registration = tell(register(make_event(), method="cheque"), MarkedPaid())
    assert "given back by hand" not in seen(paul, registration)
    assert paul.post(address(registration, "given-back"), {"amount": "10"}).status_code == 403


def test_giving_back_by_hand_in_french() -> None:
    registration = tell(register(make_event(), method="cheque"), MarkedPaid())
    question = asked(organiser("fr"), registration, "given-back")
    assert "Combien avez-vous rendu" in question
    assert "n’y est pour rien" in question
