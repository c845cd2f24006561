"""The receipt: its number, what stands on it, and that it can be read back."""

import io
import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import Error, connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from inscrit.organisation.models import Organisation
from inscrit.papers import pdf, receipts
from inscrit.papers.models import Receipt
from inscrit.payments.models import Payment, Refund
from inscrit.registrations.models import Participant, Registration

from .desk import organiser
from .seats import event, seat

pytestmark = pytest.mark.django_db(transaction=True)


def read(content: bytes) -> str:
    """What a person reads in it, in one line."""
    pages = PdfReader(io.BytesIO(content)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def pages(content: bytes) -> int:
    return len(PdfReader(io.BytesIO(content)).pages)


def printed(registration: Registration) -> bytes:
    receipt = Receipt.objects.get(pk=receipts.issue(registration.pk).pk)
    return pdf.paper(receipt).render()


def refund(registration: Registration, amount: int, status: str = "succeeded") -> None:
    payment, _is_new = Payment.objects.get_or_create(
        key="pi_1",
        registration=registration,
        status="succeeded",
        amount=registration.amount,
        currency="eur",
        settles=True,
    )
    Refund.objects.create(
        payment=payment,
        amount=amount,
        reason="refund_requested",
        status=status,
        stripe_id=f"re_{uuid4()}",
        succeeded_at=datetime(2031, 2, 3, 12, tzinfo=UTC),
    )
    if status == "succeeded":
        Registration.objects.filter(pk=registration.pk).update(
            amount_refunded=registration.amount_refunded + amount
        )


# The number


def test_the_first_receipt_of_a_year_is_number_one_and_asking_again_gives_the_same() -> None:
    school = event()
    first, second = seat(school), seat(school)
    given = receipts.issue(first.pk)
    assert str(given) == f"{given.year}-00001"
    assert receipts.issue(first.pk).pk == given.pk
    assert receipts.issue(second.pk).number == 2


def test_what_is_rolled_back_leaves_no_gap() -> None:
    school = event()
    lost, kept = seat(school), seat(school)
    with transaction.atomic():
        assert receipts.issue(lost.pk).number == 1
        transaction.set_rollback(True)
    assert receipts.issue(kept.pk).number == 1
    assert receipts.issue(lost.pk).number == 2


def test_each_year_counts_for_itself() -> None:
    school = event()
    Receipt.objects.create(registration=seat(school), year=2020, content={})
    Receipt.objects.create(registration=seat(school), year=2020, content={})
    Receipt.objects.create(registration=seat(school), year=2021, content={})
    numbers = Receipt.objects.order_by("year", "number").values_list("year", "number")
    assert list(numbers) == [(2020, 1), (2020, 2), (2021, 1)]


def test_nobody_chooses_or_changes_a_number() -> None:
    receipt = Receipt.objects.create(registration=seat(event()), year=2020, number=77, content={})
    receipt.refresh_from_db()
    assert receipt.number == 1
    with pytest.raises(Error, match="stays as it is"):
        Receipt.objects.update(number=2)
    with pytest.raises(Error, match="stays as it is"):
        receipt.delete()


# True: another worker asks for a receipt; False: one that dies before its commit.
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.booleans(), min_size=2, max_size=10))
def test_numbers_have_no_gap_however_many_ask_at_once(commits: list[bool]) -> None:
    school = event()
    asked = [seat(school, "Léa") for _ in commits]
    year = receipts.issue(seat(school, "Léa").pk).year
    before = Receipt.objects.filter(year=year).count()
    go = threading.Barrier(len(commits))

    def ask(registration: Registration, commit: bool) -> None:
        try:
            go.wait(10)
            with transaction.atomic():
                receipts.issue(registration.pk)
                transaction.set_rollback(not commit)
        finally:
            connection.close()

    workers = [threading.Thread(target=ask, args=one) for one in zip(asked, commits, strict=True)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    numbers = Receipt.objects.filter(year=year).values_list("number", flat=True)
    assert sorted(numbers) == list(range(1, before + sum(commits) + 1))


def test_two_who_ask_for_the_same_one_at_once_get_the_same() -> None:
    registration = seat(event())
    found: list[int] = []

    def ask() -> None:
        found.append(receipts.issue(registration.pk).number)
        connection.close()

    workers = [threading.Thread(target=ask) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert found == [1, 1, 1, 1]


# What stands on it


def test_it_says_who_paid_what_to_whom_and_when() -> None:
    Organisation.objects.create(
        name="Association des parents d’élèves",
        address="12, rue de l’Église\n35000 Rennes",
        registration_number="RNA W351234567",
        tax_note="TVA non applicable, art. 293 B du CGI",
        contact_email="ape@example.org",
    )
    paid = datetime(2031, 4, 30, 22, 30, tzinfo=UTC)
    text = read(printed(seat(event(), "Léa", "Maëlys-Éléonore", paid_at=paid)))
    assert "Association des parents d’élèves" in text
    assert "12, rue de l’Église 35000 Rennes" in text
    assert "RNA W351234567" in text
    assert "TVA non applicable, art. 293 B du CGI" in text
    assert "Zoé O’Brien" in text
    assert "Maëlys-Éléonore O’Brien" in text
    assert "L’école à la ferme, 2 personnes 25,00 €" in text
    assert "mercredi 14 mai 2031, 9 h 30 – 17 h 00" in text
    assert "Payé en ligne, le 1 mai 2031" in text  # half past midnight in Paris
    assert "Rendu" not in text


def test_it_speaks_the_registrants_language() -> None:
    text = read(printed(seat(event(), locale="en", payment_method="cheque")))
    assert "Receipt" in text
    assert "Total €25.00" in text
    assert "Paid by cheque, received on" in text


def test_names_from_everywhere_and_markup_are_printed_as_they_were_written() -> None:
    people = ("Łukasz", "Nguyễn", "Şevval", "Дмитрий", "<b>Bo&b</b>", "Zoé 🎉", "n°5 ©")
    content = printed(seat(event(title="L’été <i>&amp;</i>"), *people))
    text = read(content)
    for name in ("Łukasz", "Nguyễn", "Şevval", "Дмитрий", "<b>Bo&b</b>", "Zoé O’Brien", "n°5 ©"):
        assert name in text
    assert "L’été <i>&amp;</i>" in text


def test_long_texts_and_many_people_go_on_to_the_next_page() -> None:
    long = "Très-long-prénom-" * 5
    text = read(content := printed(seat(event(title="Fête " * 39), *[long] * 20, "Dernière")))
    assert pages(content) > 1
    assert "Dernière O’Brien" in text
    assert f"page {pages(content)}" in text


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80))
def test_no_text_keeps_a_receipt_from_being_printed(text: str) -> None:
    registration = seat(event(title=text or "x", location=text), text, contact_name=text)
    assert pages(printed(registration)) >= 1


def test_what_stood_on_it_stays_when_others_change() -> None:
    registration = seat(event())
    receipts.issue(registration.pk)
    registration.event.title = "Another title"
    registration.event.save()
    Participant.objects.update(first_name="Somebody")
    Organisation.objects.create(name="Renamed")
    text = read(printed(registration))
    assert "L’école à la ferme" in text
    assert "Léa" in text
    assert "Renamed" not in text


# Money that went back


def test_a_part_that_went_back_is_taken_off() -> None:
    registration = seat(event())
    receipts.issue(registration.pk)
    refund(registration, 1000)
    refund(registration, 500, status="pending")
    text = read(printed(registration))
    assert "Rendu le 3 février 2031 −10,00 €" in text
    assert "Reste payé 15,00 €" in text
    assert "Tout a été rendu" not in text


def test_after_a_full_refund_it_says_that_nothing_remains_paid() -> None:
    registration = seat(event())
    refund(registration, 2500)
    Registration.objects.filter(pk=registration.pk).update(status="REFUNDED")
    Payment.objects.update(settles=False)  # as the ledger leaves it
    text = read(printed(registration))
    assert "Tout a été rendu" in text
    assert "Reste payé 0,00 €" in text
    assert "À l’accueil" not in text


def test_what_the_bank_took_back_is_shown_without_a_date() -> None:
    registration = seat(event(), amount_refunded=2500, status="REFUNDED")
    assert [(one.amount, one.at) for one in receipts.returns(registration)] == [(2500, None)]
    assert "Reste payé 0,00 €" in read(printed(registration))


def test_it_is_about_what_came_not_what_was_agreed() -> None:
    registration = seat(event())
    payment = Payment.objects.create(
        key="pi_1",
        registration=registration,
        status="succeeded",
        amount=1500,
        currency="eur",
        settles=True,
        resolution="accept",
    )
    text = read(printed(registration))
    assert "L’école à la ferme, 2 personnes 15,00 €" in text
    assert "Total 15,00 €" in text
    assert "25,00" not in text
    Refund.objects.create(
        payment=payment, amount=1500, reason="x", status="succeeded", stripe_id="re_1"
    )
    Payment.objects.update(refunded=1500)
    registration.refresh_from_db()
    assert [one.amount for one in receipts.returns(registration)] == [1500]
    assert "Reste payé 0,00 €" in read(printed(registration))


def test_a_second_payments_refund_is_no_part_of_it() -> None:
    registration = seat(event())
    refund(registration, 1000)
    other = Payment.objects.create(
        key="pi_2", registration=registration, status="succeeded", amount=2500, currency="eur"
    )
    Refund.objects.create(
        payment=other, amount=2500, reason="x", status="succeeded", stripe_id="re_2"
    )
    registration.refresh_from_db()
    assert [one.amount for one in receipts.returns(registration)] == [1000]


# Getting it


def address(registration: Registration, token: str | None = None) -> str:
    return f"/registrations/{registration.pk}/receipt.pdf?token={token or registration.token}"


def test_it_comes_with_the_registrations_own_link() -> None:
    registration = seat(event())
    answer = Client().get(address(registration))
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Cache-Control"] == "no-store"
    assert "recu-" in answer["Content-Disposition"]
    assert f"Reçu {Receipt.objects.get()}" in read(answer.content)


@pytest.mark.parametrize("said", [{"status": "PENDING"}, {"status": "FREE", "amount": 0}])
def test_without_money_there_is_none(said: dict[str, object]) -> None:
    paid_at = {"paid_at": None}
    registration = seat(event(), **{**said, **paid_at})
    assert Client().get(address(registration)).status_code == 404
    assert not Receipt.objects.exists()


def test_another_token_gives_none() -> None:
    assert Client().get(address(seat(event()), "x")).status_code == 404
    assert not Receipt.objects.exists()


def test_organisers_find_and_print_what_was_given() -> None:
    receipt = receipts.issue(seat(event()).pk)
    desk = organiser("fr")
    assert str(receipt) in desk.get("/admin/papers/receipt/").content.decode()
    answer = desk.get(f"/admin/papers/receipt/{receipt.pk}/print/")
    assert str(receipt) in read(answer.content)


def test_nobody_else_prints_it() -> None:
    receipt = receipts.issue(seat(event()).pk)
    assert Client().get(f"/admin/papers/receipt/{receipt.pk}/print/").status_code == 302


def test_there_is_one_organisation() -> None:
    Organisation.objects.create(name="One")
    with pytest.raises(Error), transaction.atomic():
        Organisation.objects.create(id=2, name="Two")
    desk = organiser()
    there = desk.get("/admin/organisation/organisation/")
    assert there["Location"].endswith("/1/change/")
    assert "One" in desk.get("/").content.decode()
